"""What the courses consist of now, for the worker to index: texts from the ledger, files put together from
blobs.

A file is put together under `files/` only where its text is not kept already (`text/`), and removed once the
course is indexed. What the worker has indexed is remembered in `indexed.json`, as a hash of each course's
documents, so that a worker is not started to find that nothing is new.
"""

import asyncio
import hashlib
import json
import logging
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.folder import replace_file
from lms_desktop.school.queries.tutor import DocumentRow, course_documents
from lms_desktop.trust import wire
from lms_desktop.tutor.protocol import MAX_FRAME, Document, Open

FILE = "indexed.json"
_PART_BYTES = MAX_FRAME // 2
FREE_BYTES = 1 << 30
"""Stay free on the disk, which the ledger needs too: a file waits until others have been read and removed."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contents:
    """A course as the worker is told of it, but for the edition. `lacking`: a file of it has not arrived on
    this machine."""

    opens: tuple[Open, ...]
    fingerprint: str
    lacking: bool


class Library:
    """The documents of the courses, in `folder` (the tutor's data). Create on the node's loop."""

    def __init__(self, db: sqlite3.Connection, store: BlobStore, folder: Path) -> None:
        self._db = db
        self._store = store
        self._folder = folder
        self._files = folder / "files"
        self._texts = folder / "text"
        shutil.rmtree(self._files, ignore_errors=True)
        self._files.mkdir(parents=True)
        self._indexed = _remembered(folder / FILE)

    def courses(self) -> list[int]:
        """Every course that is not archived, in the order of their making."""
        rows = self._db.execute("SELECT course FROM school_courses WHERE NOT archived ORDER BY position")
        return [course for (course,) in rows]

    def fingerprint(self, course: int) -> str:
        """A hash of what the course consists of now."""
        values = [
            [row.document, row.kind, row.title, row.text, row.sha256]
            for row in course_documents(self._db, course)
        ]
        return hashlib.blake2b(wire.pack(values), digest_size=16).hexdigest()

    def is_indexed(self, course: int) -> bool:
        """Whether a worker on this machine has read all that the course consists of."""
        return self._indexed.get(course) == self.fingerprint(course)

    async def contents(self, course: int) -> Contents:
        """What the course consists of, its files put together."""
        fingerprint = self.fingerprint(course)
        rows = course_documents(self._db, course)
        documents = await asyncio.to_thread(self._put_together, rows)
        lacking = any(each.sha256 and not each.path for each in documents)
        return Contents(_opens(course, documents), fingerprint, lacking)

    async def indexed(self, course: int, contents: Contents) -> None:
        """The worker has read all of this."""
        if not contents.lacking and self._indexed.get(course) != contents.fingerprint:
            self._indexed[course] = contents.fingerprint
            remembered = json.dumps({str(key): value for key, value in self._indexed.items()})
            await asyncio.to_thread(replace_file, self._folder / FILE, remembered.encode(), 0o600)

    def clear(self) -> None:
        """Remove the files that were put together: no worker reads them any more. Blocks on the disk."""
        for path in self._files.iterdir():
            path.unlink(missing_ok=True)

    def _put_together(self, rows: Sequence[DocumentRow]) -> list[Document]:
        found = []
        for row in rows:
            path = self._file(row) if row.manifest is not None else ""
            found.append(Document(row.document, row.kind, row.title, row.text, path, row.sha256 or b""))
        return found

    def _file(self, row: DocumentRow) -> str:
        assert row.sha256 is not None
        assert row.manifest is not None
        assert row.size is not None
        path = self._files / f"{row.sha256.hex()}.pdf"
        if path.exists() or (self._texts / f"{row.sha256.hex()}.jsonl").exists():
            return str(path)
        manifest = self._store.manifest(row.manifest)
        if manifest is None or self._store.missing(manifest):
            return ""
        part = path.with_suffix(".part")
        digest = hashlib.sha256()
        try:
            if shutil.disk_usage(self._files).free < FREE_BYTES + row.size:
                return ""
            with part.open("wb") as file:
                for name in manifest.hashes:
                    chunk = self._store.chunk(name)
                    if chunk is None:
                        return ""
                    file.write(chunk)
                    digest.update(chunk)
            if digest.digest() == row.sha256:
                part.replace(path)
                return str(path)
            _log.error("the file of document %d is not the one that its author signed", row.document)
        except OSError as error:
            _log.error("a file could not be put together for the tutor: %s", error.strerror)
        finally:
            part.unlink(missing_ok=True)
        return ""


def _opens(course: int, documents: Sequence[Document]) -> tuple[Open, ...]:
    parts: list[list[Document]] = [[]]
    size = 0
    for document in documents:
        weight = (
            len(document.text.encode()) + len(document.title.encode()) + len(document.path.encode()) + 200
        )
        if parts[-1] and size + weight > _PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(document)
        size += weight
    last = len(parts) - 1
    return tuple(Open(course, 0, tuple(part), place < last) for place, part in enumerate(parts))


def _remembered(path: Path) -> dict[int, str]:
    try:
        found = json.loads(path.read_bytes())
        return {int(course): str(fingerprint) for course, fingerprint in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError):
        return {}  # only saves time
