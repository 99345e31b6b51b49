"""Files through the local link, chunk by chunk; what is fetched is checked by its hash here too."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client.errors import BadFile, NodeRefused
from lms_desktop.client.link import Link
from lms_desktop.client.preflight import Preflight
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.manifest import PLAIN_CHUNK_BYTES, Manifest, chunk_hash, manifest_hash

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, on the caller's loop."""

_WINDOW = 4
_PUT_S = 60.0
_GET_S = 60.0


@dataclass(frozen=True, slots=True)
class Put:
    """A file that the node holds durably; `sha256` of what was read from the disk."""

    manifest: bytes
    sha256: bytes
    size: int


class Source:
    """A file read in chunks; each pass hashes what it reads, so that what is sent is what is stated."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.sha256 = b""

    def chunks(self, make: Callable[[int, bytes, bool], bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield (bytes read so far, chunk), made of its number, its bytes, and if it is the last."""
        digest = hashlib.sha256()
        done = number = 0
        try:
            with self.path.open("rb") as file:
                while plain := file.read(PLAIN_CHUNK_BYTES):
                    digest.update(plain)
                    done += len(plain)
                    yield done, make(number, plain, done == self.size)
                    number += 1
        except OSError as error:
            raise BadFile(
                f"The file cannot be read: {error.strerror or error}.",
                where=self.path.name,
                next_step="Check that it is still there, or copy it to this computer first.",
            ) from error
        self.sha256 = digest.digest()


async def put_file(
    link: Link,
    checked: Preflight,
    *,
    make: Callable[[int, bytes, bool], bytes] = lambda number, plain, last: plain,
    chunk_size: int = PLAIN_CHUNK_BYTES,
    on_progress: Progress | None = None,
) -> Put:
    """Hand a checked file to the node, each chunk passed through `make` (which may be asked for one again).

    Raises BadFile when the file changed since it was checked, NodeRefused for a full disk.
    """
    source = Source(checked.path, checked.size)
    hashes, total = await _put_chunks(link, source, make, on_progress, wanted=None)
    if source.sha256 != checked.sha256:
        raise BadFile(
            "The file changed after it was checked.",
            where=checked.path.name,
            next_step="Close it in other programs, then choose it again.",
        )
    manifest = Manifest(total, chunk_size, tuple(hashes)).encode()
    missing = await link.call("manifest_put", manifest, timeout_s=_PUT_S)
    if missing:  # the node stopped before those were durable
        await _put_chunks(link, source, make, None, wanted=set(missing))
    return Put(manifest_hash(manifest), source.sha256, checked.size)


async def _put_chunks(
    link: Link,
    source: Source,
    make: Callable[[int, bytes, bool], bytes],
    on_progress: Progress | None,
    wanted: set[bytes] | None,
) -> tuple[list[bytes], int]:
    """Put every chunk (or only those `wanted`), a few at a time; returns their names and total bytes."""
    hashes: list[bytes] = []
    total = 0
    chunks = source.chunks(make)
    under_way: deque[asyncio.Task[None]] = deque()

    async def put(name: bytes, data: bytes, done: int) -> None:
        await link.call("chunk_put", name, data, timeout_s=_PUT_S)
        if on_progress is not None:
            on_progress(done, source.size)

    try:
        while (item := await asyncio.to_thread(next, chunks, None)) is not None:
            done, data = item
            name = chunk_hash(data)
            hashes.append(name)
            total += len(data)
            if wanted is None or name in wanted:
                if len(under_way) == _WINDOW:
                    await under_way.popleft()
                under_way.append(asyncio.create_task(put(name, data, done)))
        while under_way:
            await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
    return hashes, total


async def get_manifest(link: Link, name: bytes) -> Manifest:
    """The manifest of that hash, from this machine or another. Raises NodeRefused."""
    raw = await link.call("manifest_get", name, timeout_s=_GET_S)
    try:
        if not isinstance(raw, bytes) or manifest_hash(raw) != name:
            raise _altered()
        return Manifest.decode(raw)
    except TrustError as error:
        raise _altered() from error


async def get_chunks(link: Link, name: bytes) -> AsyncIterator[bytes]:
    """The chunks of a file in order, each checked against its name. Raises NodeRefused."""
    for chunk in (await get_manifest(link, name)).hashes:
        data = await link.call("chunk_get", chunk, timeout_s=_GET_S)
        if not isinstance(data, bytes) or chunk_hash(data) != chunk:
            raise _altered()
        yield data


async def get_file(link: Link, name: bytes, *, sha256: bytes) -> bytes:
    """A whole clear file, checked against the SHA-256 that its author signed. Raises NodeRefused."""
    data = b"".join([chunk async for chunk in get_chunks(link, name)])
    if hashlib.sha256(data).digest() != sha256:
        raise _altered()
    return data


def _altered() -> NodeRefused:
    return NodeRefused(
        "altered",
        "A file on this computer is not the one that was signed.",
        next_step="Nothing was shown. Tell an administrator: this machine's copy is damaged.",
    )
