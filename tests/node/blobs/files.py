"""Files for the tests: bytes cut into chunks, stored whole."""

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.trust.manifest import Manifest, chunk_hash


def manifest_of(data: bytes, chunk_size: int) -> Manifest:
    """The manifest of `data` in chunks of `chunk_size` bytes."""
    chunks = [data[start : start + chunk_size] for start in range(0, len(data), chunk_size)]
    return Manifest(len(data), chunk_size, tuple(map(chunk_hash, chunks)))


def store_whole(store: BlobStore, data: bytes, chunk_size: int) -> tuple[bytes, Manifest]:
    """Put all of `data` into `store`; gives the manifest and its hash."""
    manifest = manifest_of(data, chunk_size)
    for position, name in enumerate(manifest.hashes):
        store.put_chunk(name, data[position * chunk_size :][:chunk_size])
    return store.put_manifest(manifest.encode()), manifest
