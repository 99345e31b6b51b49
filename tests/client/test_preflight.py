"""A file is looked at before it is handed in: what cannot be opened is refused, saying what to do."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from lms_desktop.client import preflight
from lms_desktop.client.errors import BadFile
from tests.client import pdfs


def test_a_sound_pdf_is_described(tmp_path: Path) -> None:
    path = pdfs.sample(tmp_path)
    found = asyncio.run(preflight.inspect(path))
    assert found.pages == 1
    assert found.size == path.stat().st_size
    assert not found.identical
    again = asyncio.run(preflight.inspect(path, last_sha256=found.sha256))
    assert again.identical


def _empty(folder: Path) -> Path:
    path = folder / "empty.pdf"
    path.touch()
    return path


def _text(folder: Path) -> Path:
    path = folder / "text.pdf"
    path.write_text("My homework is in another file. " * 100)
    return path


def _garbage(folder: Path) -> Path:
    path = folder / "garbage.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"\x00\xff" * 4000 + b"startxref\n99999999\n%%EOF\n")
    return path


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (_empty, "empty"),
        (_text, "not a PDF"),
        (pdfs.truncated, "cut off"),
        (pdfs.encrypted, "password"),
        (pdfs.locked_for_printing, "password"),
        (pdfs.without_pages, "no pages"),
        (_garbage, "damaged"),
        (lambda folder: folder / "gone.pdf", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_handed_in_is_refused_saying_why_and_what_to_do(
    tmp_path: Path, make: Callable[[Path], Path], what: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(BadFile, match=what) as caught:
        asyncio.run(preflight.inspect(path))
    assert caught.value.where == path.name
    assert caught.value.next_step


def test_a_file_over_the_limit_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = pdfs.sample(tmp_path)
    with pytest.raises(BadFile, match="more than the limit"):
        asyncio.run(preflight.inspect(path, limit=path.stat().st_size - 1))


def test_a_pdf_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "DEADLINE_S", 0.0)
    with pytest.raises(BadFile, match="too much time or memory"):
        asyncio.run(preflight.inspect(pdfs.sample(tmp_path)))


def test_a_pdf_that_takes_too_much_memory_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "MEMORY_LIMIT", 1)
    monkeypatch.setattr(preflight, "WATCH_S", 0.001)
    with pytest.raises(BadFile, match="too much time or memory"):
        asyncio.run(preflight.inspect(pdfs.sample(tmp_path)))
