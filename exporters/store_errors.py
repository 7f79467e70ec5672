"""What can go wrong with a store, in words: the database's own errors are mapped here and nowhere else."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc


class StoreError(Exception):
    """The store cannot be used: which store, why, and what to do about it."""

    def __init__(self, where: str, reason: str, remedy: str) -> None:
        super().__init__(f"store {where}: {reason}; {remedy}")
        self.where = where
        self.reason = reason
        self.remedy = remedy


class UnstorableRunError(StoreError):
    """One run breaks the store's rules: trying again cannot help, and the other runs are not to blame."""


#: First matching prefix wins; extended SQLite codes begin with their primary code's name.
_SQLITE: tuple[tuple[str, str, str], ...] = (
    ("SQLITE_NOTADB", "this file is not an SQLite database", "give another path, or move that file away"),
    (
        "SQLITE_CORRUPT",
        "the database is damaged",
        "restore it from a copy, or save what can be read with `sqlite3 FILE .recover`",
    ),
    (
        "SQLITE_BUSY",
        "the database is locked by another program",
        "wait for that program or end it (`fuser FILE` names it), then try again",
    ),
    ("SQLITE_LOCKED", "the database is locked by another connection", "wait for it, then try again"),
    ("SQLITE_READONLY", "the database cannot be written", "mend the permissions of the file and its folder"),
    ("SQLITE_PERM", "the database may not be accessed", "mend the permissions of the file and its folder"),
    (
        "SQLITE_CANTOPEN",
        "the database cannot be opened",
        "check that the path is a file, in a folder that exists and may be used",
    ),
    ("SQLITE_FULL", "the disk is full", "free some space, or prune old runs"),
    (
        "SQLITE_IOERR",
        "the disk refused to read or write",
        "look for a full disk, a file size limit or a failing disk",
    ),
)

_OS: dict[int, tuple[str, str]] = {
    errno.EACCES: ("the folder may not be used", "mend its permissions, or give another path"),
    errno.EPERM: ("the folder may not be used", "mend its permissions, or give another path"),
    errno.EROFS: ("the file system is read-only", "give a path on one that can be written"),
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "give another path"),
    errno.EEXIST: ("a part of the path is a file, not a folder", "give another path"),
    errno.ENAMETOOLONG: ("the path is too long", "give a shorter one"),
}


def _of_sqlite(where: str, error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith("SQLITE_CONSTRAINT") or isinstance(error, (sqlite3.DataError, sqlite3.InterfaceError)):
        return UnstorableRunError(where, f"a run breaks the store's rules ({error})", "this run is left out")
    for prefix, reason, remedy in _SQLITE:
        if name.startswith(prefix):
            return StoreError(where, reason, remedy)
    return StoreError(where, f"the database says {error}", "check the file with `PRAGMA integrity_check`")


def store_error(where: str, error: Exception) -> StoreError:
    """The StoreError that says what `error` (of SQLAlchemy, sqlite3 or the system) means for the store at `where`."""
    cause = error.orig if isinstance(error, exc.DBAPIError) and isinstance(error.orig, sqlite3.Error) else error
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(where, cause)
    if isinstance(cause, OSError):
        unknown = (cause.strerror or str(cause), "check the path")
        return StoreError(where, *_OS.get(cause.errno or 0, unknown))
    return _of_server(where, cause)


def _first_line(error: Exception) -> str:
    """What the database said, without the statement and the values that SQLAlchemy appends."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _of_server(where: str, error: Exception) -> StoreError:
    # SQLAlchemy refuses a value with a bare StatementError, sqlite3 a whole number beyond 64 bits with OverflowError.
    refused = isinstance(error, OverflowError) or (
        isinstance(error, exc.StatementError) and not isinstance(error, exc.DBAPIError)
    )
    if refused or isinstance(error, (exc.IntegrityError, exc.DataError)):
        return UnstorableRunError(
            where, f"a run breaks the store's rules ({_first_line(error)})", "this run is left out"
        )
    if isinstance(error, exc.DBAPIError):
        said = _first_line(error)
        return StoreError(where, f"the database server says {said}", "check that it runs and that the URL is right")
    return StoreError(where, f"{error}", "check the store's URL")


@contextmanager
def speaking(where: str) -> Iterator[None]:
    """Turn what the database or the system raises inside into a StoreError."""
    try:
        yield
    except (exc.SQLAlchemyError, sqlite3.Error, OSError, OverflowError) as error:
        raise store_error(where, error) from error
