"""The store as tidy tables for research: Parquet and CSV files and a dictionary of their columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from sqlalchemy import JSON, BigInteger, Boolean, Connection, Float, Integer, Select, Table, select

from exporters import schema
from exporters.files import WriteError, replacing
from exporters.schema import UtcDateTime
from exporters.store import Store
from exporters.store_errors import speaking
from exporters.store_rows import PARTS
from probes.run import HostState, HttpPhases

Format = Literal["parquet", "csv"]
FORMATS: tuple[Format, ...] = ("parquet", "csv")
#: Rows held in memory at once.
_CHUNK = 10_000
#: What a part's rows say of their run, so that each table can be used without a join.
_CONTEXT = ("portal", "scenario", "location", "browser", "started_at")
_TIME = pa.timestamp("us", tz="UTC")
#: A spreadsheet takes a cell that begins so for a formula, and a page may have written it.
_FORMULA = r"^([=+\-@\t\r\n])"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the files, and the rows of each table."""

    files: tuple[Path, ...]
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Tidy:
    """One tidy table: its columns, the query, and how a row of the query becomes a row of the table."""

    name: str
    schema: Any
    query: Select[Any]
    row: Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _arrow_type(column: Any) -> Any:
    if isinstance(column.type, UtcDateTime):
        return _TIME
    for kind, arrow in ((Boolean, pa.bool_()), (BigInteger, pa.int64()), (Integer, pa.int64()), (Float, pa.float64())):
        if isinstance(column.type, kind):
            return arrow
    return pa.string()


_HOST = {
    each.name: pa.int64()
    if each.name == "concurrent_runs"
    else pa.string()
    if each.name.endswith("_version")
    else pa.float64()
    for each in fields(HostState)
}
_PHASES = tuple(each.name for each in fields(HttpPhases))


def _run_columns() -> list[tuple[str, Any]]:
    """The columns of `runs`; what is JSON in the store is a column a value here."""
    columns: list[tuple[str, Any]] = []
    for column in schema.runs.columns:
        if column.name == "host":
            columns += [(f"host_{name}", arrow) for name, arrow in _HOST.items()]
        elif column.name == "http":
            columns += [(f"http_{name}", pa.int64()) for name in ("status", "redirects", "body_bytes")]
            columns += [(f"http_{phase}_seconds", pa.float64()) for phase in _PHASES]
            columns.append(("http_certificate_expiry", _TIME))
        else:
            columns.append((column.name, pa.string() if isinstance(column.type, JSON) else _arrow_type(column)))
    return columns


def _run_row(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = dict(row)
    host, http = flat.pop("host"), flat.pop("http")
    flat |= {f"host_{name}": host.get(name) for name in _HOST}
    flat["invalid_reasons"] = ";".join(row["invalid_reasons"])
    flat["form_duplicates"] = ";".join(row["form_duplicates"]) if row["form_duplicates"] is not None else None
    if http is not None:
        flat |= {f"http_{name}": http.get(name) for name in ("status", "redirects", "body_bytes")}
        flat |= {f"http_{phase}_seconds": http["phases"].get(phase) for phase in _PHASES}
        expiry = http.get("certificate_expiry")
        flat["http_certificate_expiry"] = datetime.fromisoformat(expiry) if expiry else None
    return flat


def _part(table: Table) -> _Tidy:
    run_columns = [schema.runs.c[name] for name in _CONTEXT]
    own = [column for column in table.columns if column.name not in ("run_id", "seq")]
    columns = [table.c.run_id, *run_columns, table.c.seq, *own]
    return _Tidy(
        table.name,
        pa.schema([(column.name, _arrow_type(column)) for column in columns]),
        select(*columns)
        .join_from(table, schema.runs, table.c.run_id == schema.runs.c.run_id)
        .order_by(schema.runs.c.started_at, table.c.run_id, table.c.seq),
        dict,
    )


@cache
def _tables() -> tuple[_Tidy, ...]:
    whole = select(schema.runs).order_by(schema.runs.c.started_at, schema.runs.c.run_id)
    return (_Tidy("runs", pa.schema(_run_columns()), whole, _run_row), *(_part(table) for table in PARTS))


def neutralised(batch: Any) -> Any:
    """A record batch whose texts no spreadsheet takes for a formula.

    An apostrophe goes before a text that begins with = + - @, a tab or a line end; Parquet files hold the bare text.
    """
    columns = [
        pc.replace_substring_regex(column, _FORMULA, r"'\1") if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=batch.schema)


class _Sink:
    """One file of one table in one format, written batch by batch."""

    def __init__(self, path: Path, kind: Format, table_schema: Any) -> None:
        self._csv = kind == "csv"
        self._writer = (
            pacsv.CSVWriter(str(path), table_schema)
            if self._csv
            else pq.ParquetWriter(str(path), table_schema, compression="zstd")
        )

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, batch: Any) -> None:
        self._writer.write(neutralised(batch) if self._csv else batch)


