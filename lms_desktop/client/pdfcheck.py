"""The child process that opens a PDF, so that a malicious one never reaches the app.

Run as `lms-desktop pdfcheck`. The path comes on stdin, the answer goes to stdout as JSON: {"pages", "size",
"sha256"}, or {"problem"}: missing, empty, not_pdf, truncated, encrypted, damaged or no_pages.
"""

import hashlib
import json
import sys
from pathlib import Path

_TAIL = 64 * 1024
_HEADER_WITHIN = 1024
_BLOCK = 1 << 20


def check(path: Path) -> dict[str, object]:
    """Look at one file; returns what is to be printed."""
    try:
        size = path.stat().st_size
        if size == 0:
            return {"problem": "empty"}
        digest = hashlib.sha256()
        with path.open("rb") as file:
            head = file.read(_HEADER_WITHIN)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
            file.seek(0)
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return {"problem": "missing"}
    if b"%PDF-" not in head:
        return {"problem": "not_pdf"}
    if b"%%EOF" not in tail or b"startxref" not in tail:
        return {"problem": "truncated"}
    problem, pages = _open(path)
    if problem:
        return {"problem": problem}
    return {"pages": pages, "size": size, "sha256": digest.hexdigest()}


def _open(path: Path) -> tuple[str, int]:
    import logging

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        with path.open("rb") as file:
            reader = PdfReader(file)
            if reader.is_encrypted:
                return "encrypted", 0
            pages = sum(1 for page in reader.pages if page.mediabox is not None)
    except MemoryError:
        raise
    except Exception:  # whatever a hostile file provokes in the parser means: it does not open
        return "damaged", 0
    return ("", pages) if pages else ("no_pages", 0)


def main() -> int:
    """Read the path from stdin, print the answer."""
    path = Path(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
    sys.stdout.write(json.dumps(check(path)))
    return 0
