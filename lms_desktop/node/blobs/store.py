"""Chunks and manifests on this machine's disk, each a file named by the hash of its bytes.

Nothing that a person or a peer named ever becomes a path: names here are hex digits of hashes that this
module has computed itself. A file is whole or absent: written aside, fsynced, renamed, its folder
fsynced; and it is checked against its name at every read. All methods block on the disk and are safe from
several threads: call them from a thread, never on the node's loop.
"""

import errno
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lms_desktop.node.errors import DiskFull, NodeError
from lms_desktop.node.folder import sync_folder
from lms_desktop.trust.manifest import (
    MAX_CHUNK_BYTES,
    MAX_MANIFEST_BYTES,
    Manifest,
    ManifestError,
    chunk_hash,
    manifest_hash,
)
from lms_desktop.trust.primitives import HASH_BYTES

KEEP_UNREFERENCED_S = 30 * 86400
DEFAULT_QUOTA_BYTES = 200 * 10**9
DEFAULT_RESERVE_BYTES = 500 * 10**6
_FULL = {errno.ENOSPC, errno.EFBIG} | ({errno.EDQUOT} if hasattr(errno, "EDQUOT") else set())


class BlobError(NodeError):
    """A chunk or manifest that could not be stored or read."""


class WrongHash(BlobError):
    """The bytes are not those that the name stands for."""

    code = "wrong_hash"


class BlobStore:
    """The chunks and manifests under `folder`.

    `quota_bytes` bounds what all files together may take, `reserve_bytes` is disk space that is left to
    others. `now` gives seconds since 1970. Opening removes what an interrupted write left behind.
    `losses` counts the files that were found damaged and removed since.
    """

    def __init__(
        self,
        folder: Path,
        *,
        quota_bytes: int = DEFAULT_QUOTA_BYTES,
        reserve_bytes: int = DEFAULT_RESERVE_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._quota = quota_bytes
        self._reserve = reserve_bytes
        self._now = now
        self._lock = threading.Lock()
        self.losses = 0
        self.full = ""
        self._aside = folder / "aside"
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)
        for kind in ("chunks", "manifests"):
            (folder / kind).mkdir(exist_ok=True)
        self._used = sum(
            path.stat().st_size for kind in ("chunks", "manifests") for path in self._files(kind)
        )

    @property
    def used_bytes(self) -> int:
        """What all stored files take together."""
        return self._used

    def put_chunk(self, name: bytes, data: bytes) -> None:
        """Store a chunk durably. Raises WrongHash when `data` is not what `name` stands for, DiskFull."""
        if len(data) > MAX_CHUNK_BYTES or chunk_hash(data) != name:
            raise WrongHash(
                f"The {len(data):,} bytes given are not chunk {name.hex()[:16]}",
                next_step="Send the chunk again.",
            )
        self._put("chunks", name, data)

    def put_manifest(self, raw: bytes) -> bytes:
        """Store a manifest durably; gives its hash. Raises ManifestError, DiskFull."""
        if len(raw) > MAX_MANIFEST_BYTES:
            raise ManifestError("The manifest is too long.")
        Manifest.decode(raw)
        name = manifest_hash(raw)
        self._put("manifests", name, raw)
        return name

    def chunk(self, name: bytes) -> bytes | None:
        """A stored chunk, or None; a file that no longer is what its name says is removed and counts as
        absent.
        """
        return self._get("chunks", name, chunk_hash)

    def raw_manifest(self, name: bytes) -> bytes | None:
        """A stored manifest's bytes, or None; checked as chunks are."""
        return self._get("manifests", name, manifest_hash)

    def manifest(self, name: bytes) -> Manifest | None:
        """A stored manifest, or None."""
        raw = self.raw_manifest(name)
        return None if raw is None else Manifest.decode(raw)

    def missing(self, manifest: Manifest) -> list[int]:
        """The positions of the chunks that are not stored here, in order."""
        there: dict[bytes, bool] = {}
        for name in manifest.hashes:
            if name not in there:
                there[name] = self._path("chunks", name).is_file()
        return [position for position, name in enumerate(manifest.hashes) if not there[name]]

    def damaged(self, manifest: Manifest) -> list[int]:
        """Like `missing`, but reads and checks every chunk; what is damaged is removed and so missing."""
        return [position for position, name in enumerate(manifest.hashes) if self.chunk(name) is None]

    def drop_unreferenced(self, referenced: Iterable[bytes]) -> int:
        """Remove what none of the manifests `referenced` names and nobody stored again for 30 days; gives
        the bytes.
        """
        manifests = set(referenced)
        chunks = {chunk for name in manifests if (found := self.manifest(name)) for chunk in found.hashes}
        oldest = self._now() - KEEP_UNREFERENCED_S
        freed = 0
        for kind, keep in (("manifests", manifests), ("chunks", chunks)):
            for path in self._files(kind):
                stat = path.stat()
                if bytes.fromhex(path.name) not in keep and stat.st_mtime < oldest:
                    path.unlink(missing_ok=True)
                    freed += stat.st_size
        with self._lock:
            self._used -= freed
        return freed

    def _path(self, kind: str, name: bytes) -> Path:
        digits = name.hex()
        return self._folder / kind / digits[:2] / digits[2:4] / digits

    def _files(self, kind: str) -> Iterator[Path]:
        return (path for path in (self._folder / kind).glob("??/??/*") if len(path.name) == 64)

    def _put(self, kind: str, name: bytes, data: bytes) -> None:
        path = self._path(kind, name)
        if path.is_file() and path.stat().st_size == len(data):
            os.utime(path, (self._now(), self._now()))
            return
        self._make_room(len(data))
        aside = self._aside / secrets.token_hex(8)
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            for folder in (path.parent.parent, path.parent):
                if not folder.is_dir():
                    folder.mkdir(exist_ok=True)
                    sync_folder(folder.parent)
            twice = path.is_file()  # another thread stored the same meanwhile
            aside.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            self._give_back(len(data))
            aside.unlink(missing_ok=True)
            if error.errno in _FULL:
                raise self._full(len(data), "the disk is full") from error
            raise BlobError(
                f"A file could not be stored: {error.strerror}",
                where=str(self._folder),
                next_step="Check this machine's disk.",
            ) from error
        if twice:
            self._give_back(len(data))
        self.full = ""

    def _make_room(self, size: int) -> None:
        with self._lock:
            if self._used + size > self._quota:
                raise self._full(size, f"the quota of {self._quota:,} bytes for files is used up")
            if size > self._free() - self._reserve:
                raise self._full(size, f"{self._reserve:,} bytes of the disk stay free for others")
            self._used += size

    def _full(self, size: int, reason: str) -> DiskFull:
        error = DiskFull(
            f"No room for {size:,} more bytes of files: {reason}",
            where=str(self._folder),
            next_step="Free some disk space on this machine; nothing stored is lost.",
        )
        self.full = str(error)
        return error

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free

    def _get(self, kind: str, name: bytes, name_of: Callable[[bytes], bytes]) -> bytes | None:
        if len(name) != HASH_BYTES:
            return None
        path = self._path(kind, name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            data = b""  # an unreadable sector: the same as damaged bytes
        if name_of(data) == name:
            return data
        self._give_back(path.stat().st_size)
        path.unlink(missing_ok=True)
        self.losses += 1
        return None
