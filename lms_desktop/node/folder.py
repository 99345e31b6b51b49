"""The data folder: on a local disk, held by one node at a time, its small files replaced durably."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import psutil

from lms_desktop.node.errors import FolderInUse, NetworkFolder, RoamingFolder

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
    }
    | {"lustre", "ncpfs", "nfs", "nfs4", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "webdav"}
)


class Partition(Protocol):
    """What is read of a mounted file system (psutil's `sdiskpart` has it)."""

    @property
    def mountpoint(self) -> str: ...
    @property
    def fstype(self) -> str: ...
    @property
    def opts(self) -> str: ...


class DataFolder:
    """A data folder that this process holds; `close` lets it go (so does the end of the process)."""

    def __init__(self, path: Path, lock: sqlite3.Connection) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path, partitions: Iterable[Partition] | None = None) -> "DataFolder":
        """Create the folder if needed and hold it.

        Raises NetworkFolder, RoamingFolder, FolderInUse, OSError where it cannot be made or written.
        """
        path = path.resolve()
        refuse_network(path, psutil.disk_partitions(all=True) if partitions is None else partitions)
        refuse_roaming(path, os.environ.get("APPDATA"))
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
        return cls(path, _hold(path))

    def close(self) -> None:
        self._lock.close()


def refuse_network(path: Path, partitions: Iterable[Partition]) -> None:
    """Raise NetworkFolder when `path` lies on a network file system: SQLite's locks and fsync fail there."""
    home: Partition | None = None
    for partition in partitions:
        mount = Path(partition.mountpoint)
        if (path == mount or mount in path.parents) and (
            home is None or len(mount.parts) >= len(Path(home.mountpoint).parts)
        ):
            home = partition
    unc = str(path).startswith("\\\\")
    mounted = home is not None and (
        home.fstype.lower() in NETWORK_FILE_SYSTEMS or "remote" in home.opts.split(",")
    )
    if unc or mounted:
        kind = home.fstype if home is not None and mounted else "network share"
        raise NetworkFolder(
            f"The data folder is on a network file system ({kind}), where a ledger would be damaged",
            where=str(path),
            next_step="Choose a folder on a disk of this machine (--data DIR).",
        )


def refuse_roaming(path: Path, roaming: str | None) -> None:
    """Raise RoamingFolder when `path` lies in `roaming` (Windows' APPDATA): two machines would share keys."""
    if roaming and path.is_relative_to(Path(roaming).resolve()):
        raise RoamingFolder(
            "The data folder is in a roaming profile, which Windows copies to other machines",
            where=str(path),
            next_step="Choose a folder that stays on this machine (--data DIR).",
        )


def _hold(path: Path) -> sqlite3.Connection:
    """SQLite's own lock on `lock.db`: the same on every system, and gone with the process, however it
    ends."""
    lock = sqlite3.connect(path / "lock.db", timeout=0, isolation_level=None)
    try:
        lock.execute("PRAGMA journal_mode=DELETE")
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise OSError(f"cannot write in {path}: {error}") from error
        raise FolderInUse(
            "Another node is running on this data folder",
            where=str(path),
            next_step="Use that one, stop it first, or give this one a folder of its own (--data DIR).",
        ) from error
    return lock


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Replace a small file so that, after any crash, it holds the old or the new bytes; durable on return."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(mode)  # the process's umask may have taken bits away that the mode names
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames in a folder durable, where the system lets a folder be opened (Windows does it by
    itself)."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
