"""Content-addressed files: a file is cut into chunks named by hash; its manifest lists them in order.

The same bytes for the app, which makes manifests, and for the nodes, which store and fetch what they name.
Format: `pack([1, total_size, chunk_size, [chunk hash...]])`; only the manifest's hash enters the ledger.
"""

from dataclasses import dataclass

from lms_desktop.trust import TrustError, wire
from lms_desktop.trust.primitives import HASH_BYTES, SEAL_OVERHEAD, hash_, tag

CHUNK_TAG = tag("chunk")
MANIFEST_TAG = tag("manifest")
MANIFEST_VERSION = 1
PLAIN_CHUNK_BYTES = 1 << 20
MAX_CHUNK_BYTES = PLAIN_CHUNK_BYTES + SEAL_OVERHEAD
MAX_MANIFEST_BYTES = 64 * 1024


class ManifestError(TrustError):
    """Bytes that are not a manifest, or a manifest whose numbers do not fit together."""


def chunk_hash(data: bytes) -> bytes:
    """The name of a chunk: 32 bytes."""
    return hash_(CHUNK_TAG, data)


def manifest_hash(raw: bytes) -> bytes:
    """The name of an encoded manifest, as signed commands carry it: 32 bytes."""
    return hash_(MANIFEST_TAG, raw)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file of `total_size` bytes in chunks of `chunk_size` (the last one may be shorter), by hash, in
    order.
    """

    total_size: int
    chunk_size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 < self.chunk_size <= MAX_CHUNK_BYTES:
            raise ManifestError(
                f"A chunk of {self.chunk_size} bytes: between 1 and {MAX_CHUNK_BYTES} are allowed."
            )
        if self.total_size < 0 or len(self.hashes) != -(-self.total_size // self.chunk_size):
            raise ManifestError(f"{len(self.hashes)} chunks cannot hold exactly {self.total_size} bytes.")
        if any(len(name) != HASH_BYTES for name in self.hashes):
            raise ManifestError("A chunk's name must have 32 bytes.")

    def size_of(self, position: int) -> int:
        """The size in bytes that chunk `position` must have."""
        if not 0 <= position < len(self.hashes):
            raise IndexError(position)
        return min(self.chunk_size, self.total_size - position * self.chunk_size)

    def encode(self) -> bytes:
        """The manifest's bytes; their `manifest_hash` names the file. Raises ManifestError when it is too
        long.
        """
        raw = wire.pack([MANIFEST_VERSION, self.total_size, self.chunk_size, list(self.hashes)])
        if len(raw) > MAX_MANIFEST_BYTES:
            raise ManifestError(f"The file has {len(self.hashes)} chunks, more than a manifest may list.")
        return raw

    @classmethod
    def decode(cls, raw: bytes) -> "Manifest":
        """Read an encoded manifest; raises ManifestError for anything else."""
        try:
            fields = wire.unpack(raw, limit=MAX_MANIFEST_BYTES)
        except wire.WireError as error:
            raise ManifestError(f"This is not a manifest: {error}") from error
        match fields:
            case (1, int(total_size), int(chunk_size), tuple(hashes)):
                names = tuple(name for name in hashes if isinstance(name, bytes))
                if (
                    len(names) == len(hashes)
                    and not isinstance(total_size, bool)
                    and not isinstance(chunk_size, bool)
                ):
                    return cls(total_size, chunk_size, names)
        raise ManifestError("This is not a manifest of a known version.")
