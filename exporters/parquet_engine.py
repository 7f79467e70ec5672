"""Exported Parquet tables as a database that the store's own queries can ask, through DuckDB."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import JSON, URL, Engine, Table, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from exporters import schema
from exporters.schema import UtcDateTime
from exporters.store_errors import StoreError
from exporters.store_rows import PARTS

#: How the address of a folder of Parquet files begins.
SCHEME = "parquet:"
#: What DuckDB may take before it puts intermediate results on the disk; SQL that counts needs far less.
MEMORY_LIMIT = "500MB"


def is_parquet(store_url: str) -> bool:
    """Whether the address names a folder of Parquet files."""
    return store_url.startswith(SCHEME)


def parquet_engine(store_url: str) -> Engine:
    """An engine on the tables that `export_tables` wrote, under the names and columns of the store.

    `store_url` is `parquet:FOLDER`; a table is FOLDER/NAME.parquet, or all Parquet files under FOLDER/NAME. Rows are
    read as they are asked for, never all at once. Raises StoreError for a folder that lacks a table.
    """
    folder = Path(store_url.removeprefix(SCHEME)).expanduser()
    views = [_view(folder, table) for table in (schema.runs, *PARTS)]
    engine = create_engine(URL.create("duckdb", database=":memory:"), poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: object, _: ConnectionPoolEntry) -> None:
        for statement in (f"SET memory_limit = '{MEMORY_LIMIT}'", "SET preserve_insertion_order = false", *views):
            connection.execute(statement)  # type: ignore[attr-defined]

    return engine


def _files(folder: Path, name: str) -> list[Path]:
    single = folder / f"{name}.parquet"
    return [single] if single.is_file() else sorted((folder / name).rglob("*.parquet"))


def _view(folder: Path, table: Table) -> str:
    files = _files(folder, table.name)
    if not files:
        raise StoreError(
            str(folder),
            f"there is no {table.name}.parquet in it" if folder.is_dir() else "there is no such folder",
            "write one with `gapwatch export --format parquet`",
        )
    try:
        there = pq.read_schema(files[0]).names
    except (OSError, pa.ArrowException) as error:
        reason = f"it cannot be read as Parquet: {str(error).splitlines()[0][:120]}"
        raise StoreError(str(files[0]), reason, "write it again with `gapwatch export --format parquet`") from error
    columns = ", ".join(f'{_column(column, there)} AS "{column.name}"' for column in table.columns)
    listed = ", ".join(_quoted(str(path)) for path in files)
    # A view takes no parameters: names are our own, and paths are quoted.
    return f'CREATE VIEW "{table.name}" AS SELECT {columns} FROM read_parquet([{listed}])'  # noqa: S608


def _column(column: object, there: list[str]) -> str:
    """How a column of the store reads from the tidy table, whose JSON values are columns of their own."""
    name, kind = column.name, column.type  # type: ignore[attr-defined]
    if isinstance(kind, JSON) and name not in there:
        parts = [each for each in there if each.startswith(f"{name}_")]
        pairs = ", ".join(f'{_quoted(each.removeprefix(f"{name}_"))}: "{each}"' for each in parts)
        return f"to_json({{{pairs}}})" if parts else "NULL"
    if name not in there:
        return "NULL"
    # Without a zone, like SQLite's: a time zone would need DuckDB to load its calendar.
    return f'make_timestamp(epoch_us("{name}"))' if isinstance(kind, UtcDateTime) else f'"{name}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
