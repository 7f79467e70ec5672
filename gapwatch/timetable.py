"""When a scenario is due: intervals and crontab expressions, their zones, their smallest gap, and their triggers."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

#: How far ahead the smallest gap of a crontab expression is looked for.
_FIRINGS = 400
_REFERENCE = datetime(2024, 1, 1, tzinfo=UTC)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every` seconds or `cron`, in `timezone`, each up to `jitter` seconds later; one of the two is set."""

    every: float | None
    cron: str | None
    timezone: str
    jitter: float

    @property
    def smallest_gap(self) -> float:
        """Seconds between the two closest due times, without jitter."""
        return self.every if self.every is not None else cron_gap(self.cron or "")

    @property
    def largest_gap(self) -> float:
        """Seconds between the two neighbouring due times that lie farthest apart, without jitter."""
        return self.every if self.every is not None else max(cron_gaps(self.cron or ""), default=math.inf)

    @property
    def mean_gap(self) -> float:
        """Seconds between due times on average."""
        gaps = [self.every] if self.every is not None else cron_gaps(self.cron or "")
        return sum(gaps) / len(gaps) if gaps else math.inf

    def __str__(self) -> str:
        return f"every {self.every:g} s" if self.every is not None else f'cron "{self.cron}" ({self.timezone})'

    def trigger(self, start: datetime) -> BaseTrigger:
        """The trigger of this schedule for APScheduler; `start` (aware) is the first due time of an interval."""
        if self.every is not None:
            return _every_trigger(self.every, self.jitter, start)
        return _cron_trigger(self.cron or "", self.timezone, self.jitter)


def check_zone(name: str) -> str:
    """`name` when it is a time zone of the IANA list; ValueError otherwise."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name[:40]!r} is no time zone; write one such as Asia/Jakarta or UTC") from None
    return name


def check_cron(expression: str) -> str:
    """`expression` when it is a crontab expression that ever fires; ValueError otherwise."""
    try:
        trigger = _cron_trigger(expression, "UTC", 0)
    except ValueError as error:
        raise ValueError(f"{expression[:60]!r} is no crontab expression: {error}") from None
    if trigger.get_next_fire_time(None, _REFERENCE) is None:
        raise ValueError(f"{expression[:60]!r} never fires")
    return expression


def cron_gap(expression: str) -> float:
    """Seconds between the two closest of the next firings; looked for without daylight saving."""
    return min(cron_gaps(expression), default=timedelta.max.total_seconds())


def cron_gaps(expression: str) -> list[float]:
    """Seconds between the next firings, one after another; looked for without daylight saving."""
    trigger = _cron_trigger(expression, "UTC", 0)
    times: list[datetime] = []
    last: datetime | None = None
    while len(times) < _FIRINGS and (last := trigger.get_next_fire_time(last, last or _REFERENCE)) is not None:
        times.append(last)
    return [(later - earlier).total_seconds() for earlier, later in pairwise(times)]


def cron_times(expression: str, zone: str, after: datetime, until: datetime) -> list[datetime]:
    """Firings (UTC) of a crontab expression in `zone`, from `after` (excluded) to `until` (included), in order.

    A local time that the clock skips fires when the clock has been put forward; one that comes twice fires once, unless
    every hour is meant (as Vixie cron does it).
    """
    every_hour = expression.split()[1:2] == ["*"]
    trigger = _cron_trigger(expression, zone, 0)
    times: list[datetime] = []
    # APScheduler takes the firing after `previous`, or the first from `now` on.
    moment = trigger.get_next_fire_time(None, after.astimezone(ZoneInfo(zone)))
    while moment is not None and moment <= until:
        again = moment.utcoffset() != moment.replace(fold=0).utcoffset()
        if moment > after and (every_hour or not again):
            times.append(moment.astimezone(UTC))
        moment = trigger.get_next_fire_time(moment, moment)
    return times


def _cron_trigger(expression: str, zone: str, jitter: float) -> Any:
    from apscheduler.triggers.cron import CronTrigger

    fields = expression.split()
    if len(fields) != 5:
        raise ValueError(f"it has {len(fields)} fields, not 5 (minute hour day month weekday)")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError("give a day of the month or a weekday, not both: crontab would run on either")
    return CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month,
        day_of_week=_weekdays(weekday),
        timezone=ZoneInfo(zone),
        jitter=jitter or None,
    )


def _weekdays(field: str) -> str:
    """Crontab's weekdays (0 and 7 are Sunday) as names: APScheduler counts from Monday."""
    if field == "*":
        return field
    days: list[int] = []
    for part in field.lower().split(","):
        match = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", part)
        if match is None:
            raise ValueError(f"weekday {part!r} is not understood")
        first, last = (0, 6) if match[1] == "*" else (_day(match[2]), _day(match[3] or match[2]))
        step = int(match[4] or 1)
        if step < 1:
            raise ValueError(f"weekday {part!r} has no step")
        last += 7 if last < first else 0  # fri-mon goes over the end of the week
        days.extend(range(first, last + 1, step))
    return ",".join(dict.fromkeys(_DAYS[day % 7] for day in days))


def _day(word: str) -> int:
    if word.isdigit() and int(word) <= 7:
        return int(word)
    if word in _DAYS:
        return _DAYS.index(word)
    raise ValueError(f"{word!r} is no weekday (0 to 7, or sun to sat)")


def _every_trigger(every: float, jitter: float, start: datetime) -> BaseTrigger:
    from apscheduler.triggers.base import BaseTrigger

    class EveryTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
        """Due on a fixed grid: APScheduler's own interval adds each jitter to all later times, so it drifts."""

        def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
            """The next grid time after the previous one (or from `now` on), plus jitter."""
            if previous_fire_time is not None:
                slot = math.floor((previous_fire_time - start).total_seconds() / every) + 1
            else:
                slot = max(0, math.ceil((now - start).total_seconds() / every))
            late = random.uniform(0, jitter) if jitter else 0.0  # noqa: S311 - spreads load, guards nothing
            return start + timedelta(seconds=slot * every + late)

    return EveryTrigger()
