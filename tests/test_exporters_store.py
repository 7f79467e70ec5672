"""The store: what goes in comes out, once, in order, while others write and read."""

from __future__ import annotations

import dataclasses
import math
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from exporters_runs import START, full_run, make_run, runs
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from exporters import Store, StoreError, UnstorableRunError, schema
from probes.run import Finding, PageMetrics, Run, SearchResult

ROOT = Path(__file__).parent.parent


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "runs.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("store") / "runs.sqlite") as opened:
        yield opened


@given(run=runs())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_run_comes_back_as_it_went_in(shared: Store, run: Run):
    before = shared.get(run.run_id)
    assert shared.add(run) is (before is None)
    assert shared.get(run.run_id) == (before or run)


def test_every_part_comes_back(store: Store):
    run = full_run()
    store.add(run)
    assert store.get(run.run_id) == run
    assert list(store.runs()) == [run]
    assert store.latest() == [run]
    assert store.get("nobody") is None


def test_an_empty_search_is_not_no_search(store: Store):
    store.add_many([make_run(1, search=SearchResult(())), make_run(2, search=None)])
    assert [run.search for run in store.runs()] == [SearchResult(()), None]
    with store.engine.connect() as connection:
        assert connection.execute(select(schema.runs.c.search_queries)).scalars().all() == [0, None]


def test_what_was_not_measured_is_null_in_sql(store: Store):
    store.add(make_run(pages=(PageMetrics("u", "s", cls=math.nan, load_seconds=math.inf),)))
    with store.engine.connect() as connection:
        row = connection.execute(text("SELECT http, form_duplicates, search_success_share FROM runs")).one()
        assert tuple(row) == (None, None, None)
        assert connection.execute(text("SELECT cls, load_seconds, lcp_seconds FROM pages")).one() == (None, None, None)


def test_a_run_is_kept_once(store: Store):
    first = make_run(1, findings=(Finding("slow", "minor", None, "first"),))
    again = dataclasses.replace(first, findings=(Finding("slow", "minor", None, "second"),), outcome="failed")
    assert store.add(first) is True
    assert store.add(again) is False
    assert store.add_many([again, make_run(2), make_run(2)]) == ["run-000002"]
    assert list(store.runs()) == [first, make_run(2)]
    assert store.integrity_check() == []


def test_ten_threads_with_the_same_runs_keep_each_once(store: Store):
    def work(_: int) -> int:
        return sum(len(store.add_many(make_run(n) for n in range(start, start + 20))) for start in range(0, 200, 20))

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(work, range(10))) == 200
    assert store.count() == 200


def test_hostile_text_is_bounded_and_cleaned(store: Store):
    finding = Finding("soft_error", "major", None, "x\x00y\ud800z" + "a" * 5000)
    store.add(make_run(findings=(finding,), invalid_reasons=("nul\x00",), timing_valid=False))
    (run,) = store.runs()
    assert run.findings[0].message.startswith("x\ufffdy\ufffdzaaa")
    assert len(run.findings[0].message) == 1000
    assert run.findings[0].message.endswith("…")
    assert run.invalid_reasons == ("nul\ufffd",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run_id": "x" * 65}, "its run_id must have 1 to 64 characters, not 65"),
        ({"portal": ""}, "its portal must have 1 to 64 characters, not 0"),
        ({"duration_seconds": math.nan}, "its duration_seconds is not a number"),
        ({"duration_seconds": math.inf}, "its duration_seconds is not a number"),
    ],
)
def test_a_run_that_cannot_be_kept_is_refused_and_nothing_written(store: Store, changes, said):
    with pytest.raises(UnstorableRunError, match=said):
        store.add_many([make_run(1), make_run(2, **changes)])
    assert store.count() == 0


def test_a_number_that_the_database_refuses_blames_the_run(store: Store):
    with pytest.raises(UnstorableRunError, match="a run breaks the store's rules") as caught:
        store.add(make_run(pages=(PageMetrics("http://secret", "s", requests=2**70),)))
    assert "secret" not in str(caught.value)
    assert store.count() == 0


