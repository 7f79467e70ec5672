"""Questions to the store of runs, answered by its SQL engine as small tables of counts and sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from egovqual_link.quantiles import Counted
from egovqual_link.store_scope import JOURNEYS, JUDGED, REACHABILITY, SUCCESS, Scope, aware, epoch
from exporters.schema import form_fields, runs, search_queries, steps


@dataclass(frozen=True, slots=True)
class Tally:
    """Runs of one scenario with one outcome."""

    scenario: str
    kind: str
    outcome: str
    timing_valid: bool
    runs: int
    timed_out: int
    dry: int
    first: datetime
    last: datetime
    #: Local days since 1970 with such runs.
    days: frozenset[int] = frozenset()


def tallies(connection: Connection, scope: Scope) -> list[Tally]:
    """All runs of the scope, counted by scenario, outcome and validity."""
    keys = (runs.c.scenario, runs.c.kind, runs.c.outcome, runs.c.timing_valid)
    day = scope.day()
    query = (
        select(
            *keys,
            func.count(),
            func.sum(case((runs.c.timed_out, 1), else_=0)),
            func.sum(case((runs.c.dry_stop.is_not(None), 1), else_=0)),
            func.min(runs.c.started_at),
            func.max(runs.c.started_at),
            day,
        )
        .where(scope.where())
        .group_by(*keys, day)
        .order_by(*keys, day)
    )
    found = []
    for (scenario, kind, outcome, valid), rows in groupby(connection.execute(query).all(), lambda row: tuple(row[:4])):
        counts, timed_out, dry, first, last, days = zip(*(row[4:] for row in rows), strict=True)
        found.append(
            Tally(
                scenario,
                kind,
                outcome,
                bool(valid),
                sum(int(n) for n in counts),
                sum(int(n) for n in timed_out),
                sum(int(n) for n in dry),
                aware(min(first)),
                aware(max(last)),
                frozenset(int(each) for each in days),
            )
        )
    return found


class three_digits(GenericFunction[float]):  # noqa: N801 - named as the SQL that it stands for
    """A positive number rounded to about three significant digits."""

    type = Double()
    inherit_cache = True


#: Below the limit, round to the unit.
_UNITS = ((0.1, 1e-4), (1.0, 1e-3), (10.0, 1e-2), (100.0, 0.1), (1e3, 1.0), (1e4, 10.0), (1e5, 100.0), (1e6, 1e3),
          (1e7, 1e4))  # fmt: skip


@compiles(three_digits)
def _three_digits(element: Any, compiler: Any, **options: Any) -> str:
    # Written out as text: as an expression tree this would take longer to build than the query to run.
    value = compiler.process(element.clauses, **options)

    def to(unit: float) -> str:
        return f"floor({value} / {unit!r} + 0.5) * {unit!r}"

    cases = " ".join(f"WHEN {value} < {limit!r} THEN {to(unit)}" for limit, unit in _UNITS)
    return f"(CASE {cases} ELSE {to(1e5)} END)"


def to_three_digits(column: ColumnElement[Any]) -> ColumnElement[float]:
    """`column` rounded to about three significant digits, so that equal waits can be counted together."""
    return three_digits(cast(column, Double))


def _grouped(query: Select[Any]) -> Select[Any]:
    inner = query.subquery()
    keys = (inner.c.bucket, inner.c.scenario, inner.c.step, inner.c.value)
    return select(*keys, func.count(), func.min(inner.c.bound)).group_by(*keys)


def _counted(connection: Connection, query: Any) -> list[Counted]:
    return [
        Counted(
            int(bucket),
            (scenario, step),
            None if value is None else float(f"{value:.6g}"),
            int(count),
            float(bound) if value is None else None,
        )
        for bucket, scenario, step, value, count, bound in connection.execute(query).all()
    ]


def search_waits(connection: Connection, scope: Scope) -> list[Counted]:
    """Waits for the hits of each gold query; a search run that failed before an answer is one censored wait."""
    asked = (
        select(scope.day().label("bucket"), runs.c.scenario, literal_column("''").label("step"))
        .add_columns(
            to_three_digits(search_queries.c.duration_seconds).label("value"), runs.c.deadline_seconds.label("bound")
        )
        .join(runs, runs.c.run_id == search_queries.c.run_id)
        .where(scope.timed(), search_queries.c.duration_seconds.is_not(None))
    )
    silent = (
        select(scope.day().label("bucket"), runs.c.scenario, literal_column("''").label("step"))
        .add_columns(cast(literal_column("NULL"), Double).label("value"), runs.c.deadline_seconds.label("bound"))
        .where(
            scope.timed("search"),
            runs.c.outcome == "failed",
            or_(func.coalesce(runs.c.search_queries, 0) == 0, runs.c.timed_out),
        )
    )
    return _counted(connection, union_all(_grouped(asked), _grouped(silent)))


def download_waits(connection: Connection, scope: Scope) -> list[Counted]:
    """Wait of the last step of each download run; failed runs are censored at their deadline."""
    last = (
        select(
            scope.day().label("bucket"),
            runs.c.scenario,
            literal_column("''").label("step"),
            case((runs.c.outcome == "failed", None), else_=to_three_digits(steps.c.duration_seconds)).label("value"),
            runs.c.deadline_seconds.label("bound"),
            func.row_number().over(partition_by=steps.c.run_id, order_by=steps.c.seq.desc()).label("r"),
            runs.c.outcome,
        )
        .join(runs, runs.c.run_id == steps.c.run_id)
        .where(scope.timed("download"), steps.c.outcome.in_(("passed", "failed")))
        .subquery()
    )
    query = select(last.c.bucket, last.c.scenario, last.c.step, last.c.value, last.c.bound).where(
        last.c.r == 1, or_(last.c.value.is_not(None), last.c.outcome == "failed")
    )
    return _counted(connection, _grouped(query))


def run_waits(connection: Connection, scope: Scope) -> list[Counted]:
    """Wait of whole runs by scenario; failed runs are censored at their deadline. The bucket is the day."""
    query = select(
        scope.day().label("bucket"),
        runs.c.scenario,
        literal_column("''").label("step"),
        case((runs.c.outcome == "failed", None), else_=to_three_digits(runs.c.duration_seconds)).label("value"),
        runs.c.deadline_seconds.label("bound"),
    ).where(scope.timed())
    return _counted(connection, _grouped(query))


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries of something, how many went wrong, and in how many separate streaks."""

    n: int
    bad: int
    episodes: int


