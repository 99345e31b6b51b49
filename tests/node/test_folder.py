"""The data folder: local, held once, and its small files whole after any crash."""

import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lms_desktop.node.errors import FolderInUse, NetworkFolder, RoamingFolder
from lms_desktop.node.folder import DataFolder, refuse_network, replace_file


@dataclass
class Mount:
    mountpoint: str
    fstype: str
    opts: str = "rw"


def test_a_second_node_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    held = DataFolder.open(tmp_path)
    with pytest.raises(FolderInUse) as failure:
        DataFolder.open(tmp_path)
    assert str(tmp_path) in str(failure.value)
    assert "--data" in failure.value.next_step
    held.close()
    DataFolder.open(tmp_path).close()


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from lms_desktop.node.folder import DataFolder\n"
            "folder = DataFolder.open(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()",
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline().strip() == b"held"
    with pytest.raises(FolderInUse):
        DataFolder.open(tmp_path)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    holder.stdin.close()
    DataFolder.open(tmp_path).close()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "CIFS"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = [Mount("/", "ext4"), Mount(str(tmp_path), kind)]
    with pytest.raises(NetworkFolder) as failure:
        DataFolder.open(tmp_path / "school", mounts)
    assert kind in str(failure.value)
    assert not (tmp_path / "school").exists()


def test_the_nearest_mount_decides(tmp_path: Path) -> None:
    local = tmp_path / "local"
    refuse_network(
        local / "data", [Mount(str(tmp_path), "nfs"), Mount(str(local), "ext4"), Mount("/", "nfs")]
    )
    refuse_network(tmp_path, [Mount(str(tmp_path) + "-other", "nfs"), Mount("/", "ext4")])
    with pytest.raises(NetworkFolder):
        refuse_network(tmp_path, [Mount("/", "NTFS", "rw,remote")])


def test_a_roaming_profile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    with pytest.raises(RoamingFolder) as failure:
        DataFolder.open(tmp_path / "Roaming" / "LMS Desktop")
    assert "stays on this machine" in failure.value.next_step
    assert not (tmp_path / "Roaming").exists()
    DataFolder.open(tmp_path / "Local").close()


def test_a_file_is_replaced_with_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "link.json"
    before = os.umask(0o077)
    try:
        replace_file(path, b"one", 0o644)
        replace_file(path, b"two", 0o644)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
