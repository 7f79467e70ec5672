"""Exported Parquet tables as a store: the same figures as from the database, and clear words where they cannot be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from link_store import START, full_store

from egovqual_link import SEMARANG, load_source
from egovqual_link.indicators import indicators
from egovqual_link.link import link
from egovqual_link.windows import Window
from exporters.store import Store
from exporters.tables import export_tables
from scenarios.source import InputError

WINDOW = Window(START, START + timedelta(days=30), "Asia/Jakarta")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The address of a database, and of the same runs as Parquet files."""
    folder = tmp_path_factory.mktemp("parquet")
    whole = full_store(folder / "made.db", days=9)
    whole.write()
    Store.open(folder / "store.db").close()
    # Tables made by hand bear no version: the rows go into a store that the program made.
    import sqlite3

    with sqlite3.connect(folder / "store.db") as database:
        database.execute("ATTACH ? AS made", (str(folder / "made.db"),))
        for table in ("runs", "steps", "pages", "findings", "search_queries", "form_fields"):
            names = [row[1] for row in database.execute(f"PRAGMA made.table_info({table})")]
            database.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(names)} FROM made.{table}")
    export_tables(folder / "store.db", folder / "tables", ("parquet",))
    return f"sqlite:///{folder / 'store.db'}", f"parquet:{folder / 'tables'}"


def test_every_indicator_is_the_same_from_parquet_and_from_the_database(stores: tuple[str, str]) -> None:
    database, parquet = (indicators(url, portal="synthetic", window=WINDOW) for url in stores)
    assert database["value"].notna().sum() >= 20
    # SQLite's day numbers hold a tenth of a millisecond, which times between outages show.
    pd.testing.assert_frame_equal(database, parquet, rtol=1e-6)


def test_the_whole_link_is_the_same_from_parquet(stores: tuple[str, str]) -> None:
    survey = load_source(SEMARANG)
    database, parquet = (link(survey, url, from_="2024-05-01", to="2024-05-10") for url in stores)
    for name in ("flows", "pages", "hours", "findings", "exposure"):
        pd.testing.assert_frame_equal(getattr(database.overview, name), getattr(parquet.overview, name), rtol=1e-6)
    pd.testing.assert_frame_equal(database.side_by_side, parquet.side_by_side, rtol=1e-6)


def test_a_table_may_be_many_files(stores: tuple[str, str], tmp_path: Path) -> None:
    whole = Path(stores[1].removeprefix("parquet:"))
    for name in ("runs", "steps", "pages", "findings", "search_queries", "form_fields"):
        table = pd.read_parquet(whole / f"{name}.parquet")
        for day, rows in table.groupby(table["started_at"].dt.date):
            (tmp_path / name / f"day={day}").mkdir(parents=True)
            rows.to_parquet(tmp_path / name / f"day={day}" / "part.parquet")
    single, many = (indicators(url, portal="synthetic", window=WINDOW) for url in (stores[1], f"parquet:{tmp_path}"))
    pd.testing.assert_frame_equal(single, many, rtol=1e-9)


def test_a_folder_that_cannot_be_a_store_is_refused(stores: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        indicators(f"parquet:{tmp_path / 'none'}", portal="synthetic", window=WINDOW)
    with pytest.raises(InputError, match=r"no runs\.parquet in it"):
        indicators(f"parquet:{tmp_path}", portal="synthetic", window=WINDOW)
    broken = tmp_path / "it's broken"
    shutil.copytree(stores[1].removeprefix("parquet:"), broken)
    assert indicators(f"parquet:{broken}", portal="synthetic", window=WINDOW)["value"].notna().any()
    (broken / "pages.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"pages\.parquet: it cannot be read as Parquet"):
        indicators(f"parquet:{broken}", portal="synthetic", window=WINDOW)
    called = subprocess.run(
        [sys.executable, "-m", "gapwatch", "link", "--survey", str(SEMARANG), "--store", f"parquet:{broken}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert called.returncode == 2
    assert "pages.parquet" in called.stderr
