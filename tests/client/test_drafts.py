"""Drafts are sealed on this computer: only their author opens them, and a copied folder tells nothing."""

from pathlib import Path

import pytest

from lms_desktop.client.drafts import Drafts
from lms_desktop.client.errors import DocumentFailed

SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))


def test_a_draft_is_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, SECRET)
    assert drafts.load("grade/1/2") is None
    drafts.keep("grade/1/2", (750, "Well do"))
    drafts.keep("grade/1/2", (750, "Well done"))
    assert Drafts(tmp_path, SECRET).load("grade/1/2") == (750, "Well done")
    drafts.forget("grade/1/2")
    drafts.forget("grade/1/2")
    assert drafts.load("grade/1/2") is None


def test_names_are_listed_by_prefix(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, SECRET)
    for name in ("grade/1/2", "submit/aa", "submit/bb"):
        drafts.keep(name, (name,))
    assert sorted(drafts.names("submit/")) == ["submit/aa", "submit/bb"]


def test_another_persons_key_opens_nothing(tmp_path: Path) -> None:
    Drafts(tmp_path, SECRET).keep("grade/1/2", (750, "Well done"))
    other = Drafts(tmp_path, OTHER)
    assert other.load("grade/1/2") is None
    assert list(other.names("")) == []


def test_the_folder_shows_neither_text_nor_names(tmp_path: Path) -> None:
    Drafts(tmp_path, SECRET).keep("grade/1/2", (750, "a rare word: quinquereme"))
    (file,) = tmp_path.iterdir()
    assert b"quinquereme" not in file.read_bytes()
    assert "grade" not in file.name


def test_a_file_put_in_anothers_place_does_not_open(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, SECRET)
    drafts.keep("grade/1/2", (750, "for one"))
    (first,) = tmp_path.iterdir()
    drafts.keep("grade/1/3", (100, "for another"))
    (second,) = (path for path in tmp_path.iterdir() if path != first)
    second.write_bytes(first.read_bytes())
    assert drafts.load("grade/1/3") is None


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    with pytest.raises(DocumentFailed, match="could not be saved"):
        Drafts(blocked, SECRET).keep("grade/1/2", (1, "text"))
