"""The program's own log, a rotating file in the data folder; jobs' logs are in the database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from engine.secrets import KeyStore
from engine.text import clean_text

_LARGEST_BYTES = 5_000_000
_KEPT = 3
_CHATTY = ("httpx", "httpcore", "httpx2", "openai", "aiosqlite", "asyncio", "PIL")


class _CleanFormatter(logging.Formatter):
    """Masks keys and takes control characters away, in messages and tracebacks alike."""

    def __init__(self, keys: KeyStore) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._keys = keys

    def format(self, record: logging.LogRecord) -> str:
        return clean_text(self._keys.masker.mask(super().format(record)), keep_newlines=True)


class _QuietFileHandler(RotatingFileHandler):
    """A log that cannot be written must not disturb the work, nor fill the terminal with tracebacks."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Drop the line; what concerns a job is in the database too."""


@contextmanager
def logging_to(file: Path, keys: KeyStore, *, rotates: bool = True) -> Iterator[None]:
    """Send everything from INFO on to `file`, of other packages only warnings.

    Only one process may rotate the file: a window beside an engine of its own process does not.
    """
    handler = _QuietFileHandler(
        file,
        maxBytes=_LARGEST_BYTES if rotates else 0,
        backupCount=_KEPT,
        encoding="utf-8",
        errors="backslashreplace",
        delay=True,
    )
    handler.setFormatter(_CleanFormatter(keys))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()
