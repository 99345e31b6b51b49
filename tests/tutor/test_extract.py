"""Documents are read in child processes: whatever a file does harms nobody else, and the reason is told."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lms_desktop.tutor import extract as extraction
from lms_desktop.tutor import pages as limits
from lms_desktop.tutor import pdftext
from lms_desktop.tutor.extract import Extraction, extract
from lms_desktop.tutor.pages import Extracted, Page, clean
from lms_desktop.tutor.textcache import TextCache
from tests.tutor import pdfs

LINES = ["The harbour of Luma is 14 metres deep.", "Ships wait there for the morning tide."]


@pytest.fixture
def cache(tmp_path: Path) -> TextCache:
    return TextCache(tmp_path / "text")


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    assert psutil.Process().children() == []


def read(path: Path, cache: TextCache) -> Extracted:
    found = hashlib.sha256(path.read_bytes()).digest() if path.exists() else bytes(32)
    return extract(path, found, cache)


def test_text_is_read_page_by_page_with_its_lines(tmp_path: Path, cache: TextCache) -> None:
    path = pdfs.with_text(tmp_path / "notes.pdf", [LINES, ["Second page: a lighthouse."]])
    found = read(path, cache)
    assert found == Extracted(
        (Page(1, "\n".join(LINES)), Page(2, "Second page: a lighthouse.")), count=2, problem=""
    )
    assert found.words == ""


def test_a_word_cut_by_a_lines_end_keeps_its_hyphen_and_line(tmp_path: Path, cache: TextCache) -> None:
    path = pdfs.with_text(tmp_path / "cut.pdf", [["The light-", "house keeper sleeps at noon."]])
    assert read(path, cache).pages[0].text == "The light-\nhouse keeper sleeps at noon."


def test_what_a_protected_pdf_lets_everybody_read_is_read(tmp_path: Path, cache: TextCache) -> None:
    found = read(pdfs.encrypted(tmp_path / "open.pdf", password=""), cache)
    assert found.pages[0].text == "Sealed words on a page that all may read."


def _written(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def _truncated(path: Path) -> Path:
    data = pdfs.rich(path, 5).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


@pytest.mark.parametrize(
    ("make", "problem", "words"),
    [
        (lambda path: pdfs.encrypted(path, password="secret"), "encrypted", "password"),
        (_truncated, "truncated", "its end is missing"),
        (_written(b"%PDF-1.7\n" + b"\x00\xff" * 4000 + b"startxref\n99\n%%EOF\n"), "damaged", "damaged"),
        (_written(b""), "empty", "empty"),
        (_written(b"My notes are in another file. " * 40), "not_pdf", "not a PDF"),
        (pdfs.without_pages, "no_pages", "no pages"),
        (lambda path: path, "missing", "cannot be read"),
        (lambda path: pdfs.double_flate_bomb(path, 2 << 30), "unreadable", "No page"),
    ],
    ids=["encrypted", "truncated", "garbage", "empty", "text", "no pages", "missing", "double Flate bomb"],
)
def test_what_cannot_be_read_says_why(
    tmp_path: Path, cache: TextCache, make: Callable[[Path], Path], problem: str, words: str
) -> None:
    found = read(make(tmp_path / "file.pdf"), cache)
    assert (found.pages, found.problem) == ((), problem)
    assert words in found.words


def test_what_is_left_of_a_pdf_without_its_end_is_read_and_told(tmp_path: Path, cache: TextCache) -> None:
    path = pdfs.with_text(tmp_path / "cut.pdf", [LINES])
    path.write_bytes(path.read_bytes().rstrip().removesuffix(b"%%EOF"))
    found = read(path, cache)
    assert found.pages == (Page(1, "\n".join(LINES)),)
    assert "its end is missing" in found.words


def test_a_flate_bomb_is_survived(tmp_path: Path, cache: TextCache) -> None:
    found = read(pdfs.flate_bomb(tmp_path / "bomb.pdf", 320 << 20), cache)
    assert found.problem in ("scanned", "unreadable")


def test_the_words_before_a_form_that_draws_itself_are_read(tmp_path: Path, cache: TextCache) -> None:
    found = read(pdfs.form_that_draws_itself(tmp_path / "self.pdf"), cache)
    assert clean(found.pages[0].text).strip() == "Words before the form that draws itself."


def test_forms_that_multiply_end_within_their_limits(tmp_path: Path, cache: TextCache) -> None:
    found = read(pdfs.exponential_forms(tmp_path / "forms.pdf", 12), cache)
    assert found.count == 1


def test_a_scan_says_that_it_has_no_text(tmp_path: Path, cache: TextCache) -> None:
    found = read(pdfs.scanned(tmp_path / "scan.pdf", 3), cache)
    assert found.problem == "scanned"
    assert "pictures without text" in found.words


def test_no_more_pages_are_read_than_the_limit(tmp_path: Path, cache: TextCache) -> None:
    found = read(pdfs.many_pages(tmp_path / "many.pdf", pdftext.PAGES + 1000), cache)
    assert len(found.pages) == pdftext.PAGES
    assert found.words == "Only the first 5,000 of the PDF's 6,000 pages are read."


def test_no_more_of_a_page_is_read_than_the_limit(tmp_path: Path, cache: TextCache) -> None:
    text = b"BT /F1 1 Tf 72 700 Td %s ET" % (b"(words without end ) Tj " * 60_000)
    found = read(pdfs.raw_page(tmp_path / "long.pdf", pdfs.stream(text)), cache)
    assert len(found.pages[0].text) == pdftext.PAGE_CHARACTERS


def test_no_more_of_a_document_is_read_than_the_limit(
    tmp_path: Path, cache: TextCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "DOCUMENT_CHARACTERS", 100_000)
    found = read(pdfs.many_pages(tmp_path / "many.pdf", 5000), cache)
    assert found.problem == "long"
    assert 3000 < len(found.pages) < 4000


ABORTS_AFTER_ONE_PAGE = """
import io, json, os, sys
from lms_desktop.tutor import pdftext
line = sys.stdin.buffer.readline()
if json.loads(line)["engine"] == "pdfium":
    print('{"count": 2, "cut": false}', '{"page": 1, "text": "PDFium read this."}', sep="\\n", flush=True)
    os.abort()
