"""The child process that reads a PDF's text, so that a malicious one harms nobody else.

Run as `lms-desktop tutor extract`. One line of JSON comes on stdin: {"path", "engine": "pdfium" | "pypdf",
"skip": [pages that are known already]}. JSON lines go to stdout as they are found: {"count", "cut"} once the
file is open ("cut": its end is missing), then {"page", "text"} for each page that can be read; or one line
{"problem"}: missing, empty, not_pdf, truncated, encrypted, damaged or no_pages. What a child printed
before it died stands. It ends with whoever started it: when its stdin ends.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

MEMORY: Final = 1 << 30  # bytes of address space
SECONDS: Final = 60
PAGES: Final = 5_000
PAGE_CHARACTERS: Final = 200_000

_HEADER_WITHIN: Final = 1024
_TAIL: Final = 64 * 1024
_STREAM: Final = 16_000_000  # decompressed bytes of one stream, for pypdf: a page of text has a thousandth
_FORMS: Final = 1_000  # drawn on one page, for pypdf

ReadPage = Callable[[int], str]


class _Problem(Exception):
    """Why nothing can be read: the message is one of the words above."""


def main(_arguments: Sequence[str] = ()) -> int:
    """Read the request from stdin, print what the file holds."""
    _limit()
    logging.disable(logging.CRITICAL)
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        for line in _read(Path(request["path"]), request["engine"], frozenset(request["skip"])):
            print(json.dumps(line), flush=True)
    except _Problem as problem:
        print(json.dumps({"problem": str(problem)}), flush=True)
    return 0


def _read(path: Path, engine: str, skip: frozenset[int]) -> Iterator[dict[str, Any]]:
    cut = _is_cut(path)
    try:
        count, text_of = _with_pdfium(path) if engine == "pdfium" else _with_pypdf(path)
    except _Problem:
        raise
    except Exception as error:  # whatever a hostile file provokes in a parser means: it does not open
        raise _Problem("truncated" if cut else "damaged") from error
    if not count:
        raise _Problem("no_pages")
    yield {"count": count, "cut": cut}
    for number in range(1, min(count, PAGES) + 1):
        if number not in skip:
            try:
                text = text_of(number)
            except Exception:  # as above; the next page may be sound
                continue
            yield {"page": number, "text": text[:PAGE_CHARACTERS]}


def _is_cut(path: Path) -> bool:
    """Return whether the end of the file is missing."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            head = file.read(_HEADER_WITHIN)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
    except OSError as error:
        raise _Problem("missing") from error
    if not head:
        raise _Problem("empty")
    if b"%PDF-" not in head:
        raise _Problem("not_pdf")
    return b"%%EOF" not in tail


def _with_pdfium(path: Path) -> tuple[int, ReadPage]:
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise _Problem("encrypted") from error
        raise

    def text_of(number: int) -> str:
        page = document[number - 1]
        try:
            text_page = page.get_textpage()
            try:
                text: str = text_page.get_text_range()
            finally:
                text_page.close()
        finally:
            page.close()
        return text.replace("\ufffe", "-\n")  # PDFium's mark for a hyphen at the end of a line

    return len(document), text_of


def _with_pypdf(path: Path) -> tuple[int, ReadPage]:
    import pypdf

    pypdf.overwrite_configuration(
        zlib_maximum_output_length=_STREAM,
        lzw_maximum_output_length=_STREAM,
        run_length_maximum_output_length=_STREAM,
        array_based_stream_maximum_output_length=_STREAM,
        xform_maximum_invocations_per_extraction=_FORMS,
    )
    document = pypdf.PdfReader(path)
    if document.is_encrypted and not document.decrypt(""):
        raise _Problem("encrypted")
    return document.get_num_pages(), lambda number: document.pages[number - 1].extract_text()


def _end_with_input() -> None:
    """A file may keep this process busy for long after nobody waits for it any more."""
    while os.read(0, 4_096):  # not sys.stdin.read: its lock would be held at this process's end
        pass
    os._exit(1)


def _limit() -> None:
    """Bound this process where the system can; the parent watches its memory and time besides."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
