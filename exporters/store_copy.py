"""Copies of a store's runs in a file of their own, for those who check an analysis."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sqlalchemy import insert, select

from exporters.schema import runs
from exporters.store import Store
from exporters.store_errors import speaking
from exporters.store_open import open_engines, place_of
from exporters.store_rows import PARTS

#: Rows held in memory at once.
_CHUNK = 5_000


def copy_runs(store_url: str | Path, target: Path, portals: Iterable[str]) -> int:
    """Write all runs of `portals` to a new SQLite store at `target`; how many there were.

    Both sides are of one moment. The copy is a single file without a write-ahead log beside it. Evidence files are not
    copied. Raises StoreError.
    """
    wanted = tuple(portals)
    count = 0
    with Store.open(store_url, read_only=True) as source:
        reader, writer = open_engines(place_of(target), read_only=False, timeout=30)
        assert writer is not None
        try:
            with speaking(source.where), source.engine.connect() as read, writer.begin() as write:
                streamed = read.execution_options(stream_results=True, yield_per=_CHUNK)
                whole = select(runs).where(runs.c.portal.in_(wanted)).order_by(runs.c.run_id)
                for rows in streamed.execute(whole).mappings().partitions():
                    count += len(rows)
                    write.execute(insert(runs), [dict(row) for row in rows])
                for part in PARTS:
                    mine = select(part).join_from(part, runs, part.c.run_id == runs.c.run_id)
                    ordered = mine.where(runs.c.portal.in_(wanted)).order_by(part.c.run_id, part.c.seq)
                    for rows in streamed.execute(ordered).mappings().partitions():
                        write.execute(insert(part), [dict(row) for row in rows])
        finally:
            reader.dispose()
            writer.dispose()
    with closing(sqlite3.connect(target, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        file.execute("VACUUM")
    return count
