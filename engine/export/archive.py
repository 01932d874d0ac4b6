"""A .zip that grows in place, file by file: pictures and workbooks are stored as they are, text is deflated."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20


class SourceMissingError(Exception):
    """A file that should go into the archive cannot be read; nothing of it is in there."""


class Archive:
    """Blocking: use it in a thread, one at a time. It knows no limit of 4 GB or 65,535 files (zip64)."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True, strict_timestamps=False)

    def add_file(self, source: Path, name: str, *, is_cancelled: Callable[[], bool] = bool) -> bool:
        """Copy a file into the archive, byte for byte; False where it was cancelled in the middle.

        Raises SourceMissingError where it cannot be opened or is no file, OSError where reading or writing fails.
        """
        try:
            if not stat.S_ISREG(source.stat().st_mode):  # a pipe would be waited for
                raise SourceMissingError("it is no file")
            file = source.open("rb")
        except OSError as error:
            raise SourceMissingError(error.strerror or str(error)) from error
        with file:
            # Its size decides about zip64 for this file.
            info = zipfile.ZipInfo.from_file(source, name, strict_timestamps=False)
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            with self._zip.open(info, "w") as member:
                while chunk := file.read(CHUNK):
                    if is_cancelled():
                        return False
                    member.write(chunk)
        return True

    def add_bytes(self, name: str, content: bytes) -> None:
        """A small file of ours."""
        self._zip.writestr(name, content, zipfile.ZIP_DEFLATED)

    def finish(self) -> None:
        """Write the list of contents."""
        self._zip.close()

    def close(self) -> None:
        """Let go of the file, finished or not."""
        # Its own `close` would still write the list of contents, to a disk that may be full.
        self._zip.fp = None
