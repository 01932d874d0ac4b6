"""What can go wrong with the database.

DatabaseError
├── DatabaseBusyError      another process holds the write lock for longer than the busy timeout
├── DatabaseFullError      no room on the disk (or an I/O error that means the same)
├── DatabaseCorruptError   the file is no SQLite database, or its pages are damaged
└── SchemaTooNewError      written by a newer version of the program
"""

import sqlite3
from pathlib import Path


class DatabaseError(Exception):
    """The database could not do what was asked; nothing of the transaction was kept."""


class DatabaseBusyError(DatabaseError):
    """Another process holds the write lock."""


class DatabaseFullError(DatabaseError):
    """There is no room on the disk."""


class DatabaseCorruptError(DatabaseError):
    """The file is not a whole SQLite database."""


class SchemaTooNewError(DatabaseError):
    """The file was written by a newer version of the program."""


def translated(error: sqlite3.Error, path: Path) -> DatabaseError | None:
    """Say what an error of SQLite's means to the user and what to do; None for those that are not about the
    file (constraints, interrupted queries, wrong SQL)."""
    # The primary result code is the low byte: https://www.sqlite.org/rescode.html
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DatabaseBusyError(
                f"{path} is locked by another program; close the program that has it open and try again"
            )
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return DatabaseFullError(
                f"{path} could not be written or read ({error}); "
                "free some disk space, or check the disk, and try again"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DatabaseCorruptError(
                f"{path} is not a whole database ({error}); it was left as it is: "
                "`gimf restore` puts a copy in its place and keeps it"
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return DatabaseError(
                f"{path} cannot be opened for this ({error}); "
                "check that the file and its folder exist and are yours"
            )
    return None