def _bad_outcome() -> ColumnElement[int]:
    return case((runs.c.outcome.in_(SUCCESS), 0), else_=1)


def tries(
    connection: Connection,
    scope: Scope,
    kinds: Sequence[str],
    bad: ColumnElement[int] | None = None,
    *,
    also: ColumnElement[bool] | None = None,
) -> Tries | None:
    """Judged runs of `kinds` (for which `also` holds) in the order of time; a streak is a row of bad ones.

    None without runs.
    """
    judged = select((_bad_outcome() if bad is None else bad).label("bad"), runs.c.started_at).where(
        scope.where(*kinds), runs.c.outcome.in_(JUDGED)
    )
    inner = (judged if also is None else judged.where(also)).subquery()
    # Of runs that began at the same moment the good ones go first: any fixed order would do, and this one needs no ids.
    ordered = select(
        inner.c.bad, func.lag(inner.c.bad).over(order_by=(inner.c.started_at, inner.c.bad)).label("before")
    ).subquery()
    start = and_(ordered.c.bad == 1, func.coalesce(ordered.c.before, 0) == 0)
    query = select(func.count(), func.sum(ordered.c.bad), func.sum(case((start, 1), else_=0))).select_from(ordered)
    n, wrong, episodes = connection.execute(query).one()
    return Tries(int(n), int(wrong), int(episodes)) if n else None


@dataclass(frozen=True, slots=True)
class Outages:
    """Seconds watched and seconds down over reachability checks; `count` outages, of which `open_` had no end yet."""

    watched: float
    down: float
    count: int
    open_: int
    spacing: float


