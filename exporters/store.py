"""The store: every run in SQL, written once, readable by anyone while the daemon writes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self, cast

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, func, insert, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite

from exporters.schema import runs as runs_table
from exporters.store_errors import StoreError, UnstorableRunError, speaking
from exporters.store_open import Place, open_engines, place_of
from exporters.store_rows import PARTS, part_rows, run_from_rows, run_row, unstorable
from exporters.store_summary import GoodAndBad, SummaryRow, good_and_bad_query, summary_query
from probes.run import OUTCOMES, Run

__all__ = ["Order", "Store", "StoreError", "SummaryRow", "UnstorableRunError"]

Order = Literal["oldest", "newest"]
#: A filter by name: one, several, or None for all.
Names = str | Collection[str] | None
#: Runs read or deleted at once: big enough to be quick, small enough that nobody waits for the lock.
_CHUNK = 500


class Store:
    """Runs in an SQL database (SQLite in WAL mode, or PostgreSQL); made by `Store.open`, safe to share by threads.

    Writing is exactly once by `run_id`: a run that is already there is left as it is. Every method raises StoreError
    with a reason and a remedy when the database cannot do it.
    """

    def __init__(self, place: Place, reader: Engine, writer: Engine | None) -> None:
        self._place = place
        self._reader = reader
        self._writer = writer
        # SQLite has one writer at a time: threads of this process queue here, not in the database's busy loop.
        self._writing = threading.Lock()

    @classmethod
    def open(cls, url: str | Path, *, read_only: bool = False, busy_timeout: float = 10.0) -> Self:
        """Open the store at a path, an `sqlite:///` URL or a `postgresql://` URL, and bring it to this version.

        Folder and file are made where missing. `busy_timeout`: seconds to wait for another one's lock. With
        `read_only` nothing is made or migrated, and a store in a folder that cannot be written is readable too.
        Raises StoreError for a place that cannot be used, a database that is not ours, and one of a newer version.
        """
        place = place_of(url)
        return cls(place, *open_engines(place, read_only=read_only, timeout=busy_timeout))

    @property
    def where(self) -> str:
        """The path, or the URL without its password."""
        return self._place.where

    @property
    def engine(self) -> Engine:
        """For one's own SQL on the tables of `exporters.schema`; it reads only, writing through it fails."""
        return self._reader

    def close(self) -> None:
        """Give back all connections; what was added is in the file."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        if self._writer is None:
            raise StoreError(self.where, "it was opened for reading only", "open it without read_only")
        with self._writing, speaking(self.where), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with speaking(self.where), self._reader.begin() as connection:
            yield connection

    def add(self, run: Run) -> bool:
        """Commit one run. True: it is new; False: a run with this id was there already."""
        return bool(self.add_many((run,)))

    def add_many(self, runs: Iterable[Run]) -> list[str]:
        """Commit runs in one transaction, all or none; the ids of those that are new, in the order given.

        Raises UnstorableRunError for a run that can never be kept (nothing is written then), StoreError otherwise.
        """
        unique = {run.run_id: run for run in runs}
        for run in unique.values():
            if (why := unstorable(run)) is not None:
                raise UnstorableRunError(self.where, f"run {run.run_id[:80]!r} cannot be kept: {why}", "it is left out")
        if not unique:
            return []
        with self._write() as connection:
            new = self._insert_runs(connection, list(unique.values()))
            parts = [part_rows(run) for run_id, run in unique.items() if run_id in new]
            for table in PARTS:
                if rows := [row for each in parts for row in each[table.name]]:
                    connection.execute(insert(table), rows)
        return [run_id for run_id in unique if run_id in new]

    @staticmethod
    def _insert_runs(connection: Connection, runs: Sequence[Run]) -> set[str]:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(runs_table).on_conflict_do_nothing().returning(runs_table.c.run_id)
        return set(connection.execute(statement, [run_row(run) for run in runs]).scalars())

    def runs(
        self,
        *,
        portal: Names = None,
        scenario: Names = None,
        since: datetime | None = None,
        until: datetime | None = None,
        outcome: Names = None,
        limit: int | None = None,
        order: Order = "oldest",
    ) -> Iterator[Run]:
        """Runs that started in [since, until), one after another by start time.

        Read in chunks, each in its own short transaction, so a slow reader holds up neither the daemon's writes nor
        the log's clean-up; runs added meanwhile may or may not come.
        """
        conditions = _conditions(portal=portal, scenario=scenario, since=since, until=until, outcome=outcome)
        if order not in ("oldest", "newest"):
            raise ValueError(f"order is oldest or newest, not {order!r}")
        left = limit
        last: Run | None = None
        while left is None or left > 0:
            size = _CHUNK if left is None else min(_CHUNK, left)
            chunk = self._chunk(_page(conditions, last, order, size))
            yield from chunk
            if len(chunk) < size:
                return
            last = chunk[-1]
            left = None if left is None else left - size

    def _chunk(self, query: Select[Any]) -> list[Run]:
        with self._read() as connection:
            rows = connection.execute(query).mappings().all()
            parts = _parts_of(connection, [row["run_id"] for row in rows])
        return [run_from_rows(dict(row), parts.get(row["run_id"], {})) for row in rows]

    def get(self, run_id: str) -> Run | None:
        """The run with this id, or None."""
        found = self._chunk(select(runs_table).where(runs_table.c.run_id == run_id))
        return found[0] if found else None

    def retest_of(self, run_id: str, *, since: datetime) -> str | None:
        """The id of the run that tried this one again, None without one; `since` bounds how far is looked."""
        c = runs_table.c
        query = select(c.run_id).where(c.started_at >= since, c.retest_of == run_id).order_by(c.started_at).limit(1)
        with self._read() as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
        return found

    def latest(
        self, *, n: int = 1, portal: Names = None, scenario: Names = None, since: datetime | None = None
    ) -> list[Run]:
        """The newest `n` runs of every portal, scenario, location, browser, device and network, newest first.

        `since` bounds how far back is looked, and with it the cost on a big store.
        """
        c = runs_table.c
        rank = func.row_number().over(
            partition_by=(c.portal, c.scenario, c.location, c.browser, c.device, c.network),
            order_by=(c.started_at.desc(), c.run_id.desc()),
        )
        ranked = (
            select(c.run_id, rank.label("rank"))
            .where(*_conditions(portal=portal, scenario=scenario, since=since))
            .subquery()
        )
        newest = select(ranked.c.run_id).where(ranked.c.rank <= n)
        query = select(runs_table).where(c.run_id.in_(newest)).order_by(c.started_at.desc(), c.run_id.desc())
        return self._chunk(query)

    def count(
        self,
        *,
        portal: Names = None,
        scenario: Names = None,
        since: datetime | None = None,
        until: datetime | None = None,
        outcome: Names = None,
    ) -> int:
        """How many runs started in [since, until)."""
        conditions = _conditions(portal=portal, scenario=scenario, since=since, until=until, outcome=outcome)
        with self._read() as connection:
            return connection.execute(select(func.count()).select_from(runs_table).where(*conditions)).scalar_one()

    def summary(
        self,
        *,
        portal: Names = None,
        scenario: Names = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[SummaryRow]:
        """One row for every portal and scenario with runs in [since, until), by name."""
        query = summary_query(_conditions(portal=portal, scenario=scenario, since=since, until=until))
        with self._read() as connection:
            return [SummaryRow(**row) for row in connection.execute(query).mappings()]

    def good_and_bad(
        self,
        *,
        under_seconds: float,
        portal: Names = None,
        scenario: Names = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> GoodAndBad:
        """Runs that started in [since, until), as objectives count them; retests do not count.

        `under_seconds` is the latency objective.
        """
        conditions = _conditions(portal=portal, scenario=scenario, since=since, until=until)
        with self._read() as connection:
            row = connection.execute(good_and_bad_query(conditions, under_seconds)).mappings().one()
        return GoodAndBad(**row)

    def prune(self, older_than: datetime | timedelta) -> int:
        """Delete runs that started before a time, or longer ago than an age; how many.

        Goes in small transactions, so the daemon can write in between, and gives the space back to the disk.
        """
        limit = older_than if isinstance(older_than, datetime) else datetime.now(UTC) - older_than
        gone = 0
        while True:
            old = select(runs_table.c.run_id).where(runs_table.c.started_at < limit).limit(_CHUNK)
            with self._write() as connection:
                deleted = connection.execute(delete(runs_table).where(runs_table.c.run_id.in_(old))).rowcount
            gone += deleted
            if deleted < _CHUNK:
                break
        self._shrink()
        return gone

    def _shrink(self) -> None:
        """Give free pages back to the disk."""
        if self._writer is None or self._writer.dialect.name != "sqlite":
            return
        with self._writing, speaking(self.where):
            connection = self._writer.raw_connection()
            try:
                # The pragma frees one page a step, and only `executescript` steps to its end.
                cast("sqlite3.Connection", connection.driver_connection).executescript("PRAGMA incremental_vacuum")
            finally:
                connection.close()

    def integrity_check(self) -> list[str]:
        """What is wrong inside the store, one line each; empty: it is sound. Reads the whole store."""
        with self._read() as connection:
            problems = [
                f"{table.name}: {orphans} rows belong to no run"
                for table in PARTS
                if (orphans := connection.execute(_orphans(table)).scalar_one())
            ]
            if connection.dialect.name == "sqlite":
                said = connection.execute(text("PRAGMA integrity_check")).scalars()
                problems += [f"database: {line}" for line in said if line != "ok"]
        return problems


def _orphans(table: Any) -> Select[int]:
    missing = ~select(runs_table.c.run_id).where(runs_table.c.run_id == table.c.run_id).exists()
    return select(func.count()).select_from(table).where(missing)


def _by_name(column: Any, names: Names) -> list[ColumnElement[bool]]:
    if names is None:
        return []
    return [column == names] if isinstance(names, str) else [column.in_(list(names))]


def _conditions(
    *,
    portal: Names = None,
    scenario: Names = None,
    since: datetime | None = None,
    until: datetime | None = None,
    outcome: Names = None,
) -> list[ColumnElement[bool]]:
    for name in (outcome,) if isinstance(outcome, str) else outcome or ():
        if name not in OUTCOMES:
            raise ValueError(f"no such outcome: {name!r}; there are {', '.join(OUTCOMES)}")
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"{name} must be an aware time")
    c = runs_table.c
    conditions = [*_by_name(c.portal, portal), *_by_name(c.scenario, scenario), *_by_name(c.outcome, outcome)]
    if since is not None:
        conditions.append(c.started_at >= since)
    if until is not None:
        conditions.append(c.started_at < until)
    return conditions


def _page(conditions: Sequence[ColumnElement[bool]], last: Run | None, order: Order, size: int) -> Select[Any]:
    """The next `size` runs after `last` in the order; seeking by key stays quick however far in it is."""
    at, run_id = runs_table.c.started_at, runs_table.c.run_id
    query = select(runs_table).where(*conditions).limit(size)
    if order == "oldest":
        if last is not None:
            query = query.where(or_(at > last.started_at, and_(at == last.started_at, run_id > last.run_id)))
        return query.order_by(at, run_id)
    if last is not None:
        query = query.where(or_(at < last.started_at, and_(at == last.started_at, run_id < last.run_id)))
    return query.order_by(at.desc(), run_id.desc())


def _parts_of(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, list[Mapping[str, Any]]]]:
    """The rows of the other tables, by run id and table name, in the order of `seq`."""
    parts: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for start in range(0, len(run_ids), _CHUNK):
        some = run_ids[start : start + _CHUNK]
        for table in PARTS:
            query = select(table).where(table.c.run_id.in_(some)).order_by(table.c.run_id, table.c.seq)
            for row in connection.execute(query).mappings():
                parts.setdefault(row["run_id"], {}).setdefault(table.name, []).append(dict(row))
    return parts
