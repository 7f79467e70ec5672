"""The past by the store: shares over windows, counts by day, incidents; against counts made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from exporters_runs import make_run

from exporters.store import Store
from exporters.store_history import Counts, days, incidents, shares
from probes.run import Run

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def run(minutes_ago: float, outcome: str = "passed", **changes: object) -> Run:
    at = NOW - timedelta(minutes=minutes_ago)
    run_id = f"{at:%Y%m%dT%H%M%SZ}-{'-'.join(str(each) for each in changes.values())}"
    return replace(make_run(1, outcome=outcome), **{"run_id": run_id, "started_at": at, **changes})  # type: ignore[arg-type]  # fields of Run


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "runs.db") as opened:
        yield opened


def test_shares_leave_out_what_says_nothing_and_retests(store: Store) -> None:
    failed = run(30, "failed")
    store.add_many([
        run(10), run(20, "degraded"), failed, run(29, "passed", retest_of=failed.run_id), run(40, "blocked"),
        run(50, "maintenance"), run(60, "error", error_reason="offline"), run(3 * 24 * 60, "failed"),
        run(40 * 24 * 60, "failed"), run(5, portal="other"),
    ])  # fmt: skip
    since = {"24h": NOW - timedelta(hours=24), "7d": NOW - timedelta(days=7)}
    found = shares(store, since, NOW)
    assert found["demo", "home"]["24h"] == Counts(available=2, unavailable=1, blocked=1, maintenance=1, errors=1)
    assert found["demo", "home"]["24h"].share == pytest.approx(2 / 3)
    assert found["demo", "home"]["7d"] == Counts(available=2, unavailable=2, blocked=1, maintenance=1, errors=1)
    assert found["other", "home"]["24h"] == Counts(available=1)
    assert Counts(errors=3).share is None


def test_days_are_utc_and_a_day_without_a_run_is_not_there(store: Store) -> None:
    store.add_many([run(12 * 60 - 1), run(12 * 60 + 1, "failed"), run(60 * 60)])
    found = days(store, NOW - timedelta(days=5), NOW)["demo", "home"]
    assert found == {
        date(2026, 11, 22): Counts(available=1),
        date(2026, 11, 23): Counts(unavailable=1),
        date(2026, 11, 24): Counts(available=1),
    }


def test_an_incident_lasts_from_the_first_failure_to_the_next_run_that_got_through(store: Store) -> None:
    flaky = run(200, "failed")
    store.add_many([
        run(210), flaky, run(199, retest_of=flaky.run_id), run(190),
        run(100, "failed"), run(90, "blocked"), run(80, "failed"), run(70, "error", error_reason="offline"), run(60),
        run(20, "failed"),
        # Another browser's failures are an incident of their own.
        run(100, "failed", browser="firefox"),
    ])  # fmt: skip
    found = incidents(store, NOW - timedelta(days=1), NOW)
    told = [(each.browser, each.began_at, each.last_at, each.ended_at, each.runs) for each in found]
    ago = {minutes: NOW - timedelta(minutes=minutes) for minutes in (20, 60, 80, 100)}
    assert sorted(told, key=str) == sorted(
        [
            ("chromium", ago[20], ago[20], None, 1),
            ("chromium", ago[100], ago[80], ago[60], 2),
            ("firefox", ago[100], ago[100], None, 1),
        ],
        key=str,
    )
    assert found[0].began_at == ago[20]
    first = next(each for each in found if each.ended_at == ago[60])
    kept = store.get(first.first_run)
    assert kept is not None
    assert kept.started_at == ago[100]
    assert incidents(store, NOW - timedelta(days=1), NOW, pairs={("demo", "other")}) == []


def test_a_failure_that_the_second_try_confirms_counts_once(store: Store) -> None:
    failed = run(30, "failed")
    again = run(29, "failed", retest_of=failed.run_id)
    store.add_many([run(40), failed, again, run(10)])
    assert [each.runs for each in incidents(store, NOW - timedelta(days=1), NOW)] == [1]
    assert store.retest_of(failed.run_id, since=failed.started_at) == again.run_id
    assert store.retest_of(again.run_id, since=again.started_at) is None
