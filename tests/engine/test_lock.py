import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import EngineHeldError, InputError
from engine.lock import FolderLock, is_network_filesystem

HOLD = """
import sys
from pathlib import Path
from engine.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).parents[2]


@pytest.mark.fault(16)
def test_the_holder_is_named_and_a_second_lock_refused(tmp_path: Path) -> None:
    path = tmp_path / "engine.lock"
    with FolderLock(path):
        note = json.loads(path.read_text())
        assert note["pid"] == os.getpid()
        assert note["started_at"].endswith("+00:00")
        with pytest.raises(EngineHeldError, match=f"{tmp_path} is in use by process {os.getpid()}") as caught:
            FolderLock(path).acquire()
        assert caught.value.pid == os.getpid()
        assert "--home" in caught.value.hint
    with FolderLock(path):
        pass


def test_acquire_and_release_may_be_repeated(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "engine.lock")
    lock.acquire()
    lock.acquire()
    held = lock.is_held
    lock.release()
    lock.release()
    assert (held, lock.is_held) == (True, False)
    with FolderLock(lock.lock_file):
        pass


def test_a_killed_holder_leaves_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "engine.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(EngineHeldError) as caught:
            FolderLock(path).acquire()
        assert caught.value.pid == holder.pid
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert json.loads(path.read_text())["pid"] == holder.pid
        with FolderLock(path):
            assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"pid": "x"}'])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path: Path, content: str) -> None:
    path = tmp_path / "engine.lock"
    with FolderLock(path):
        path.write_text(content)
        with pytest.raises(EngineHeldError, match="another process") as caught:
            FolderLock(path).acquire()
        assert caught.value.pid is None


def test_a_lock_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none/engine\.lock cannot be opened"):
        FolderLock(tmp_path / "none" / "engine.lock").acquire()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/data/x", True),
        ("/data/local/y", False),
        ("/database", False),
        ("/with space/z", True),
        ("/", False),
    ],
)
def test_network_file_systems(tmp_path: Path, place: str, expected: bool) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\nhost:/x /data nfs4 rw 0 0\n/dev/sdb /data/local xfs rw 0 0\n"
        "//nas/y /with\\040space cifs rw 0 0\nbroken\n"
    )
    assert is_network_filesystem(Path(place), mounts) is expected


def test_a_later_mount_covers_an_earlier_one(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 /d ext4 rw 0 0\nhost:/x /d fuse.sshfs rw 0 0\n")
    assert is_network_filesystem(Path("/d/x"), mounts)


def test_without_a_table_nothing_is_claimed(tmp_path: Path) -> None:
    assert not is_network_filesystem(tmp_path, tmp_path / "none")