@pytest.fixture
def filled(store: Store) -> Store:
    store.add_many(
        make_run(n, portal=("demo", "oss")[n % 2], scenario=("home", "search", "form")[n % 3],
                 outcome="failed" if n % 5 == 0 else "passed")
        for n in range(1200)
    )  # fmt: skip
    return store


def test_runs_are_filtered_and_ordered(filled: Store):
    everything = list(filled.runs())
    assert len(everything) == 1200
    assert all(before.started_at < after.started_at for before, after in pairwise(everything))
    assert list(filled.runs(order="newest")) == everything[::-1]
    assert list(filled.runs(limit=7)) == everything[:7]
    assert list(filled.runs(limit=700, order="newest")) == everything[::-1][:700]
    assert list(filled.runs(limit=0)) == []
    some = [run for run in everything if run.portal == "oss" and run.outcome == "failed"]
    assert list(filled.runs(portal="oss", outcome="failed")) == some
    assert filled.count(portal="oss", outcome="failed") == len(some)
    assert filled.count(scenario=["home", "form"]) == 800
    assert filled.count(scenario=[]) == 0


def test_a_window_holds_its_start_and_not_its_end(filled: Store):
    since, until = START + timedelta(minutes=10), START + timedelta(minutes=20)
    found = list(filled.runs(since=since, until=until))
    assert [run.run_id for run in found] == [f"run-{n:06}" for n in range(10, 20)]
    shifted = since.astimezone(tz=datetime.now().astimezone().tzinfo)
    assert filled.count(since=shifted, until=until) == 10


def test_runs_of_the_same_moment_all_come(store: Store):
    same = [make_run(n, started_at=START) for n in range(1300)]
    store.add_many(same)
    assert list(store.runs()) == same
    assert list(store.runs(order="newest")) == same[::-1]


def test_wrong_questions_are_refused(store: Store):
    with pytest.raises(ValueError, match=r"no such outcome: 'pased'; there are passed, "):
        store.count(outcome="pased")
    with pytest.raises(ValueError, match="since must be an aware time"):
        store.count(since=datetime(2026, 1, 1))  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match="order is oldest or newest"):
        list(store.runs(order="random"))  # type: ignore[arg-type]


def test_latest_gives_the_newest_of_each_series(filled: Store):
    latest = filled.latest()
    assert [run.run_id for run in latest] == [f"run-{n:06}" for n in range(1199, 1193, -1)]
    assert len({(run.portal, run.scenario) for run in latest}) == 6
    assert len(filled.latest(n=3, portal="oss")) == 9
    assert filled.latest(since=START + timedelta(days=9)) == []


def test_summary_equals_numpy(store: Store):
    rng = np.random.default_rng(7)
    waits = {("demo", "home"): rng.gamma(2, 1, 101), ("demo", "search"): rng.gamma(2, 1, 4), ("oss", "home"): [3.0]}
    number = 0
    for (portal, scenario), values in waits.items():
        for wait in values:
            number += 1
            store.add(make_run(number, portal=portal, scenario=scenario, duration_seconds=float(wait)))
    rows = {(row.portal, row.scenario): row for row in store.summary()}
    assert list(rows) == sorted(waits)
    for key, values in waits.items():
        assert rows[key].runs == rows[key].passed == rows[key].timed == len(values)
        assert rows[key].median_seconds == pytest.approx(np.quantile(values, 0.5), rel=1e-12)
        assert rows[key].p75_seconds == pytest.approx(np.quantile(values, 0.75), rel=1e-12)


