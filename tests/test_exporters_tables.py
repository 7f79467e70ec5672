"""Tidy tables: whole, typed, safe to open in a spreadsheet, and explained column by column."""

from __future__ import annotations

import csv
from datetime import timedelta

import duckdb
import pyarrow.parquet as pq
import pytest
from exporters_runs import START, full_run, make_run

from exporters import Store, StoreError, WriteError, column_dictionary, export_tables
from probes.run import Evidence, Finding, FormField, FormsResult, PageMetrics

TABLES = ("runs", "steps", "pages", "findings", "search_queries", "form_fields")


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "runs.sqlite"
    with Store.open(found) as store:
        store.add_many(full_run(n) if n % 3 == 0 else make_run(n) for n in range(30))
    return found


def rows(file) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_every_table_in_every_format(path, tmp_path):
    out = tmp_path / "new" / "out"
    done = export_tables(path, out)
    expected = {"runs": 30, "steps": 40, "pages": 30, "findings": 20, "search_queries": 20, "form_fields": 20}
    assert done.rows == expected
    assert sorted(done.files) == sorted(out.iterdir())
    for name, count in expected.items():
        assert len(rows(out / f"{name}.csv")) == count
        table = pq.read_table(out / f"{name}.parquet")
        assert table.num_rows == count
        assert table.column_names == list(rows(out / f"{name}.csv")[0])
        assert str(table.schema.field("started_at").type) == "timestamp[us, tz=UTC]"


def test_the_values_are_those_of_the_runs(path, tmp_path):
    export_tables(path, tmp_path / "out", ("parquet",))
    table = pq.read_table(tmp_path / "out" / "runs.parquet").to_pylist()
    with Store.open(path, read_only=True) as store:
        runs = list(store.runs())
    assert [row["run_id"] for row in table] == [run.run_id for run in runs]
    for row, run in zip(table, runs, strict=True):
        assert row["started_at"] == run.started_at
        assert row["outcome"] == run.outcome
        assert row["host_concurrent_runs"] == run.host.concurrent_runs
        assert row["http_processing_seconds"] == (run.http.phases.processing if run.http else None)
        assert row["http_certificate_expiry"] == (run.http.certificate_expiry if run.http else None)
        assert row["search_success_share"] == (run.search.success_share if run.search else None)
        assert row["form_duplicates"] == (";".join(run.forms.duplicates) if run.forms else None)
    steps = pq.read_table(tmp_path / "out" / "steps.parquet").to_pylist()
    waits = [(run.run_id, each.name, each.duration_seconds) for run in runs for each in run.steps]
    assert [(row["run_id"], row["name"], row["duration_seconds"]) for row in steps] == waits
    query = f"SELECT avg(lcp_seconds) FROM '{tmp_path}/out/pages.parquet' WHERE portal = 'demo'"
    assert duckdb.sql(query).fetchall() == [(pytest.approx(0.9),)]


def test_a_window_bounds_every_table(path, tmp_path):
    window = {"since": START + timedelta(minutes=3), "until": START + timedelta(minutes=6)}
    done = export_tables(path, tmp_path / "out", ("csv",), **window)
    assert done.rows["runs"] == 3
    assert done.rows["findings"] == 2
    assert {row["run_id"] for row in rows(tmp_path / "out" / "steps.csv")} == {f"run-{n:06}" for n in (3, 4, 5)}


def test_what_was_not_measured_is_empty_and_not_zero(path, tmp_path):
    export_tables(path, tmp_path / "out", ("csv", "parquet"))
    assert {row["inp_seconds"] for row in rows(tmp_path / "out" / "pages.csv")} == {""}
    assert pq.read_table(tmp_path / "out" / "pages.parquet")["inp_seconds"].null_count == 30


@pytest.mark.parametrize(
    "evil", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=1\n=2", '="a","b"', "'=1", "fine = yes"]
)
def test_no_text_becomes_a_formula(tmp_path, evil):
    path = tmp_path / "s.sqlite"
    field = FormField(evil, 1, evil, evil, False, False, False, evil)
    run = make_run(
        1, location=evil, pages=(PageMetrics(evil, evil),), findings=(Finding("slow", "minor", evil, evil),),
        forms=FormsResult((field,), (evil,)), evidence=Evidence(evil, evil),
    )  # fmt: skip
    with Store.open(path) as store:
        store.add(run)
    export_tables(path, tmp_path / "out")
    for name in ("runs", "pages", "findings", "form_fields"):
        for row in rows(tmp_path / "out" / f"{name}.csv"):
            assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for value in row.values())
    (found,) = rows(tmp_path / "out" / "findings.csv")
    assert found["message"] == (evil if evil[0] in "'f" else "'" + evil)
    (bare,) = pq.read_table(tmp_path / "out" / "findings.parquet").to_pylist()
    assert bare["message"] == evil


def test_a_big_store_is_written_in_chunks(tmp_path):
    path = tmp_path / "s.sqlite"
    with Store.open(path) as store:
        store.add_many(make_run(n) for n in range(10_050))
    assert export_tables(path, tmp_path / "out").rows["runs"] == 10_050
    assert pq.ParquetFile(tmp_path / "out" / "runs.parquet").num_row_groups > 1
    assert len(rows(tmp_path / "out" / "runs.csv")) == 10_050


def test_an_empty_store_gives_empty_tables_with_headings(tmp_path):
    path = tmp_path / "s.sqlite"
    Store.open(path).close()
    assert set(export_tables(path, tmp_path / "out").rows.values()) == {0}
    for name in TABLES:
        assert (tmp_path / "out" / f"{name}.csv").read_text().startswith('"run_id","portal"')
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet").num_rows == 0


def test_nothing_is_touched_when_it_fails(path, tmp_path):
    out = tmp_path / "out"
    export_tables(path, out, ("csv",))
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    with Store.open(path) as store:
        store.add(make_run(99))
    (out / "steps.parquet").mkdir()
    (out / "steps.parquet" / "in the way").touch()
    with pytest.raises(WriteError, match=r"steps\.parquet: .*; "):
        export_tables(path, out, ("parquet",))
    (out / "steps.parquet" / "in the way").unlink()
    (out / "steps.parquet").rmdir()
    assert {file.name: file.read_bytes() for file in out.iterdir() if file.suffix == ".csv"} == before
    assert not list(out.glob(".*"))


def test_bad_input_is_refused(path, tmp_path):
    with pytest.raises(ValueError, match="no such format: xlsx; there are parquet, csv"):
        export_tables(path, tmp_path / "out", ("csv", "xlsx"))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="no such file"):
        export_tables(tmp_path / "no.sqlite", tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"file"):
        export_tables(path, tmp_path / "file")
    assert not (tmp_path / "out").exists()


def test_the_dictionary_explains_every_column_in_both_languages(path, tmp_path):
    export_tables(path, tmp_path / "out", ("csv",))
    dictionary = rows(tmp_path / "out" / "columns.csv")
    assert dictionary == column_dictionary()
    explained = [(row["table"], row["column"]) for row in dictionary]
    exported = [(name, column) for name in TABLES for column in rows_header(tmp_path / "out" / f"{name}.csv")]
    assert explained == exported
    assert all(row["meaning"] and row["arti"] and row["type"] for row in dictionary)
    units = {row["column"]: row["unit"] for row in dictionary}
    assert {unit for column, unit in units.items() if column.endswith("_seconds")} == {"s"}
    assert {unit for column, unit in units.items() if column.endswith("_bytes")} == {"bytes"}


def rows_header(file) -> list[str]:
    with file.open(encoding="utf-8", newline="") as opened:
        return next(csv.reader(opened))
