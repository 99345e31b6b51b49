"""Files on one machine's disk: whole or absent, checked at each read, bounded, and never named by people."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_desktop.node.blobs.store import KEEP_UNREFERENCED_S, BlobStore, WrongHash
from lms_desktop.node.errors import DiskFull
from lms_desktop.trust.manifest import Manifest, ManifestError, chunk_hash, manifest_hash
from tests.node.blobs.files import manifest_of, store_whole


def open_store(folder: Path, *, quota_bytes: int = 1 << 40, reserve_bytes: int = 0) -> BlobStore:
    return BlobStore(folder / "blobs", quota_bytes=quota_bytes, reserve_bytes=reserve_bytes)


def chunk_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs" / "chunks").rglob("*") if path.is_file()]


def test_what_is_stored_is_read_back_after_reopening(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(5000)
    name, manifest = store_whole(open_store(tmp_path), data, 1000)
    store = open_store(tmp_path)
    assert store.manifest(name) == manifest
    assert b"".join(store.chunk(chunk) or b"" for chunk in manifest.hashes) == data
    assert store.missing(manifest) == []
    assert store.used_bytes == 5000 + len(manifest.encode())


def test_a_name_that_is_not_the_hash_of_the_bytes_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(WrongHash):
        store.put_chunk(chunk_hash(b"one"), b"two")
    assert chunk_files(tmp_path) == []
    with pytest.raises(ManifestError):
        store.put_manifest(b"\x93\x01\x02\x03")


def test_names_that_would_be_paths_name_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    (tmp_path / "secret").write_bytes(b"private")
    for hostile in (b"../../secret", b"/etc/passwd", b"..", b"", b"\0" * 32, b"C:\\windows"):
        assert store.chunk(hostile) is None
        assert store.raw_manifest(hostile) is None
        with pytest.raises(WrongHash):
            store.put_chunk(hostile, b"data")
    assert (tmp_path / "secret").read_bytes() == b"private"
    assert chunk_files(tmp_path) == []


def test_damaged_bytes_are_never_given_out_and_count_as_missing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    _, manifest = store_whole(store, bytes(3000), 1000)
    (path,) = chunk_files(tmp_path)  # three equal chunks are one file
    path.write_bytes(b"\1" + bytes(999))
    assert store.missing(manifest) == []
    assert store.damaged(manifest) == [0, 1, 2]
    assert store.losses == 1
    assert store.missing(manifest) == [0, 1, 2]
    store.put_chunk(manifest.hashes[0], bytes(1000))
    assert store.damaged(manifest) == []


def test_a_write_cut_off_by_a_kill_leaves_nothing_behind(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, pathlib\n"
        "from lms_desktop.node.blobs import store as blobs\n"
        "from lms_desktop.trust.manifest import chunk_hash\n"
        "store = blobs.BlobStore(pathlib.Path(sys.argv[1]), reserve_bytes=0)\n"
        "store.put_chunk(chunk_hash(b'whole'), b'whole')\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.put_chunk(chunk_hash(b'half'), b'half')\n"
    )
    child = subprocess.run([sys.executable, "-c", script, str(tmp_path / "blobs")], check=False)
    assert child.returncode == -9
    assert len(list((tmp_path / "blobs" / "aside").iterdir())) == 1
    store = open_store(tmp_path)
    assert list((tmp_path / "blobs" / "aside").iterdir()) == []
    assert store.chunk(chunk_hash(b"whole")) == b"whole"
    assert store.chunk(chunk_hash(b"half")) is None


def test_the_quota_refuses_and_keeps_what_is_there(tmp_path: Path) -> None:
    store = open_store(tmp_path, quota_bytes=2500)
    for number in range(2):
        data = bytes([number]) * 1000
        store.put_chunk(chunk_hash(data), data)
    third = bytes([3]) * 1000
    with pytest.raises(DiskFull, match="quota"):
        store.put_chunk(chunk_hash(third), third)
    assert "quota" in store.full
    store.put_chunk(chunk_hash(bytes(1000)), bytes(1000))  # already here: needs no room
    assert store.used_bytes == 2000
    store.put_chunk(chunk_hash(b"small"), b"small")
    assert store.full == ""


def test_the_reserve_of_the_disk_is_left_to_others(tmp_path: Path) -> None:
    store = open_store(tmp_path, reserve_bytes=1 << 60)
    with pytest.raises(DiskFull, match="stay free"):
        store.put_chunk(chunk_hash(b"data"), b"data")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB, where this account may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("needs root on Linux to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_what_was_stored_stays(small_disk: Path) -> None:
    store = open_store(small_disk)
    stored = []
    with pytest.raises(DiskFull, match="Free some disk space"):  # noqa: PT012
        for number in range(100):
            data = bytes([number]) * 20_000
            store.put_chunk(chunk_hash(data), data)
            stored.append(data)
    assert stored
    assert all(store.chunk(chunk_hash(data)) == data for data in stored)
    assert store.used_bytes == 20_000 * len(stored)


def test_what_nothing_names_is_dropped_after_thirty_days_only(tmp_path: Path) -> None:
    now = [1_000_000_000.0]
    store = BlobStore(tmp_path / "blobs", reserve_bytes=0, now=lambda: now[0])
    kept, kept_manifest = store_whole(store, b"kept" * 100, 150)
    _, dropped_manifest = store_whole(store, b"gone" * 100, 150)
    for path in (tmp_path / "blobs").rglob("*"):
        os.utime(path, (now[0], now[0]))
    now[0] += KEEP_UNREFERENCED_S - 1
    assert store.drop_unreferenced([kept]) == 0
    now[0] += 2
    assert store.drop_unreferenced([kept]) == 400 + len(dropped_manifest.encode())
    assert store.damaged(kept_manifest) == []
    assert store.missing(dropped_manifest) == [0, 1, 2]


def test_storing_again_starts_the_thirty_days_anew(tmp_path: Path) -> None:
    now = [1_000_000_000.0]
    store = BlobStore(tmp_path / "blobs", reserve_bytes=0, now=lambda: now[0])
    store.put_chunk(chunk_hash(b"data"), b"data")
    now[0] += KEEP_UNREFERENCED_S + 1
    store.put_chunk(chunk_hash(b"data"), b"data")
    assert store.drop_unreferenced([]) == 0
    assert store.chunk(chunk_hash(b"data")) == b"data"


def test_a_manifest_has_one_encoding_and_must_add_up() -> None:
    manifest = manifest_of(b"x" * 2500, 1000)
    assert Manifest.decode(manifest.encode()) == manifest
    assert [manifest.size_of(position) for position in range(3)] == [1000, 1000, 500]
    assert manifest_hash(manifest.encode()) != chunk_hash(manifest.encode())
    for total, size, count in ((2500, 1000, 2), (-1, 1000, 0), (1, 0, 1), (10, 1 << 30, 1), (0, 1000, 1)):
        with pytest.raises(ManifestError):
            Manifest(total, size, (bytes(32),) * count)
    assert manifest_of(b"", 1000).hashes == ()