def test_summary_counts_what_it_says(store: Store):
    slow = Finding("slow", "minor", None, "slow")
    dead = Finding("timeout", "critical", None, "dead")
    store.add_many(
        [
            make_run(1, duration_seconds=1.0),
            make_run(2, duration_seconds=2.0, outcome="degraded", findings=(slow, slow)),
            make_run(
                3, duration_seconds=29.0, deadline_seconds=30.0, outcome="failed", timed_out=True, findings=(dead,)
            ),
            make_run(4, duration_seconds=0.01, outcome="blocked"),
            make_run(5, duration_seconds=0.01, outcome="maintenance"),
            make_run(6, duration_seconds=0.01, outcome="error"),
            make_run(7, duration_seconds=99.0, timing_valid=False),
        ]
    )
    (row,) = store.summary()
    assert row.as_dict() == {
        "portal": "demo", "scenario": "home", "runs": 7, "passed": 2, "degraded": 1, "failed": 1, "blocked": 1,
        "maintenance": 1, "errors": 1, "timed": 3, "timed_out": 1, "median_seconds": 2.0, "p75_seconds": 16.0,
        "findings": 3, "critical": 1, "major": 0, "minor": 2, "last_started_at": START + timedelta(minutes=7),
    }  # fmt: skip
    assert store.summary(until=START) == []
    (early,) = store.summary(since=START, until=START + timedelta(minutes=2))
    assert (early.runs, early.findings, early.p75_seconds) == (1, 0, 1.0)
    (late,) = store.summary(since=START + timedelta(minutes=7))
    assert (late.timed, late.median_seconds) == (0, None)


def pages(store: Store) -> int:
    with store.engine.connect() as connection:
        return connection.execute(text("PRAGMA page_count")).scalar_one()


def test_pruning_takes_whole_runs_and_gives_space_back(store: Store):
    store.add_many(full_run(n) for n in range(1500))
    before = pages(store)
    assert store.prune(START + timedelta(minutes=1400)) == 1400
    assert store.count() == 100
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM steps")).scalar_one() == 200
    assert store.integrity_check() == []
    assert pages(store) < before / 4


def test_pruning_by_age(store: Store):
    now = datetime.now(UTC)
    store.add_many([make_run(1, started_at=now - timedelta(days=40)), make_run(2, started_at=now)])
    assert store.prune(timedelta(days=30)) == 1
    assert [run.run_id for run in store.runs()] == ["run-000002"]


def test_integrity_check_finds_rows_without_a_run(store: Store):
    store.add(full_run())
    with closing(sqlite3.connect(store.where)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM runs")
    assert "steps: 2 rows belong to no run" in store.integrity_check()


def test_ones_own_sql_can_read_and_not_write(store: Store):
    store.add(make_run())
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT portal FROM runs")).scalars().all() == ["demo"]
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(insert(schema.steps), {"run_id": "run-000001", "seq": 9, "name": "x", "outcome": "x",
                                                      "timed_out": False})  # fmt: skip


def test_a_store_opened_for_reading_cannot_be_written(store: Store):
    store.add(make_run(1))
    with Store.open(store.where, read_only=True) as reader:
        assert reader.count() == 1
        store.add(make_run(2))
        assert reader.count() == 2
        with pytest.raises(StoreError, match="opened for reading only"):
            reader.add(make_run(3))


WRITER = """
import sys
sys.path.insert(0, "tests")
from exporters_runs import full_run
from exporters import Store
with Store.open(sys.argv[1]) as store:
    for start in range(0, 600, 20):
        store.add_many(full_run(n) for n in range(start, start + 20))
        print(start, flush=True)
"""


def test_another_process_reads_whole_runs_while_this_one_is_written(store: Store):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, store.where], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        seen = [0]
        for _ in iter(writer.stdout.readline, ""):
            with Store.open(store.where, read_only=True) as reader:
                found = list(reader.runs())
            assert found == [full_run(n) for n in range(len(found))]
            seen.append(len(found))
        assert writer.wait() == 0
    assert seen == sorted(seen)
    assert seen[-1] == 600
    assert len(set(seen)) > 5


def test_what_was_added_survives_a_killed_process(tmp_path):
    path = tmp_path / "runs.sqlite"
    program = textwrap.dedent("""
        import os, signal, sys
        sys.path.insert(0, "tests")
        from exporters_runs import full_run
        from exporters import Store
        store = Store.open(sys.argv[1])
        store.add_many(full_run(n) for n in range(50))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -9
    with Store.open(path) as store:
        assert list(store.runs()) == [full_run(n) for n in range(50)]
        assert store.integrity_check() == []
