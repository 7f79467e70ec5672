"""Indicators from made-up stores whose right answers are known by construction or by other software."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from link_store import START, StoreMaker, full_store
from scipy import stats

from egovqual_link.indicators import INDICATOR_COLUMNS, indicators
from egovqual_link.instrument import load_instrument
from egovqual_link.quantiles import Counted, Mix, clopper_pearson, mean_by_days, time_between
from egovqual_link.windows import Window, parse_moment
from scenarios.source import InputError

WINDOW = Window(START, START + timedelta(days=30), "Asia/Jakarta")


def measured(maker: StoreMaker, window: Window = WINDOW, **options: str) -> pd.DataFrame:
    table = indicators(maker.write(), portal="synthetic", window=window, **options)
    return table.set_index("indicator")


@pytest.fixture
def maker(tmp_path: Path) -> StoreMaker:
    return StoreMaker(tmp_path / "synthetic.db")


def test_every_indicator_has_a_row_and_every_gap_a_reason_in_both_languages(tmp_path: Path) -> None:
    table = measured(full_store(tmp_path / "synthetic.db"))
    assert list(table.index) == [each.key for _, each in load_instrument().indicators()]
    assert list(table.reset_index().columns.sort_values()) == sorted(INDICATOR_COLUMNS)
    missing = table[table["value"].isna()]
    assert missing["reason_en"].notna().all()
    assert missing["reason_id"].notna().all()
    present = table[table["value"].notna()]
    assert present["method"].notna().all()
    assert (present["low"].notna() | present["interval_reason_en"].notna()).all()
    inside = present.dropna(subset=["low", "high"])
    assert ((inside["low"] <= inside["value"]) & (inside["value"] <= inside["high"])).all()


def test_an_empty_window_measures_nothing_and_says_so(maker: StoreMaker) -> None:
    maker.opened(START - timedelta(days=2), 1.0)
    table = measured(maker)
    assert table["value"].isna().all()
    assert table.loc["availability_share", "reason"] == "no_runs"
    assert table.loc["availability_share", "days"] == 0


def test_p75_is_the_smallest_wait_that_three_in_four_do_not_exceed(maker: StoreMaker) -> None:
    for hour in range(8):
        maker.opened(START + timedelta(hours=hour), (hour + 1) / 10)
    row = measured(maker).loc["lcp_p75_seconds"]
    assert row["value"] == 0.6
    assert row["rating"] == "good"
    assert "p75 over probe runs" in row["note_en"]
    assert pd.isna(row["low"])
    assert "1 day(s)" in row["interval_reason_en"]


def test_failed_openings_stay_in_as_waits_longer_than_any(maker: StoreMaker) -> None:
    for hour in range(6):
        maker.opened(START + timedelta(hours=hour), 1.0)
    maker.lost(START + timedelta(hours=6))
    # The error page came fast; the citizen still did not get the page that was asked for.
    maker.lost(START + timedelta(hours=7), page=0.1, timed_out=False)
    row = measured(maker).loc["lcp_p75_seconds"]
    assert (row["value"], row["n"], row["n_censored"]) == (1.0, 8, 2)

    maker.path.unlink()
    maker.lost(START + timedelta(hours=8))
    row = measured(maker).loc["lcp_p75_seconds"]
    assert (row["value"], row["bound"], row["rating"]) == (30.0, ">=", "poor")
    assert "deadline" in row["note_en"]


def test_a_portal_that_never_opens_has_a_bound_and_not_a_gap(maker: StoreMaker) -> None:
    for hour in range(3):
        maker.lost(START + timedelta(hours=hour))
    row = measured(maker).loc["load_p75_seconds"]
    assert (row["value"], row["bound"], row["n_censored"]) == (30.0, ">=", 3)


def test_pages_weigh_the_same_whatever_the_schedule(maker: StoreMaker) -> None:
    for minute in range(90):
        maker.opened(START + timedelta(minutes=minute), 1.0, scenario="light")
    for hour in range(10):
        maker.opened(START + timedelta(hours=hour), 5.0, scenario="heavy")
    assert measured(maker).loc["lcp_p75_seconds", "value"] == 5.0


def test_runs_that_say_nothing_are_left_out_and_counted(maker: StoreMaker) -> None:
    maker.opened(START, 1.0)
    maker.opened(START + timedelta(hours=1), 9.0, timing_valid=False)
    maker.run(START + timedelta(hours=2), outcome="error", error_reason="browser_start")
    maker.run(START + timedelta(hours=3), outcome="blocked")
    maker.run(START + timedelta(hours=4), outcome="maintenance")
    table = measured(maker)
    row = table.loc["lcp_p75_seconds"]
    assert (row["value"], row["n"]) == (1.0, 1)
    excluded = [row[f"excluded_{name}"] for name in ("error", "blocked", "maintenance", "timing")]
    assert excluded == [1, 1, 1, 1]
    assert (table.loc["availability_share", "value"], table.loc["availability_share", "n"]) == (1.0, 2)
    assert table.loc["maintenance_share", "value"] == pytest.approx(1 / 3)


def test_availability_knows_an_outage_from_scattered_failures(tmp_path: Path) -> None:
    rows = {}
    for name, bad in (("outage", range(40, 60)), ("scattered", range(0, 200, 10))):
        maker = StoreMaker(tmp_path / f"{name}.db")
        for number in range(200):
            at = START + timedelta(minutes=5 * number)
            if number in bad:
                maker.lost(at)
            else:
                maker.opened(at, 1.0)
        rows[name] = measured(maker)
    shares = {name: table.loc["availability_share"] for name, table in rows.items()}
    assert shares["outage"]["value"] == shares["scattered"]["value"] == pytest.approx(0.9)
    width = {name: row["high"] - row["low"] for name, row in shares.items()}
    assert width["outage"] > 3 * width["scattered"]
    outage = rows["outage"]
    assert outage.loc["mttr_hours", "value"] == pytest.approx(20 * 5 / 60, rel=1e-3)
    assert outage.loc["mtbf_hours", "value"] == pytest.approx(179 * 5 / 60, rel=1e-3)
    assert rows["scattered"].loc["mttr_hours", "n"] == 20


def test_no_outage_gives_a_lower_bound_of_the_time_between(maker: StoreMaker) -> None:
    for hour in range(10):
        maker.opened(START + timedelta(hours=hour), 1.0)
    row = measured(maker).loc["mtbf_hours"]
    assert (row["bound"], row["value"]) == (">=", pytest.approx(9.0, rel=1e-4))
    assert pd.isna(row["high"])


def test_silences_of_the_probe_are_not_watched_time(maker: StoreMaker) -> None:
    for hour in [*range(10), *range(500, 510)]:
        maker.opened(START + timedelta(hours=hour), 1.0)
    assert measured(maker).loc["mtbf_hours", "value"] == pytest.approx(9 + 3 + 9, rel=1e-4)


def test_the_worst_hour_is_a_local_hour_and_needs_all_hours(tmp_path: Path) -> None:
    table = measured(full_store(tmp_path / "synthetic.db"))
    assert table.loc["availability_worst_hour_share", "note_en"].startswith("the hour from 13:00")
    short = StoreMaker(tmp_path / "short.db")
    short.opened(START, 1.0)
    assert measured(short).loc["availability_worst_hour_share", "reason"] == "hours_missing"


def test_forms_and_search(tmp_path: Path) -> None:
    table = measured(full_store(tmp_path / "synthetic.db", days=8))
    value = table["value"]
    assert value["duplicate_fields_count"] == 2
    assert value["duplicate_fields_share"] == pytest.approx(1 / 3)
    assert value["fields_with_help_share"] == pytest.approx(2 / 3)
    assert value["signup_personal_fields_count"] == 4
    assert value["first_attempt_success_share"] == pytest.approx(1 - 12 / 96)
    assert value["form_error_share"] == pytest.approx(12 / 96)
    assert value["form_input_lost_share"] == 0.0
    assert table.loc["form_input_lost_share", "high"] == pytest.approx(clopper_of_zero(96))
    assert value["search_success_at_k_share"] == pytest.approx(0.5 * 0.2 + 0.8, abs=0.01)
    assert value["search_latency_p75_seconds"] == 0.7
    assert value["download_p75_seconds"] == 0.8


def clopper_of_zero(n: int) -> float:
    """The exact upper end for no event in n tries: 1 - 0.025 ** (1 / n)."""
    return float(1 - 0.025 ** (1 / n))


def test_flows_that_may_not_submit_are_judged_up_to_there(maker: StoreMaker) -> None:
    for hour in range(3):
        maker.run(START + timedelta(hours=hour), kind="form_submission", scenario="apply", dry_stop="submit")
    row = measured(maker).loc["first_attempt_success_share"]
    assert row["value"] == 1.0
    assert "3 of the flows stopped" in row["note_en"]


def test_one_browser_is_no_comparison_and_two_are(maker: StoreMaker) -> None:
    maker.opened(START, 1.0)
    assert measured(maker).loc["browser_device_success_share", "reason"] == "one_browser"
    maker.path.unlink()
    maker.lost(START + timedelta(hours=1), browser="firefox")
    table = measured(maker)
    assert table.loc["browser_device_success_share", "value"] == 0.5
    assert table.loc["browser_device_worst_share", "value"] == 0.0
    maker.path.unlink()
    assert measured(maker, browser="chromium").loc["availability_share", "value"] == 1.0


def test_tls_counts_only_checks_over_tls(maker: StoreMaker) -> None:
    maker.run(START, kind="http", http={"status": 200, "certificate_expiry": "2030-01-01T00:00:00Z"})
    maker.run(START + timedelta(hours=1), kind="http", http={"status": 200, "certificate_expiry": None})
    broken = maker.run(START + timedelta(hours=2), kind="http", outcome="failed")
    maker.finding(broken, "tls", "critical")
    row = measured(maker).loc["tls_valid_share"]
    assert (row["value"], row["n"]) == (0.5, 2)


def test_the_same_store_gives_the_same_figures(tmp_path: Path) -> None:
    url = full_store(tmp_path / "synthetic.db").write()
    first, second = (indicators(url, portal="synthetic", window=WINDOW) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    row = first.set_index("indicator").loc["lcp_p75_seconds"]
    assert row["low"] < row["value"] < row["high"]


def test_reading_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    maker = full_store(tmp_path / "synthetic.db", days=2)
    url = maker.write()
    before = maker.path.read_bytes()
    indicators(url, portal="synthetic", window=WINDOW)
    assert maker.path.read_bytes() == before


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    sqlite3.connect(other).executescript("create table something (a)")
    text = tmp_path / "text.db"
    text.write_text("not a database, but long enough to be taken for one" * 40)
    for url, said in (
        (f"sqlite:///{tmp_path}/none.db", "no such store"),
        (f"sqlite:///{other}", "lacks the table"),
        (str(text), "cannot be read"),
        ("ftp://somewhere/x", "is no store's address"),
    ):
        with pytest.raises(InputError, match=said):
            indicators(url, portal="synthetic", window=WINDOW)


def test_windows() -> None:
    jakarta = parse_moment("2024-05-01", time_zone="Asia/Jakarta")
    assert jakarta.astimezone(UTC) == datetime(2024, 4, 30, 17, tzinfo=UTC)
    end = parse_moment("2024-05-31", time_zone="Asia/Jakarta", end=True)
    assert Window(jakarta, end, "Asia/Jakarta").days == 31
    assert Window(jakarta, end, "Asia/Jakarta").offset_seconds == 7 * 3600
    with pytest.raises(InputError, match="not before its end"):
        Window(end, jakarta)
    with pytest.raises(InputError, match="no time zone"):
        Window(jakarta, end, "Asia/Semarang")


# --- the statistics behind them


def test_exact_interval_meets_scipy_and_the_streaks_widen_it() -> None:
    exact = stats.binomtest(95, 100).proportion_ci(method="exact")
    assert clopper_pearson(5, 100, 5) == pytest.approx((exact.low, exact.high))
    assert clopper_pearson(0, 100, 0) == pytest.approx((1 - clopper_of_zero(100), 1.0))
    assert clopper_pearson(100, 100, 1)[0] == 0.0
    one_outage = clopper_pearson(5, 100, 1)
    assert one_outage[0] < exact.low
    assert one_outage[1] > exact.high


def test_time_between_meets_the_exact_poisson_interval() -> None:
    # 5 events: exact 95% interval of the count 1.6235 .. 11.6683 (Garwood 1936).
    low, high = time_between(100.0, 5)
    assert (100 / low, 100 / (high or 0)) == pytest.approx((11.6683, 1.6235), abs=1e-4)
    assert time_between(100.0, 0)[1] is None


def test_quantiles_of_a_mix_meet_numpy() -> None:
    values = np.random.default_rng(5).gamma(2, 1, 400).round(2)
    mix = Mix([Counted(0, ("a",), float(each), 1) for each in values])
    for q in (0.5, 0.75, 0.95):
        assert mix.point(q) == (np.quantile(values, q, method="inverted_cdf"), False)


@pytest.mark.parametrize("days", [7, 28])
def test_intervals_of_p75_cover_as_often_as_they_say(days: int) -> None:
    """Days differ (a day effect), so that runs within a day hang together; 120 made-up stores."""
    rng = np.random.default_rng(11)
    truth = float(np.quantile(np.exp(rng.normal(0, np.hypot(0.3, 0.15), 400_000)), 0.75))
    covered = 0
    for _ in range(120):
        waits = np.exp(rng.normal(0, 0.3, (days, 24)) + rng.normal(0, 0.15, (days, 1)))
        counts = [Counted(day, ("a",), float(f"{each:.3g}"), 1) for day in range(days) for each in waits[day]]
        found = Mix(counts).quantile(0.75, resamples=399)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    # 95% of 120 is 114; at most 3 standard errors (2.4 each) below.
    assert covered >= 106


def test_days_without_spread_give_no_interval() -> None:
    assert mean_by_days([(5.0, 10.0)] * 10) == (None, None)
    assert mean_by_days([(5.0, 10.0)] * 3) == (None, None)
    low, high = mean_by_days([(float(day), 10.0) for day in range(10)])
    assert low is not None
    assert high is not None
    assert low < 0.45 < high
