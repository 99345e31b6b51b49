"""A model's folder is judged before anything of it is loaded, copied whole, and watched for changes after."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lms_desktop.tutor import models
from lms_desktop.tutor.weights import ModelError
from tests.tutor.model_folders import (
    CONFIG,
    write_model,
    write_raw_safetensors,
    write_safetensors,
    write_sharded,
)


def test_a_plain_model_passes_and_its_facts_are_told(tmp_path: Path) -> None:
    facts = models.check(write_model(tmp_path / "small"))
    assert (facts.name, facts.architecture, facts.context) == ("small", "GPT2LMHeadModel", 1024)
    assert facts.parameters == 16 * 8 + 1024 * 8
    assert facts.needed_bytes > facts.parameters * 4


def test_a_model_in_several_files_passes(tmp_path: Path) -> None:
    assert models.check(write_sharded(tmp_path / "shards")).parameters == 2 * 16 * 8


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "weights.pt", "old.pkl", "modeling.py", "tf_model.h5", "x.PKL", "lib.so"]
)
def test_what_may_carry_code_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path / "model")
    (folder / name).write_bytes(b"")
    with pytest.raises(ModelError, match="may carry code"):
        models.check(folder)


def test_an_unknown_file_or_folder_is_refused_and_notes_are_not(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "README.md").write_text("what it is", encoding="utf-8")
    models.check(folder)
    (folder / "onnx").mkdir()
    with pytest.raises(ModelError, match="no part of a model"):
        models.check(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a right on Windows")
def test_links_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "config.json").rename(tmp_path / "config.json")
    (folder / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(ModelError, match="is a link"):
        models.check(folder)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map"),
        ({"text_config": {"auto_map": {}}}, "auto_map"),
        ({"architectures": ["EvilForCausalLM"]}, "does not know"),
        ({"architectures": []}, "does not know"),
        ({"architectures": "GPT2LMHeadModel"}, "does not know"),
        ({"architectures": [["GPT2LMHeadModel"]]}, "does not know"),
        ({"n_layer": 10**400}, "no model has so large a n_layer"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"n_positions": 128}, "reads 128 tokens"),
        ({"n_positions": "1024"}, "unknown number"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(
    tmp_path: Path, config: dict[str, object], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        models.check(write_model(tmp_path / "model", **config))


def test_a_tokenizer_that_wants_code_of_its_own_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["x", null]}}', "utf-8")
    with pytest.raises(ModelError, match="auto_map"):
        models.check(folder)


def test_what_wants_code_is_found_however_deep_it_stands(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    deep = '{"a":' * 400 + '{"auto_map": 1}' + "}" * 400
    (folder / "config.json").write_text(json.dumps(CONFIG)[:-1] + f', "x": {deep}}}', "utf-8")
    with pytest.raises(ModelError, match="auto_map"):
        models.check(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_what_would_never_end_being_read_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    os.mkfifo(folder / "special_tokens_map.json")
    with pytest.raises(ModelError, match="no part of a model"):
        models.check(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_damaged_configuration_is_refused(tmp_path: Path, text: str) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        models.check(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_model_that_lacks_a_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(ModelError):
        models.check(folder)


def entry(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({"a": entry(0, 16, [4])}, 12),  # cut off
        ({"a": entry(0, 16, [4])}, 20),  # more than it tells of
        ({"a": entry(0, 16, [4]), "b": entry(12, 28, [4])}, 28),  # overlapping
        ({"a": entry(0, 16, [4]), "b": entry(20, 36, [4])}, 36),  # a gap
        ({"a": entry(0, 12, [4])}, 12),  # shape and length disagree
        ({"a": entry(0, -16, [-4])}, 0),
        ({"a": entry(0, 16, [4], "PICKLE")}, 16),
        ({"a": {"shape": [4]}}, 16),
        ({"a": 7}, 0),
        ({}, 0),
    ],
)
def test_weights_whose_header_is_not_true_are_refused(
    tmp_path: Path, header: dict[str, object], body: int
) -> None:
    folder = write_model(tmp_path / "model")
    write_raw_safetensors(folder / "model.safetensors", header, bytes(body))
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        models.check(folder)


def test_a_header_larger_than_any_models_is_refused_unread(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    with (folder / "model.safetensors").open("wb") as file:
        file.write((17 << 20).to_bytes(8, "little"))
        file.truncate(8 + (17 << 20))
    with pytest.raises(ModelError, match="cut off or is no safetensors"):
        models.check(folder)


@pytest.mark.parametrize("raw", [b"", b"1234567", b"\xff" * 8, (10).to_bytes(8, "little") + b"not json!!"])
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(raw)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        models.check(folder)


def lose_a_shard(folder: Path) -> None:
    (folder / "model-00002-of-00002.safetensors").unlink()


def leave_a_shard_over(folder: Path) -> None:
    write_safetensors(folder / "model-00003-of-00003.safetensors", {"more": (2,)})


def repeat_a_tensor(folder: Path) -> None:
    write_safetensors(folder / "model-00003-of-00003.safetensors", {"wte.weight": (16, 8)})


def lie_about_the_total(folder: Path) -> None:
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text("utf-8"))
    index["metadata"]["total_size"] += 1
    path.write_text(json.dumps(index), "utf-8")


def damage_the_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": 3}', "utf-8")


def lose_the_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").unlink()


@pytest.mark.parametrize(
    "harm",
    [
        lose_a_shard,
        leave_a_shard_over,
        repeat_a_tensor,
        lie_about_the_total,
        damage_the_index,
        lose_the_index,
    ],
)
def test_shards_and_index_must_agree(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    folder = write_sharded(tmp_path / "model")
    harm(folder)
    with pytest.raises(ModelError):
        models.check(folder)


def test_memory_is_asked_before_loading(tmp_path: Path) -> None:
    facts = models.check(write_model(tmp_path / "model"))
    models.check_memory(facts, facts.needed_bytes)
    with pytest.raises(ModelError, match="needs about"):
        models.check_memory(facts, facts.needed_bytes - 1)


def test_a_model_of_another_size_needs_memory_by_its_layers(tmp_path: Path) -> None:
    one = models.check(write_model(tmp_path / "one")).needed_bytes
    more = models.check(write_model(tmp_path / "more", n_layer=24, n_embd=1024, n_head=16)).needed_bytes
    assert more - one == models.CACHED_TOKENS * (2 * 24 * 1024 - 2 * 8) * 4


def test_an_added_model_is_copied_whole_and_becomes_the_active_one(tmp_path: Path) -> None:
    source, tutor = write_model(tmp_path / "gpt-mini"), tmp_path / "tutor"
    seen: list[tuple[int, int]] = []
    facts = models.add_model(source, tutor, lambda done, total: seen.append((done, total)))
    assert models.installed(tutor) == ("gpt-mini",)
    assert models.active(tutor) == tutor / "models" / "gpt-mini"
    assert (
        seen[-1] == (facts.file_bytes - len((tutor / "models" / "gpt-mini" / "SHA256SUMS").read_bytes()),) * 2
    )
    shutil.rmtree(source)
    assert models.check(tutor / "models" / "gpt-mini") == facts


def test_a_model_altered_after_it_was_added_is_refused(tmp_path: Path) -> None:
    tutor = tmp_path / "tutor"
    models.add_model(write_model(tmp_path / "model"), tutor)
    place = tutor / "models" / "model"
    (place / "config.json").write_text(json.dumps({**CONFIG, "n_layer": 2}), "utf-8")
    with pytest.raises(ModelError, match="altered or damaged"):
        models.check(place)


def test_a_list_of_hashes_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="altered or damaged"):
        models.check(folder)


def test_a_model_that_lost_a_file_after_it_was_added_is_refused(tmp_path: Path) -> None:
    tutor = tmp_path / "tutor"
    models.add_model(write_model(tmp_path / "model"), tutor)
    (tutor / "models" / "model" / "tokenizer_config.json").unlink()
    with pytest.raises(ModelError, match="tokenizer_config"):
        models.check(tutor / "models" / "model")


def test_one_of_the_same_name_is_replaced_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    tutor = tmp_path / "tutor"
    models.add_model(write_model(tmp_path / "a" / "model"), tutor)
    models.add_model(write_model(tmp_path / "b" / "model", n_positions=512), tutor)
    assert models.check(tutor / "models" / "model").context == 512
    with pytest.raises(ModelError):
        models.add_model(write_model(tmp_path / "c" / "model", n_positions=5), tutor)
    assert models.check(tutor / "models" / "model").context == 512
    assert sorted(each.name for each in (tutor / "models").iterdir()) == ["active", "model"]


def test_a_disk_too_full_is_told_before_anything_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SPARE_DISK", shutil.disk_usage(tmp_path).free)
    with pytest.raises(ModelError, match="free"):
        models.add_model(write_model(tmp_path / "model"), tmp_path / "tutor")
    assert models.installed(tmp_path / "tutor") == ()


@pytest.mark.parametrize("name", [".hidden", "active", "a b", "x" * 65, "grün"])
def test_names_that_cannot_be_folders_everywhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        models.add_model(write_model(tmp_path / name), tmp_path / "tutor")


def test_choosing_and_removing(tmp_path: Path) -> None:
    tutor = tmp_path / "tutor"
    assert models.active(tutor) is None
    for name in ("one", "two"):
        models.add_model(write_model(tmp_path / name), tutor)
    models.activate(tutor, "one")
    assert models.active(tutor) == tutor / "models" / "one"
    models.remove(tutor, "one")
    assert models.active(tutor) is None
    assert models.installed(tutor) == ("two",)
    models.activate(tutor, "two")
    models.activate(tutor, None)
    assert models.active(tutor) is None
    for act in (models.activate, models.remove):
        with pytest.raises(ModelError, match="Installed: two"):
            act(tutor, "three")


def test_an_active_name_that_leads_elsewhere_is_no_model(tmp_path: Path) -> None:
    tutor = tmp_path / "tutor"
    models.add_model(write_model(tmp_path / "model"), tutor)
    write_model(tmp_path / "elsewhere")
    (tutor / "models" / "active").write_text(os.path.join("..", "..", "elsewhere"), "utf-8")  # noqa: PTH118
    assert models.active(tutor) is None
