"""`lms-desktop tutor` as an administrator types it: what it does, says, and returns."""

import importlib.util
import time
from pathlib import Path

import pytest

from lms_desktop.tutor import generation, loading, models, sample
from lms_desktop.tutor.command import main
from lms_desktop.tutor.weights import ModelError
from tests.tutor.model_folders import write_model

ADDON = pytest.mark.skipif(
    not loading.available(), reason="the tutor's add-on (torch, transformers) is not installed"
)


def test_models_are_added_listed_chosen_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert main(["models"], data=data) == 0
    assert "* extractive" in capsys.readouterr().out
    assert main(["add-model", str(write_model(tmp_path / "mini"))], data=data) == 0
    assert "mini: GPT2LMHeadModel" in capsys.readouterr().out
    assert main(["models"], data=data) == 0
    assert "* mini" in capsys.readouterr().out
    assert main(["use", "extractive"], data=data) == 0
    assert models.active(data / "tutor") is None
    assert main(["use", "mini"], data=data) == 0
    assert models.active(data / "tutor") == data / "tutor" / "models" / "mini"
    assert main(["remove", "mini"], data=data) == 0
    assert models.installed(data / "tutor") == ()


def test_without_the_addon_a_model_is_added_and_what_to_install_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["add-model", str(write_model(tmp_path / "mini"))], data=tmp_path / "data") == 0
    assert "pip install 'lms-desktop[tutor]'" in capsys.readouterr().out
    assert models.installed(tmp_path / "data" / "tutor") == ("mini",)


def test_the_data_folder_can_be_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert (
        main(["add-model", "--data", str(other), str(write_model(tmp_path / "mini"))], data=tmp_path / "data")
        == 0
    )
    assert models.installed(other / "tutor") == ("mini",)


@pytest.mark.parametrize(
    "words",
    [
        ["add-model", "nowhere"],
        ["use", "nothing"],
        ["remove", "nothing"],
        ["get", "gpt2", "--from", "ftp://x"],
    ],
)
def test_what_cannot_be_done_is_told_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(words, data=tmp_path / "data") == 1
    told = capsys.readouterr()
    assert told.err.startswith("lms-desktop tutor: ")
    assert "Traceback" not in told.err
    assert told.err.count("\n") == 1


def test_a_damaged_model_is_listed_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    main(["add-model", str(write_model(tmp_path / "mini"))], data=data)
    (data / "tutor" / "models" / "mini" / "config.json").write_text("{}", "utf-8")
    assert main(["models"], data=data) == 0
    assert "mini: cannot be used" in capsys.readouterr().out


def test_an_unknown_verb_is_refused_with_the_verbs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"], data=tmp_path)
    assert ended.value.code == 2
    assert "add-model" in capsys.readouterr().err


@ADDON
def test_a_sample_model_is_made_added_loaded_and_answers(tmp_path: Path) -> None:
    told: list[str] = []
    sample.make_sample_model(tmp_path / "sample", told.append, seconds=0.5)
    assert any(line.startswith("Training: 100%") for line in told)
    assert "recites those pages" in told[-1]
    facts = models.add_model(tmp_path / "sample", tmp_path / "tutor")
    assert facts.architecture == "GPT2LMHeadModel"
    place = models.active(tmp_path / "tutor")
    assert place is not None
    generator = loading.load(place)
    generator.submit(b"x", 1, "What is a coral?", (), (), time.monotonic() + 60)
    events: list[generation.Event] = []
    while not generator.idle:
        events += generator.step()
    assert [type(event) for event in events][-1] is generation.Ended


def test_a_sample_is_not_made_over_what_is_there_nor_without_the_addon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="exists"):
        sample.make_sample_model(tmp_path, print)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="add-on is not installed"):
        sample.make_sample_model(tmp_path / "sample", print)
