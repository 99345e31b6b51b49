"""Extracted text on disk, by the SHA-256 of the PDF: JSON lines, the last of which is the others' hash."""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

from lms_desktop.tutor.pages import Extracted, Page

MAX_BYTES: Final = 256 << 20
_FORMAT: Final = 1  # another one: read the PDF again


class TextCache:
    """A folder of texts, the least recently used of which go when it grows over its bound. It only saves
    time: what is damaged counts as not there, and a disk that takes no more is no error."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, sha256: bytes) -> Extracted | None:
        """Return the text of the PDF with this hash, if it was kept."""
        path = self._path(sha256)
        try:
            body, _, seal = path.read_bytes().rstrip(b"\n").rpartition(b"\n")
            if json.loads(seal) != {"sha256": hashlib.sha256(body).hexdigest()}:
                raise ValueError("its hash is another")
            head, *lines = map(json.loads, body.split(b"\n"))
            if head["format"] != _FORMAT:
                return None
            pages = tuple(Page(line["page"], line["text"]) for line in lines)
            os.utime(path)
            return Extracted(pages, head["count"], head["problem"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            with contextlib.suppress(OSError):
                path.unlink()
            return None

    def put(self, sha256: bytes, extracted: Extracted) -> None:
        """Keep a text, and drop the oldest ones that are too many."""
        lines: list[dict[str, Any]] = [
            {"format": _FORMAT, "count": extracted.count, "problem": extracted.problem}
        ]
        lines += ({"page": page.number, "text": page.text} for page in extracted.pages)
        body = "\n".join(map(json.dumps, lines)).encode()
        seal = json.dumps({"sha256": hashlib.sha256(body).hexdigest()}).encode()
        path = self._path(sha256)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(body + b"\n" + seal + b"\n")
            part.replace(path)
            self._evict()

    def _evict(self) -> None:
        found = [(path, path.stat()) for path in self._folder.iterdir()]
        found.sort(key=lambda one: one[1].st_mtime_ns, reverse=True)
        total = 0
        for path, status in found:
            total += status.st_size
            if total > self._max_bytes:
                path.unlink()

    def _path(self, sha256: bytes) -> Path:
        return self._folder / f"{sha256.hex()}.jsonl"
