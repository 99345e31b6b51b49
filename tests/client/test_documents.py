"""The printed pages say what people need, in any script that the font covers, and names are never markup."""

import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from lms_desktop.client import documents
from lms_desktop.client.errors import DocumentFailed

SLIP = documents.SlipText(
    "Lycée Łódź", "Zoë Αθηνά Привет", "zoe", "student", "abacus abdomen abide ablaze able ace"
)


def _pages(tmp_path: Path, data: bytes) -> list[str]:
    path = documents.write_file(tmp_path / "page.pdf", data)
    return [re.sub(r"\s+", " ", page.extract_text()) for page in PdfReader(path).pages]


@pytest.mark.parametrize(("per_page", "pages"), [(1, 5), (2, 3), (3, 2)])
def test_slips_fill_the_pages_as_asked(tmp_path: Path, per_page: int, pages: int) -> None:
    found = _pages(tmp_path, documents.slips([SLIP] * 5, per_page=per_page))
    assert len(found) == pages
    text = " ".join(found)
    assert text.count(SLIP.words) == 5
    assert SLIP.name in text
    assert SLIP.school in text


def test_a_name_is_text_and_never_markup(tmp_path: Path) -> None:
    hostile = documents.SlipText("<b>School", "<img src='x'/> & <para>", "x", "student", SLIP.words)
    (page,) = _pages(tmp_path, documents.slips([hostile]))
    assert "<img src='x'/> & <para>" in page


def test_the_recovery_kit_holds_its_code(tmp_path: Path) -> None:
    code = "AAAAA-BBBBB-CCCCC\nDDDDD-EEEEE"
    kit = documents.KitText("Lycée", "ab12cd", "Ada", "ada", "2026-01-02", code)
    (page,) = _pages(tmp_path, documents.recovery_kit(kit))
    assert all(line in page for line in code.splitlines())
    assert "Lycée" in page


def test_a_receipt_carries_its_machine_readable_form(tmp_path: Path) -> None:
    text = documents.ReceiptText("Receipt", "K7QF-2M9X", (("SHA-256", "ab" * 32),), "Safe.")
    path = documents.write_file(tmp_path / "r.pdf", documents.receipt(text, machine_readable=b"\x01\x02raw"))
    reader = PdfReader(path)
    assert reader.attachments[documents.RECEIPT_ATTACHMENT] == [b"\x01\x02raw"]
    assert "K7QF-2M9X" in reader.pages[0].extract_text()


def test_a_transcript_says_who_said_what_and_what_was_quoted_from_where(tmp_path: Path) -> None:
    text = documents.Transcript(
        "Questions to the tutor",
        (("Student", "Zoë & <Co>"),),
        (
            documents.Spoken("Zoë, 14:03", "Why halve?\nAnd why twice?"),
            documents.Spoken("The tutor", "", (("Each step halves <the> list.", "Cost, page 2"),), "Unsure."),
        ),
    )
    (page,) = _pages(tmp_path, documents.transcript(text))
    plain = documents.transcript_text(text).decode()
    for said in ("Zoë & <Co>", "Why halve?", "And why twice?", "Each step halves <the> list.", "Unsure."):
        assert said in page
        assert said in plain
    assert plain.index("Why halve?\nAnd why twice?") < plain.index("Cost, page 2")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file.pdf"
    documents.write_file(target, b"first")
    documents.write_file(target, b"second")
    assert target.read_bytes() == b"second"
    assert [path.name for path in target.parent.iterdir()] == ["file.pdf"]
    with pytest.raises(DocumentFailed, match="could not be written"):
        documents.write_file(target / "below a file.pdf", b"third")
    assert target.read_bytes() == b"second"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\work\\a.pdf", "C__work_a.pdf"),
        ("essay.pdf", "essay.pdf"),
        ("...", "file.pdf"),
        ("доклад 1.pdf", "доклад 1.pdf"),
        ("a\x00b\n.pdf", "a_b_.pdf"),
    ],
)
def test_names_given_by_people_never_become_paths(name: str, safe: str) -> None:
    assert documents.safe_file_name(name, fallback="file.pdf") == safe