def reachability(connection: Connection, scope: Scope) -> tuple[Tries | None, Outages | None]:
    """Reachability checks as tries, and their outages: streaks of failed checks from the first to the next good one.

    A check vouches for the time until the next check, but for no longer than three times the median spacing: longer
    silences were not watched. None for tries without a check, and for outages with fewer than two.
    """
    order = (runs.c.started_at, _bad_outcome())
    ordered = (
        select(
            _bad_outcome().label("bad"),
            func.lag(_bad_outcome()).over(order_by=order).label("before"),
            func.lead(_bad_outcome()).over(order_by=order).label("after"),
            (func.lead(epoch(runs.c.started_at)).over(order_by=order) - epoch(runs.c.started_at)).label("gap"),
        )
        .where(scope.where(*REACHABILITY), runs.c.outcome.in_(JUDGED))
        .subquery()
    )
    start = and_(ordered.c.bad == 1, func.coalesce(ordered.c.before, 0) == 0)
    unended = and_(ordered.c.bad == 1, ordered.c.after.is_(None))
    binned = select(
        ordered.c.bad,
        case((ordered.c.gap.is_not(None), to_three_digits(ordered.c.gap))).label("about"),
        ordered.c.gap,
        case((start, 1), else_=0).label("start"),
        case((unended, 1), else_=0).label("unended"),
    ).subquery()
    keys = (binned.c.bad, binned.c.about)
    sums = (func.count(), func.sum(binned.c.gap), func.sum(binned.c.start), func.sum(binned.c.unended))
    rows = [
        (int(bad), about, int(n), seconds, int(starts), int(unended))
        for bad, about, n, seconds, starts, unended in connection.execute(select(*keys, *sums).group_by(*keys))
    ]
    if not rows:
        return None, None
    tried = Tries(
        sum(n for _, _, n, *_ in rows),
        sum(n for bad, _, n, *_ in rows if bad),
        sum(starts for *_, starts, _ in rows),
    )
    spread = sorted((float(about), n, float(seconds), bad) for bad, about, n, seconds, *_ in rows if about is not None)
    if not spread:
        return tried, None
    half = sum(n for _, n, *_ in spread) / 2
    passed = 0
    spacing = 0.0
    for about, n, *_ in spread:
        spacing, passed = about, passed + n
        if passed >= half:
            break
    cap = 3 * max(spacing, 0.001)
    held = [(n * cap if about > cap else seconds, bad) for about, n, seconds, bad in spread]
    down = sum(seconds for seconds, bad in held if bad)
    watched = sum(seconds for seconds, _ in held)
    return tried, Outages(watched, down, tried.episodes, sum(unended for *_, unended in rows), spacing)


def reachable_by_hour(connection: Connection, scope: Scope) -> dict[int, tuple[int, int]]:
    """Reachability checks by local hour of the day: (all, failed)."""
    hour = scope.hour()
    query = (
        select(hour, func.count(), func.sum(_bad_outcome()))
        .where(scope.where(*REACHABILITY), runs.c.outcome.in_(JUDGED))
        .group_by(hour)
        .order_by(hour)
    )
    return {int(each): (int(n), int(bad)) for each, n, bad in connection.execute(query)}


def by_day(connection: Connection, scope: Scope, column: str, *kinds: str) -> list[tuple[int, float, int]]:
    """Sum and count of a column of the runs by local day, where it is not null: (day, sum, count)."""
    day = scope.day()
    query = (
        select(day, func.sum(runs.c[column]), func.count())
        .where(scope.where(*kinds), runs.c.outcome.in_(JUDGED), runs.c[column].is_not(None))
        .group_by(day)
        .order_by(day)
    )
    return [(int(each), float(total), int(count)) for each, total, count in connection.execute(query)]


def whole_flows(connection: Connection, scope: Scope, column: str) -> dict[str, list[tuple[float, int]]]:
    """Values of a form column by scenario over the runs that came to their end: (value, how many runs)."""
    query = (
        select(runs.c.scenario, runs.c[column], func.count())
        .where(scope.where(), runs.c.outcome.in_(SUCCESS), runs.c[column].is_not(None), runs.c.form_fields > 0)
        .group_by(runs.c.scenario, runs.c[column])
        .order_by(runs.c.scenario, runs.c[column])
    )
    found: dict[str, list[tuple[float, int]]] = {}
    for scenario, value, count in connection.execute(query):
        found.setdefault(scenario, []).append((float(value), int(count)))
    return found


def field_shares(connection: Connection, scope: Scope) -> dict[str, dict[str, tuple[int, int, int]]]:
    """Form fields over the runs that came to their end, by has_label and has_help, then by scenario.

    Each as (fields, those for which it holds, runs).
    """
    known = ("has_label", "has_help")
    query = (
        select(
            runs.c.scenario,
            func.count(),
            # A run's fields are counted from 0, so each run has one first field.
            func.sum(case((form_fields.c.seq == 0, 1), else_=0)),
            *(func.sum(case((form_fields.c[name], 1), else_=0)) for name in known),
        )
        .join(runs, runs.c.run_id == form_fields.c.run_id)
        .where(scope.where(), runs.c.outcome.in_(SUCCESS))
        .group_by(runs.c.scenario)
        .order_by(runs.c.scenario)
    )
    rows = connection.execute(query).all()
    return {
        name: {scenario: (int(n), int(good[place]), int(count)) for scenario, n, count, *good in rows}
        for place, name in enumerate(known)
    }


def by_browser(connection: Connection, scope: Scope) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Judged browser runs by (browser, device, scenario): (all, successful)."""
    keys = (runs.c.browser, runs.c.device, runs.c.scenario)
    query = (
        select(*keys, func.count(), func.sum(1 - _bad_outcome()))
        .where(scope.where(*JOURNEYS), runs.c.outcome.in_(JUDGED))
        .group_by(*keys)
        .order_by(*keys)
    )
    return {
        (browser, device, flow): (int(n), int(good)) for browser, device, flow, n, good in connection.execute(query)
    }
