"""What a person has written and not handed over yet: sealed on this computer, one small file a draft.

Their key comes from the person's sealing key, the files' names from that key: a copied folder tells nothing.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from lms_desktop.client.errors import DocumentFailed
from lms_desktop.trust import wire
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import decrypt, encrypt, keyed_hash, tag

_KEY_TAG = tag("draft-key")
_NAME_TAG = tag("draft-name")
MAX_DRAFT_BYTES = 256 * 1024
MAX_DRAFTS = 10_000


class Drafts:
    """The drafts of one person; every method blocks on the disk for a moment (call it in a thread)."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._folder = folder
        self._key = keyed_hash(secret, _KEY_TAG)

    def keep(self, name: str, fields: tuple[wire.Packable, ...]) -> None:
        """Write a draft, durably, in place of the last one of that name. Raises DocumentFailed."""
        box = encrypt(self._key, wire.pack((name, fields)), b"")
        path = self._path(name)
        partial = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(box)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise DocumentFailed(
                f"What you wrote could not be saved on this computer: {error.strerror or error}.",
                where=str(self._folder),
                next_step="Make room on the disk, then type on: the next keystroke saves all of it.",
            ) from error

    def load(self, name: str) -> tuple[wire.Value, ...] | None:
        """The draft of that name; None when there is none that this person can open."""
        return self._read(self._path(name), name)

    def forget(self, name: str) -> None:
        """Remove a draft that has been handed over."""
        with contextlib.suppress(OSError):
            self._path(name).unlink()

    def names(self, prefix: str) -> Iterator[str]:
        """The names of the drafts that begin with `prefix`."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.draft"))[:MAX_DRAFTS]:
            named = self._open(path)
            if named is not None and named[0].startswith(prefix):
                yield named[0]

    def _path(self, name: str) -> Path:
        return self._folder / f"{keyed_hash(self._key, _NAME_TAG, name.encode()).hex()[:32]}.draft"

    def _read(self, path: Path, name: str) -> tuple[wire.Value, ...] | None:
        named = self._open(path)
        return named[1] if named is not None and named[0] == name else None

    def _open(self, path: Path) -> tuple[str, tuple[wire.Value, ...]] | None:
        try:
            if path.stat().st_size > MAX_DRAFT_BYTES:
                return None
            name, fields = wire.unpack_array(
                decrypt(self._key, path.read_bytes(), b""), limit=MAX_DRAFT_BYTES
            )
        except (OSError, TrustError, ValueError):
            return None
        if isinstance(name, str) and isinstance(fields, tuple):
            return name, fields
        return None
