"""One engine a data folder: an advisory lock that dies with its process. Decides not who may have it."""

import errno
import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.errors import EngineHeldError, InputError

_NETWORK_FILE_SYSTEMS = frozenset(
    {
        *(
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "ncpfs",
            "afs",
            "9p",
            "ceph",
            "glusterfs",
            "lustre",
            "beegfs",
        ),
        *(
            "gpfs",
            "fuse.sshfs",
            "fuse.glusterfs",
            "fuse.ceph",
            "fuse.rclone",
            "fuse.s3fs",
            "davfs",
            "fuse.davfs2",
        ),
    }
)
_SAME_FILE_ATTEMPTS = 10


class FolderLock:
    """`flock` on a file that names its holder. The kernel frees it when the holder dies: none is ever stale.

    The file stays when the lock is released: removing it would let two engines lock two files of one name.
    """

    def __init__(self, lock_file: Path) -> None:
        self.lock_file = lock_file
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock or raise EngineHeldError at once; nothing waits.

        Raises InputError where the file cannot be made or its file system knows no locks.
        """
        if self._descriptor is not None:
            return
        for _ in range(_SAME_FILE_ATTEMPTS):
            descriptor = self._open_and_lock()
            if _is_still(self.lock_file, descriptor):
                break
            os.close(descriptor)  # removed or replaced between open and flock: that lock guards nothing
        else:
            raise InputError(f"{self.lock_file} is replaced again and again.", hint="Find out by whom.")
        note = {"pid": os.getpid(), "started_at": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _open_and_lock(self) -> int:
        try:
            descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise InputError(f"The lock {self.lock_file} cannot be opened: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read_holder(descriptor)
            os.close(descriptor)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise self._held_by(holder) from error
            raise InputError(
                f"{self.lock_file} cannot be locked: {error.strerror}.",
                hint="Keep the data folder on a local disk; --home chooses another.",
            ) from error
        return descriptor

    def _held_by(self, holder: dict[str, Any]) -> EngineHeldError:
        pid = holder.get("pid")
        pid = pid if isinstance(pid, int) else None
        who = f"process {pid}" if pid is not None else "another process"
        return EngineHeldError(
            f"The folder {self.lock_file.parent} is in use by {who}.",
            hint="Wait for it to end, stop it, or work in another folder with --home.",
            pid=pid,
        )


def holder_of(lock_file: Path) -> int | None:
    """The process that has the lock by its own word; None where nobody says so."""
    try:
        descriptor = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        pid = _read_holder(descriptor).get("pid")
    finally:
        os.close(descriptor)
    return pid if isinstance(pid, int) else None


def is_network_filesystem(path: Path, mounts_file: Path = Path("/proc/self/mounts")) -> bool:
    """Whether `path` lies on a network file system, where SQLite and locks cannot be trusted.

    Reads the kernel's table of mounts (fstab(5) format); False where there is none.
    """
    try:
        table = mounts_file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    place = path.resolve()
    longest, kind = -1, ""
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescape(fields[1]))
        # Of two mounts on one point the later covers the earlier.
        if (place == point or point in place.parents) and len(point.parts) >= longest:
            longest, kind = len(point.parts), fields[2]
    return kind in _NETWORK_FILE_SYSTEMS


def _unescape(field: str) -> str:
    for code in ("\\040", "\\011", "\\012", "\\134"):
        field = field.replace(code, chr(int(code[1:], 8)))
    return field


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _read_holder(descriptor: int) -> dict[str, Any]:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:  # the holder is just writing it
        return {}
    return holder if isinstance(holder, dict) else {}