sys.stdin = io.TextIOWrapper(io.BytesIO(line))
pdftext.main()
"""


def test_pages_that_pdfium_left_when_it_aborted_are_read_by_pypdf(
    tmp_path: Path, cache: TextCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", ABORTS_AFTER_ONE_PAGE]
    monkeypatch.setattr(extraction, "child_command", lambda *_: command)
    found = read(
        pdfs.with_text(tmp_path / "notes.pdf", [["One."], ["The second page has words too."]]), cache
    )
    assert [page.text.strip() for page in found.pages] == [
        "PDFium read this.",
        "The second page has words too.",
    ]
    assert found.problem == ""


def test_pages_that_nobody_can_read_are_counted(
    tmp_path: Path, cache: TextCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ABORTS_AFTER_ONE_PAGE.replace("pdftext.main()", "os.abort()")
    monkeypatch.setattr(extraction, "child_command", lambda *_: [sys.executable, "-c", script])
    found = read(
        pdfs.with_text(tmp_path / "notes.pdf", [["One."], ["The second page has words too."]]), cache
    )
    assert [page.text for page in found.pages] == ["PDFium read this."]
    assert found.words.startswith("1 of the PDF's 2 pages cannot be read. Two PDF readers failed")


@pytest.mark.parametrize(
    ("limit", "value", "problem"), [("SECONDS", 0.0, "time"), ("MEMORY", 1, "memory")], ids=["time", "memory"]
)
def test_a_child_that_passes_a_limit_is_ended(
    tmp_path: Path,
    cache: TextCache,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: float,
    problem: str,
) -> None:
    monkeypatch.setattr(extraction, limit, value)
    reading = Extraction(pdfs.exponential_forms(tmp_path / "forms.pdf", 12), bytes(32), cache)
    while reading.result is None:
        reading.poll(0.001)
    assert reading.result.problem == problem
    assert reading.result.words.startswith("Reading the PDF took too")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("print('x' * 10**7)", "crashed"),
        ("print('[1, 2]'); import time; time.sleep(99)", "crashed"),
        ('print(\'{"count": -1, "cut": 0}\'); print(\'{"page": 10000000, "text": "far"}\')', "unreadable"),
        ('print(\'{"count": 2, "cut": false}\'); print(\'{"page": "1", "text": 5}\')', "unreadable"),
        ('while True: print(\'{"count": 9, "cut": false}\', flush=True)', "time"),
    ],
    ids=["endless line", "no object", "places", "types", "flood"],
)
def test_what_a_child_says_is_not_trusted(
    cache: TextCache, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    monkeypatch.setattr(extraction, "child_command", lambda *_: [sys.executable, "-c", script])
    monkeypatch.setattr(extraction, "SECONDS", 1.0)
    found = extract(Path("any.pdf"), bytes(32), cache)
    assert (found.pages, found.problem) == ((), problem)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the parent's watch bounds the memory")
def test_a_child_cannot_take_more_memory_than_its_limit() -> None:
    script = "from lms_desktop.tutor import pdftext\npdftext._limit()\nbytearray(pdftext.MEMORY)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr.rstrip().endswith("MemoryError")


def test_reading_can_be_given_up(tmp_path: Path, cache: TextCache) -> None:
    reading = Extraction(pdfs.rich(tmp_path / "rich.pdf", 200), bytes(32), cache)
    reading.poll(0.0)
    reading.close()
    assert reading.result is None


ENDLESS = """
import time
from lms_desktop.tutor import pdftext
pdftext._read = lambda *_: time.sleep(99)
pdftext.main()
"""
PARENT = f"""
import sys
from pathlib import Path
from lms_desktop.tutor import extract
from lms_desktop.tutor.textcache import TextCache
extract.child_command = lambda *_: [sys.executable, "-c", {ENDLESS!r}]
reading = extract.Extraction(Path("any.pdf"), bytes(32), TextCache(Path("text")))
reading.poll(0.0)
print(reading._child._process.pid, flush=True)
while reading.result is None:
    reading.poll(0.1)
