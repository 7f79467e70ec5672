"""Announced maintenance: windows that hold over changes of the clock, and failures within them counted apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from exporters_runs import make_run

from demo_portal.faults import Fault, FaultKind
from demo_portal.server import DemoPortal
from demo_portal.settings import preset
from gapwatch.config import load_config
from gapwatch.maintenance import MaintenanceWindow, settle
from gapwatch.once import run_pass
from gapwatch.outlets import Outlets
from gapwatch.progress import Progress
from probes.run import Finding
from scenarios.source import InputError


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


SUNDAYS = MaintenanceWindow((), "Asia/Jakarta", cron="0 1 * * 0", seconds=7200)
ONCE = MaintenanceWindow(("demo",), "Asia/Jakarta", datetime(2026, 12, 1, 22), datetime(2026, 12, 2, 2))  # noqa: DTZ001 - local by design


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        # 01:00 to 03:00 on Sundays in Jakarta is 18:00 to 20:00 UTC on Saturdays.
        ("2026-11-28T17:59:59", False),
        ("2026-11-28T18:00:00", True),
        ("2026-11-28T19:59:59", True),
        ("2026-11-28T20:00:00", False),
        ("2026-11-27T18:30:00", False),
    ],
)
def test_a_weekly_window_opens_and_closes_to_the_second(moment: str, inside: bool) -> None:
    assert SUNDAYS.covers("any", utc(moment)) is inside


@pytest.mark.parametrize(("moment", "inside"), [("2026-12-01T15:00", True), ("2026-12-01T19:00", False)])
def test_a_window_is_given_in_local_time(moment: str, inside: bool) -> None:
    assert ONCE.covers("demo", utc(moment)) is inside
    assert not ONCE.covers("other", utc(moment))


@pytest.mark.parametrize(
    ("cron", "begin", "hours"),
    [
        # Berlin 2026: the clock goes forward on 29 March at 01:00 UTC, and back on 25 October at 01:00 UTC.
        ("0 1 * * *", "2026-03-29T00:00", 3),
        ("0 1 * * *", "2026-10-24T23:00", 3),
        ("30 3 * * *", "2026-03-29T01:30", 1),
        ("30 3 * * *", "2026-10-25T02:30", 1),
    ],
)
def test_a_window_lasts_its_elapsed_time_over_a_change_of_the_clock(cron: str, begin: str, hours: int) -> None:
    window = MaintenanceWindow((), "Europe/Berlin", cron=cron, seconds=hours * 3600)
    start = utc(begin)
    assert window.bounds(start) == (start, start + timedelta(hours=hours))
    assert not window.covers("any", start - timedelta(seconds=1))
    assert window.covers("any", start + timedelta(hours=hours) - timedelta(seconds=1))
    assert not window.covers("any", start + timedelta(hours=hours))


def test_an_hour_that_comes_twice_opens_one_window() -> None:
    window = MaintenanceWindow((), "Europe/Berlin", cron="30 2 * * *", seconds=600)
    day = utc("2026-10-25T00:00")
    inside = [minute for minute in range(180) if window.covers("any", day + timedelta(minutes=minute))]
    assert inside == list(range(30, 40))


def test_what_failed_in_a_window_is_maintenance_and_still_says_what_failed() -> None:
    window = MaintenanceWindow((), "UTC", cron="0 3 * * *", seconds=3600, note="database upgrade")
    finding = Finding("http_error", "critical", "Home", "status 503")
    failed = replace(
        make_run(), outcome="failed", started_at=utc("2026-11-24T03:30"), error_reason=None, findings=(finding,)
    )
    settled = settle(failed, [window])
    assert settled.outcome == "maintenance"
    assert settled.findings[0] == finding
    assert settled.findings[1].message == "announced maintenance: database upgrade"
    assert settle(replace(failed, started_at=utc("2026-11-24T04:30")), [window]).outcome == "failed"
    late = replace(failed, started_at=utc("2026-11-24T02:59:50"), duration_seconds=30.0)
    assert settle(late, [window]).outcome == "maintenance"


@pytest.mark.parametrize("outcome", ["passed", "degraded", "blocked", "error"])
def test_a_window_excuses_nothing_else(outcome: str) -> None:
    window = MaintenanceWindow((), "UTC", cron="* * * * *", seconds=3600)
    run = replace(make_run(), outcome=outcome, error_reason="browser_gone" if outcome == "error" else None)  # type: ignore[arg-type]
    assert settle(run, [window]) is run


CONFIG = """\
version: 1
store: sqlite:///store.db
{maintenance}
portals:
  - name: demo
    base_url: {url}
    scenarios: [http_home]
"""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("- {portals: [dmo], cron: '0 1 * * 0', duration: 2h}", "config.yaml:4: no portal is named 'dmo'"),
        ("- {cron: '0 1 * * 0'}", "give `start` and `end`, or `cron` and `duration`"),
        ("- {start: 2026-12-02 02:00, end: 2026-12-01 22:00}", "the end does not come after the start"),
        ("- {start: 2026-12-01T22:00:00+07:00, end: 2026-12-02 02:00}", "write the local time and give `timezone`"),
        ("- {start: tomorrow, end: 2026-12-02 02:00}", "is no local time; write it as 2026-12-01 22:00"),
        ("- {cron: '0 25 * * 0', duration: 2h}", "is no crontab expression"),
        ("- {cron: '0 1 * * 0', duration: 2h, timezone: Asia/Atlantis}", "is no time zone"),
    ],
)
def test_windows_that_cannot_be_are_refused(tmp_path: Path, written: str, said: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(url="http://127.0.0.1:9", maintenance=f"maintenance:\n  {written}"))
    with pytest.raises(InputError) as refused:
        load_config(path, environment={})
    assert said in "\n".join(str(problem) for problem in refused.value.problems)


async def test_a_portal_that_is_down_in_a_window_is_in_maintenance(tmp_path: Path) -> None:
    fault = Fault(kind=FaultKind.HTTP_STATUS, path="/", status=500)
    always = "maintenance:\n  - {cron: '* * * * *', duration: 2m, timezone: UTC, note: upgrade}"
    outcomes = {}
    async with DemoPortal(preset("healthy", faults=(fault,))) as target:
        for name, windows in (("window", always), ("none", "")):
            folder = tmp_path / name
            folder.mkdir()
            path = folder / "config.yaml"
            path.write_text(CONFIG.format(url=target.url, maintenance=windows))
            config = load_config(path, environment={})
            with Progress(1) as progress:
                done = await run_pass(
                    config, config.jobs, open_outlets=partial(Outlets, config.store_url), progress=progress
                )
            outcomes[name] = done.runs[0].outcome
    assert outcomes == {"window": "maintenance", "none": "failed"}
