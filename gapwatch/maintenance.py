"""Announced maintenance: in its windows a failure is the announced one, counted apart and never hidden."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gapwatch.timetable import cron_times
from probes.run import Finding, Run

#: What an announced window excuses. A firewall or the probe's own trouble has nothing to do with it.
_EXCUSED = ("failed",)


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A window of the portals named (none named: all): from `start` to `end` once, or `seconds` long at each `cron`.

    `start` and `end` are local times of `timezone`, without an offset. A `cron` window lasts its seconds of elapsed
    time also where the clock is changed meanwhile.
    """

    portals: tuple[str, ...]
    timezone: str
    start: datetime | None = None
    end: datetime | None = None
    cron: str | None = None
    seconds: float = 0.0
    note: str = ""

    def covers(self, portal: str, moment: datetime) -> bool:
        """Whether the aware `moment` lies in a window of `portal`; the end itself is outside."""
        return (not self.portals or portal in self.portals) and self.bounds(moment) is not None

    def bounds(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """Begin and end (UTC) of the window around `moment`, None outside; of several the one that began last."""
        if self.start is not None and self.end is not None:
            zone = ZoneInfo(self.timezone)
            begin, end = (each.replace(tzinfo=zone).astimezone(UTC) for each in (self.start, self.end))
            return (begin, end) if begin <= moment < end else None
        length = timedelta(seconds=self.seconds)
        begins = [
            each for each in cron_times(self.cron or "", self.timezone, moment - length, moment) if each <= moment
        ]
        inside = [each for each in begins if moment < each + length]
        return (inside[-1].astimezone(UTC), inside[-1].astimezone(UTC) + length) if inside else None


@dataclass(frozen=True, slots=True)
class Announcement:
    """One occurrence of a window: from `begin` to `end` (UTC)."""

    window: MaintenanceWindow
    begin: datetime
    end: datetime


def upcoming(windows: Iterable[MaintenanceWindow], now: datetime, within: timedelta) -> list[Announcement]:
    """Of each window what is under way at `now`, and the next that begins `within` that time; the soonest first."""
    found = []
    for window in windows:
        if (bounds := window.bounds(now)) is not None:
            found.append(Announcement(window, *bounds))
        if (begin := _next_begin(window, now, within)) is not None:
            ended = window.bounds(begin)
            found += [Announcement(window, *ended)] if ended is not None else []
    return sorted(found, key=lambda each: each.begin)


def _next_begin(window: MaintenanceWindow, now: datetime, within: timedelta) -> datetime | None:
    if window.cron is not None:
        return next(iter(cron_times(window.cron, window.timezone, now, now + within)), None)
    if window.start is None:
        return None
    begin = window.start.replace(tzinfo=ZoneInfo(window.timezone)).astimezone(UTC)
    return begin if now < begin <= now + within else None


def announced(windows: Iterable[MaintenanceWindow], portal: str, moment: datetime) -> MaintenanceWindow | None:
    """The first window that covers `portal` at `moment`."""
    return next((window for window in windows if window.covers(portal, moment)), None)


def settle(run: Run, windows: Iterable[MaintenanceWindow]) -> Run:
    """The run as it counts: one that failed in an announced window has the outcome `maintenance`.

    What went wrong stays among its findings. A run that overlaps a window at either end counts as within.
    """
    if run.outcome not in _EXCUSED:
        return run
    windows = tuple(windows)
    ended = run.started_at + timedelta(seconds=run.duration_seconds)
    window = announced(windows, run.portal, run.started_at) or announced(windows, run.portal, ended)
    if window is None:
        return run
    said = f"announced maintenance: {window.note}" if window.note else "announced maintenance"
    return replace(run, outcome="maintenance", findings=(*run.findings, Finding("maintenance", "minor", None, said)))