"""


def test_a_child_ends_with_whoever_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(20)


def test_a_text_is_read_once(tmp_path: Path, cache: TextCache) -> None:
    path = pdfs.with_text(tmp_path / "notes.pdf", [LINES])
    sha256 = hashlib.sha256(path.read_bytes()).digest()
    found = extract(path, sha256, cache)
    path.unlink()
    assert extract(path, sha256, cache) == found


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe", b'{"sha256": "00"}\n{"sha256": "00"}\n'])
def test_a_damaged_cache_is_read_anew(tmp_path: Path, cache: TextCache, damage: bytes) -> None:
    path = pdfs.with_text(tmp_path / "notes.pdf", [LINES])
    found = read(path, cache)
    (kept,) = (tmp_path / "text").iterdir()
    kept.write_bytes(damage)
    assert read(path, cache) == found
    assert json.loads(kept.read_bytes().splitlines()[0])["count"] == 1


def test_an_altered_cache_is_not_believed(tmp_path: Path, cache: TextCache) -> None:
    path = pdfs.with_text(tmp_path / "notes.pdf", [LINES])
    found = read(path, cache)
    (kept,) = (tmp_path / "text").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"14 metres", b"99 metres"))
    assert read(path, cache) == found


def test_the_cache_keeps_within_its_bound_and_drops_what_was_used_longest_ago(tmp_path: Path) -> None:
    cache = TextCache(tmp_path / "text", max_bytes=3_000)
    texts = [Extracted((Page(1, str(number) * 1_000),), 1, "") for number in range(3)]
    for number, text in enumerate(texts):
        cache.put(bytes([number]) * 32, text)
        if number == 1:
            assert cache.get(bytes(32)) == texts[0]
    assert [cache.get(bytes([number]) * 32) for number in range(3)] == [texts[0], None, texts[2]]
    assert sum(file.stat().st_size for file in (tmp_path / "text").iterdir()) <= 3_000


def test_what_is_no_text_or_would_mislead_on_a_screen_is_taken_out() -> None:
    spoilt = "Pay\x00 10\u202e0 euros\x1b[0m\r\nsoft\u00adhyphen\ufeff \udc80end"
    assert clean(spoilt) == "Pay 100 euros[0m\nsofthyphen end"


def test_text_from_right_to_left_is_kept(tmp_path: Path, cache: TextCache) -> None:
    words = "نص عربي מילים בעברית"
    assert clean(words) == words
    path = pdfs.with_text(tmp_path / "rtl.pdf", [["Two languages: " + words] * 3])
    letters = sorted(set(words.replace(" ", "")))
    assert set(letters) <= set(read(path, cache).pages[0].text)


def test_a_scan_is_told_by_its_characters_a_page() -> None:
    few = tuple(Page(number, "p. 7") for number in range(1, 9))
    assert limits.judged(few, 8, "").problem == "scanned"
    assert limits.judged((*few, Page(9, "words " * 30)), 9, "").problem == ""
