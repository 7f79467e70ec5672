"""Due times: no drift, crontab's weekdays, smallest gaps, and what is no schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gapwatch.timetable import Schedule, check_cron, cron_gap

START = datetime(2026, 11, 23, tzinfo=UTC)  # a Monday


def due(schedule: Schedule, count: int) -> list[datetime]:
    trigger = schedule.trigger(START)
    times: list[datetime] = []
    while len(times) < count:
        last = times[-1] if times else None
        times.append(trigger.get_next_fire_time(last, last or START))
    return times


def test_intervals_lie_on_a_grid_and_jitter_does_not_add_up() -> None:
    times = due(Schedule(10.0, None, "UTC", 9.0), 3600)
    late = [(time - START).total_seconds() - 10.0 * slot for slot, time in enumerate(times)]
    assert min(late) >= 0
    assert max(late) <= 9.0
    assert max(late) - min(late) > 5  # there is jitter


def test_an_interval_that_was_slept_through_goes_on_on_its_grid() -> None:
    trigger = Schedule(60.0, None, "UTC", 0.0).trigger(START)
    assert trigger.get_next_fire_time(None, START + timedelta(seconds=61)) == START + timedelta(seconds=120)


@pytest.mark.parametrize(
    ("expression", "days"),
    [("0 9 * * 0", "Sun"), ("0 9 * * 7", "Sun"), ("0 9 * * 1", "Mon"), ("0 9 * * 5-7", "Sun Fri Sat"),
     ("0 9 * * fri-mon", "Mon Sun Fri Sat"), ("0 9 * * */2", "Tue Thu Sat Sun"), ("0 9 * * MON,3", "Mon Wed")],
)  # fmt: skip
def test_weekdays_are_crontabs(expression: str, days: str) -> None:
    times = due(Schedule(None, expression, "Asia/Jakarta", 0.0), 7)
    assert {f"{time.astimezone(ZoneInfo('Asia/Jakarta')):%a}" for time in times} == set(days.split())
    assert {time.astimezone(UTC).hour for time in times} == {2}


def test_cron_jitter_stays_within_its_bound() -> None:
    times = due(Schedule(None, "*/10 * * * *", "UTC", 120.0), 50)
    assert all(0 <= (time - START).total_seconds() % 600 <= 120 for time in times)
    assert [round((time - START).total_seconds() // 600) for time in times] == list(range(50))


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("*/5 * * * *", 300), ("*/7 * * * *", 240), ("0,2 9 * * *", 120), ("0 9 * * 1-5", 86_400),
     ("0 0 1 * *", 28 * 86_400)],
)  # fmt: skip
def test_smallest_gap(expression: str, seconds: float) -> None:
    assert cron_gap(expression) == seconds


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "a * * * *", "60 * * * *", "0 0 31 2 *", "0 0 * * 8", "0 0 * * x", "0 0 * * 1/0"]
)
def test_what_is_no_cron(expression: str) -> None:
    with pytest.raises(ValueError, match=r"is no crontab expression|never fires"):
        check_cron(expression)