def _batches(connection: Connection, tidy: _Tidy, conditions: Sequence[Any]) -> Iterator[Any]:
    streamed = connection.execution_options(stream_results=True, yield_per=_CHUNK)
    for rows in streamed.execute(tidy.query.where(*conditions)).mappings().partitions():
        yield pa.RecordBatch.from_pylist([tidy.row(dict(row)) for row in rows], schema=tidy.schema)


def _export_table(
    connection: Connection, tidy: _Tidy, conditions: Sequence[Any], paths: Iterable[tuple[Format, Path]]
) -> int:
    count = 0
    with ExitStack() as open_sinks:
        sinks = [open_sinks.enter_context(_Sink(path, kind, tidy.schema)) for kind, path in paths]
        for batch in _batches(connection, tidy, conditions):
            count += batch.num_rows
            for sink in sinks:
                sink.write(batch)
    return count


def column_dictionary() -> list[dict[str, str]]:
    """What every exported column holds: table, column, type, unit, meaning (English) and arti (Indonesian)."""
    text = files("exporters").joinpath("columns.csv").read_text(encoding="utf-8")
    known = {(row["table"], row["column"]): row for row in csv.DictReader(io.StringIO(text))}
    rows = []
    for tidy in _tables():
        for column in tidy.schema:
            # `*`: columns that mean the same in every table.
            said = known.get((tidy.name, column.name)) or known["*", column.name]
            rows.append({**said, "table": tidy.name, "type": str(column.type)})
    return rows


def _write_dictionary(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("table", "column", "type", "unit", "meaning", "arti"))
        writer.writeheader()
        writer.writerows(column_dictionary())


def export_tables(
    store_url: str | Path,
    out_dir: str | Path,
    formats: Sequence[Format] = FORMATS,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Exported:
    """Write the runs that started in [since, until), and their parts, to `out_dir` as one file a table and format.

    `columns.csv` says what each column holds. All tables are of one moment of the store, and either all files are
    written or none is touched. Raises StoreError, WriteError, and ValueError for an unknown format.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise ValueError(f"no such format: {', '.join(unknown)}; there are {', '.join(FORMATS)}")
    folder = Path(out_dir)
    started = schema.runs.c.started_at
    conditions = [*([started >= since] if since else []), *([started < until] if until else [])]
    with Store.open(store_url, read_only=True) as store:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError.of(folder, error) from error
        with speaking(store.where), store.engine.connect() as connection, ExitStack() as renames:
            return _export(connection, renames, folder, tuple(formats), conditions)


def _export(
    connection: Connection, renames: ExitStack, folder: Path, formats: Sequence[Format], conditions: Sequence[Any]
) -> Exported:
    written, rows = [], {}
    for tidy in _tables():
        targets = [(kind, folder / f"{tidy.name}.{kind}") for kind in formats]
        paths = [(kind, renames.enter_context(replacing(target))) for kind, target in targets]
        rows[tidy.name] = _export_table(connection, tidy, conditions, paths)
        written += [target for _, target in targets]
    dictionary = folder / "columns.csv"
    _write_dictionary(renames.enter_context(replacing(dictionary)))
    return Exported((*written, dictionary), rows)
