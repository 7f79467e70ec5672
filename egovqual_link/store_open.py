"""An open store of runs, read-only: a file, a server, or a folder of exported Parquet tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from exporters.parquet_engine import is_parquet, parquet_engine
from exporters.schema import metadata, runs
from exporters.store import Store, StoreError
from scenarios.source import InputError, Problem


@contextmanager
def open_store(store_url: str) -> Iterator[Connection]:
    """A connection that only reads; `store_url` is an SQLAlchemy URL, the path of an SQLite file, or `parquet:FOLDER`.

    Raises:
        InputError: no such store, or one that gapwatch did not write.
    """
    shown = store_url if "@" not in store_url else "…@" + store_url.rsplit("@", 1)[1]
    engine = _parquet(store_url) if is_parquet(store_url) else _database(store_url, shown)
    try:
        with engine.connect() as connection:
            if "runs" in inspect(connection).get_table_names() and _of_an_older_version(connection):
                connection.rollback()
                _bring_up_to_date(store_url, shown)
            seen = inspect(connection)
            lacking = sorted(set(metadata.tables) - {*seen.get_table_names(), *seen.get_view_names()})
            if lacking:
                raise InputError(
                    [Problem(shown, None, f"lacks the table {lacking[0]!r}", "name the store that gapwatch writes")]
                )
            yield connection
    except SQLAlchemyError as error:
        said = str(error).splitlines()[0][:200]
        raise InputError([Problem(shown, None, f"cannot be read: {said}", "check address and rights")]) from None
    finally:
        engine.dispose()


def _of_an_older_version(connection: Connection) -> bool:
    there = {column["name"] for column in inspect(connection).get_columns("runs")}
    return bool({column.name for column in runs.columns} - there) and "run_id" in there


def _bring_up_to_date(store_url: str, shown: str) -> None:
    """Opening a store to write migrates it; what was measured stays as it is."""
    try:
        Store.open(store_url).close()
    except StoreError as error:
        hint = "it was written by an older gapwatch; make it writable once, so that it can be brought up to date"
        raise InputError([Problem(shown, None, error.reason, hint)]) from None


def _database(store_url: str, shown: str) -> Engine:
    try:
        url = make_url(store_url if "://" in store_url else f"sqlite:///{store_url}")
        if url.get_backend_name() == "sqlite":
            file = Path(url.database or "")
            if not file.is_file():
                raise InputError([Problem(shown, None, "no such store", "run `gapwatch once` or `gapwatch run` first")])
            url = url.set(database=f"file:{file.resolve()}", query={"mode": "ro", "uri": "true"})
        return create_engine(url)
    except (ArgumentError, ModuleNotFoundError):
        raise InputError(
            [Problem(shown, None, "is no store's address", "write sqlite:///path/to/store.sqlite or a PostgreSQL URL")]
        ) from None


def _parquet(store_url: str) -> Engine:
    try:
        return parquet_engine(store_url)
    except StoreError as error:
        raise InputError([Problem(error.where, None, error.reason, error.remedy)]) from None
