"""What the store says of the past: shares of runs that came to their end, day by day, and incidents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, String, and_, case, cast, func, select
from sqlalchemy.engine import RowMapping

from exporters.schema import runs
from exporters.store import Store
from exporters.store_errors import speaking

_WELL = ("passed", "degraded")


@dataclass(frozen=True, slots=True)
class Counts:
    """Runs by what they say of availability; retests are left out.

    `available` came to their end, `unavailable` failed. `blocked`, `maintenance` (both portal-side, but no failure of
    the service) and `errors` (the probe's own trouble) are counted apart and enter no share.
    """

    available: int = 0
    unavailable: int = 0
    blocked: int = 0
    maintenance: int = 0
    errors: int = 0

    @property
    def counted(self) -> int:
        """Runs that enter the share."""
        return self.available + self.unavailable

    @property
    def share(self) -> float | None:
        """Availability from 0 to 1; None without a run that counts."""
        return self.available / self.counted if self.counted else None

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.available + other.available,
            self.unavailable + other.unavailable,
            self.blocked + other.blocked,
            self.maintenance + other.maintenance,
            self.errors + other.errors,
        )


#: What each field of Counts counts.
_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "available": _WELL,
    "unavailable": ("failed",),
    "blocked": ("blocked",),
    "maintenance": ("maintenance",),
    "errors": ("error",),
}
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Incident:
    """Runs of one scenario that failed one after another, from the first to the next that did not.

    A failure whose retest passed (`flaky`) begins none. `runs`: how many failed. `ended_at`: when the first run began
    that got through again, None while it lasts. `first_run`: the run that began it.
    """

    portal: str
    scenario: str
    location: str
    browser: str
    device: str
    network: str
    first_run: str
    began_at: datetime
    last_at: datetime
    ended_at: datetime | None
    runs: int


def shares(store: Store, since: Mapping[str, datetime], until: datetime) -> dict[Pair, dict[str, Counts]]:
    """Counts by (portal, scenario) and by window; `since` gives each window's name its begin."""
    columns = [
        _count(and_(runs.c.started_at >= begin, runs.c.outcome.in_(outcomes))).label(f"{window}_{name}")
        for window, begin in since.items()
        for name, outcomes in _OUTCOMES.items()
    ]
    query = (
        select(runs.c.portal, runs.c.scenario, *columns)
        .where(*_between(min(since.values()), until))
        .group_by(runs.c.portal, runs.c.scenario)
    )
    return {
        (row["portal"], row["scenario"]): {
            window: Counts(**{name: row[f"{window}_{name}"] for name in _OUTCOMES}) for window in since
        }
        for row in _rows(store, query)
    }


def days(store: Store, since: datetime, until: datetime) -> dict[Pair, dict[date, Counts]]:
    """Counts by (portal, scenario) and by day (UTC); a day without a run is not there."""
    # SQLite keeps UTC as text, which `date` cuts; PostgreSQL must be told the zone, or it takes the session's.
    stamp: Any = runs.c.started_at
    if store.engine.dialect.name == "postgresql":
        stamp = func.timezone("UTC", stamp)
    day: Any = cast(cast(stamp, Date), String) if store.engine.dialect.name != "sqlite" else func.date(stamp)
    columns = [_count(runs.c.outcome.in_(outcomes)).label(name) for name, outcomes in _OUTCOMES.items()]
    query = (
        select(runs.c.portal, runs.c.scenario, day.label("day"), *columns)
        .where(*_between(since, until))
        .group_by(runs.c.portal, runs.c.scenario, day)
    )
    found: dict[Pair, dict[date, Counts]] = {}
    for row in _rows(store, query):
        counts = Counts(**{name: row[name] for name in _OUTCOMES})
        found.setdefault((row["portal"], row["scenario"]), {})[date.fromisoformat(row["day"])] = counts
    return found


def incidents(
    store: Store, since: datetime, until: datetime, *, pairs: Collection[Pair] | None = None
) -> list[Incident]:
    """Incidents of [since, until), the newest first; one that began before `since` is told from there on.

    `pairs`: of these (portal, scenario) alone.
    """
    found: list[Incident] = []
    for row, following in pairwise([*_rows(store, _islands(since, until)), None]):
        if row is None or row["good"] or (pairs is not None and (row["portal"], row["scenario"]) not in pairs):
            continue
        same = following is not None and all(row[name] == following[name] for name in _KEY)
        found.append(
            Incident(
                **{name: row[name] for name in _KEY},
                first_run=row["first_run"],
                began_at=_aware(row["began_at"]),
                last_at=_aware(row["last_at"]),
                ended_at=_aware(following["began_at"]) if same and following is not None else None,
                runs=row["runs"],
            )
        )
    return sorted(found, key=lambda each: (each.began_at, each.first_run), reverse=True)


_KEY = ("portal", "scenario", "location", "browser", "device", "network")


def _islands(since: datetime, until: datetime) -> Select[Any]:
    """Stretches of runs that all got through, or all failed, in order: gaps and islands by window functions."""
    again = runs.alias("again")
    helped = (
        select(again.c.retest_of)
        .where(again.c.retest_of.is_not(None), again.c.outcome.in_(_WELL), again.c.started_at >= since)
        .distinct()
        .subquery("helped")
    )
    key = [runs.c[name] for name in _KEY]
    good = case((runs.c.outcome.in_(_WELL), 1), (helped.c.retest_of.is_not(None), 1), else_=0)
    counted = (
        select(*key, runs.c.run_id, runs.c.started_at, good.label("good"))
        .outerjoin_from(runs, helped, helped.c.retest_of == runs.c.run_id)
        .where(*_between(since, until), runs.c.outcome.in_((*_WELL, "failed")))
        .subquery("counted")
    )

    def over(source: Any) -> dict[str, Any]:
        return {
            "partition_by": [source.c[name] for name in _KEY],
            "order_by": (source.c.started_at, source.c.run_id),
        }

    before = func.lag(counted.c.good).over(**over(counted))
    marked = select(*counted.c, case((counted.c.good == before, 0), else_=1).label("turn")).subquery("marked")
    placed = select(*marked.c, func.sum(marked.c.turn).over(**over(marked)).label("island")).subquery("placed")
    named = [placed.c[name] for name in _KEY]
    return (
        select(
            *named,
            placed.c.good,
            # A run's id begins with its time, so the smallest is the first.
            func.min(placed.c.run_id).label("first_run"),
            func.min(placed.c.started_at).label("began_at"),
            func.max(placed.c.started_at).label("last_at"),
            func.count().label("runs"),
        )
        .group_by(*named, placed.c.island, placed.c.good)
        .order_by(*named, placed.c.island)
    )


def _between(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (runs.c.started_at >= since, runs.c.started_at < until, runs.c.retest_of.is_(None))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _rows(store: Store, query: Select[Any]) -> list[RowMapping]:
    with speaking(store.where), store.engine.begin() as connection:
        return list(connection.execute(query).mappings().all())


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
