"""Questions to the store of runs, answered by its SQL engine as small tables of counts and sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
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
from exporters.schema import form_fields, pages, runs, search_queries, steps


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


def tallies(connection: Connection, scope: Scope) -> list[Tally]:
    """All runs of the scope, counted by scenario, outcome and validity."""
    keys = (runs.c.scenario, runs.c.kind, runs.c.outcome, runs.c.timing_valid)
    query = (
        select(
            *keys,
            func.count(),
            func.sum(case((runs.c.timed_out, 1), else_=0)),
            func.sum(case((runs.c.dry_stop.is_not(None), 1), else_=0)),
            func.min(runs.c.started_at),
            func.max(runs.c.started_at),
        )
        .where(scope.where())
        .group_by(*keys)
        .order_by(*keys)
    )
    return [
        Tally(scenario, kind, outcome, bool(valid), n, timed_out, dry, aware(first), aware(last))
        for scenario, kind, outcome, valid, n, timed_out, dry, first, last in connection.execute(query)
    ]


def days_seen(connection: Connection, scope: Scope, *kinds: str) -> int:
    """Local days with at least one judged run."""
    query = select(func.count(scope.day().distinct())).where(scope.where(*kinds), runs.c.outcome.in_(JUDGED))
    return int(connection.execute(query).scalar_one())


class three_digits(GenericFunction[float]):  # noqa: N801 - named as the SQL that it stands for
    """A positive number rounded to about three significant digits."""

    type = Float()
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
    return three_digits(cast(column, Float))


def page_counts(
    connection: Connection,
    scope: Scope,
    metric: str,
    *,
    censor: bool,
    by_hour: bool = False,
    kinds: Sequence[str] = JOURNEYS,
) -> list[Counted]:
    """Counts of a page metric by day (or hour) and page; a page is known by its scenario and the step that led there.

    Runs of `kinds` count.

    With `censor`, a step that failed gives one wait longer than the run's deadline: in place of the last page that it
    reached (an error page that came fast is no fast page), or by itself where no page came. Steps that never led to
    a page are left out, unless the whole scenario never showed one.
    """
    bucket = scope.hour() if by_hour else scope.day()
    failed = (
        select(steps.c.run_id, steps.c.name, func.max(case((steps.c.outcome == "failed", 1), else_=0)).label("failed"))
        .join(runs, runs.c.run_id == steps.c.run_id)
        .where(scope.timed(*kinds), steps.c.outcome.in_(("passed", "failed")))
        .group_by(steps.c.run_id, steps.c.name)
        .cte("tried")
    )
    ranked = (
        select(
            bucket.label("bucket"),
            runs.c.run_id,
            runs.c.scenario,
            pages.c.step,
            pages.c[metric].label("value"),
            runs.c.deadline_seconds.label("bound"),
            func.coalesce(failed.c.failed, 0).label("failed"),
            func.row_number().over(partition_by=(pages.c.run_id, pages.c.step), order_by=pages.c.seq.desc()).label("r"),
        )
        .join(runs, runs.c.run_id == pages.c.run_id)
        .outerjoin(failed, and_(failed.c.run_id == pages.c.run_id, failed.c.name == pages.c.step))
        .where(scope.timed(*kinds))
        .cte("ranked")
    )
    lost = and_(ranked.c.failed == 1, ranked.c.r == 1)
    seen = _grouped(
        select(
            ranked.c.bucket,
            ranked.c.scenario,
            ranked.c.step,
            to_three_digits(ranked.c.value).label("value"),
            ranked.c.bound,
        ).where(ranked.c.value.is_not(None), or_(~lost, ranked.c.failed == 0))
    )
    parts = [seen]
    if censor:
        measured = (
            select(ranked.c.scenario, ranked.c.step).where(ranked.c.value.is_not(None)).distinct().cte("measured")
        )
        shown = select(ranked.c.scenario).distinct().cte("shown")
        no_value = cast(literal_column("NULL"), Float)
        # Where the browser lacks the metric (no value ever), a failure of that page says nothing about the metric.
        parts.append(
            _grouped(
                select(ranked.c.bucket, ranked.c.scenario, ranked.c.step, no_value.label("value"), ranked.c.bound)
                .join(measured, and_(measured.c.scenario == ranked.c.scenario, measured.c.step == ranked.c.step))
                .where(lost)
            )
        )
        parts.append(
            _grouped(
                select(
                    bucket.label("bucket"),
                    runs.c.scenario,
                    failed.c.name.label("step"),
                    no_value.label("value"),
                    runs.c.deadline_seconds.label("bound"),
                )
                .join(failed, failed.c.run_id == runs.c.run_id)
                .outerjoin(ranked, and_(ranked.c.run_id == failed.c.run_id, ranked.c.step == failed.c.name))
                .outerjoin(measured, and_(measured.c.scenario == runs.c.scenario, measured.c.step == failed.c.name))
                .outerjoin(shown, shown.c.scenario == runs.c.scenario)
                .where(
                    failed.c.failed == 1,
                    ranked.c.run_id.is_(None),
                    or_(measured.c.step.is_not(None), shown.c.scenario.is_(None)),
                )
            )
        )
    return _counted(connection, union_all(*parts))


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
        for bucket, scenario, step, value, count, bound in connection.execute(query)
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
    answered = select(search_queries.c.run_id).distinct().subquery()
    silent = (
        select(scope.day().label("bucket"), runs.c.scenario, literal_column("''").label("step"))
        .add_columns(cast(literal_column("NULL"), Float).label("value"), runs.c.deadline_seconds.label("bound"))
        .outerjoin(answered, answered.c.run_id == runs.c.run_id)
        .where(scope.timed("search"), runs.c.outcome == "failed", or_(answered.c.run_id.is_(None), runs.c.timed_out))
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
    judged = select((_bad_outcome() if bad is None else bad).label("bad"), runs.c.started_at, runs.c.run_id).where(
        scope.where(*kinds), runs.c.outcome.in_(JUDGED)
    )
    inner = (judged if also is None else judged.where(also)).subquery()
    ordered = select(
        inner.c.bad, func.lag(inner.c.bad).over(order_by=(inner.c.started_at, inner.c.run_id)).label("before")
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


def outages(connection: Connection, scope: Scope) -> Outages | None:
    """Outages as streaks of failed checks, each lasting from its first failed check to the next good one.

    A check vouches for the time until the next check, but for no longer than three times the median spacing: longer
    silences were not watched. None with fewer than two checks.
    """
    order = (runs.c.started_at, runs.c.run_id)
    ordered = (
        select(
            _bad_outcome().label("bad"),
            func.lag(_bad_outcome()).over(order_by=order).label("before"),
            func.lead(_bad_outcome()).over(order_by=order).label("after"),
            (func.lead(epoch(runs.c.started_at)).over(order_by=order) - epoch(runs.c.started_at)).label("gap"),
        )
        .where(scope.where(*REACHABILITY), runs.c.outcome.in_(JUDGED))
        .cte("ordered")
    )
    binned = to_three_digits(ordered.c.gap)
    spread = connection.execute(
        select(binned, func.count()).where(ordered.c.gap.is_not(None)).group_by(binned).order_by(binned)
    ).all()
    if not spread:
        return None
    half = sum(count for _, count in spread) / 2
    passed = 0
    spacing = 0.0
    for gap, count in spread:
        spacing, passed = float(gap), passed + count
        if passed >= half:
            break
    cap = 3 * max(spacing, 0.001)
    held = case((ordered.c.gap > cap, cap), else_=func.coalesce(ordered.c.gap, 0.0))
    start = and_(ordered.c.bad == 1, func.coalesce(ordered.c.before, 0) == 0)
    unended = and_(ordered.c.bad == 1, ordered.c.after.is_(None))
    watched, down, count, open_ = connection.execute(
        select(
            func.sum(held),
            func.sum(case((ordered.c.bad == 1, held), else_=0.0)),
            func.sum(case((start, 1), else_=0)),
            func.sum(case((unended, 1), else_=0)),
        )
    ).one()
    return Outages(float(watched), float(down), int(count), int(open_), spacing)


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


def field_shares(connection: Connection, scope: Scope, column: str) -> dict[str, tuple[int, int, int]]:
    """Form fields by scenario over the runs that came to their end: (fields, those with `column` true, runs)."""
    query = (
        select(
            runs.c.scenario,
            func.count(),
            func.sum(case((form_fields.c[column], 1), else_=0)),
            func.count(runs.c.run_id.distinct()),
        )
        .join(runs, runs.c.run_id == form_fields.c.run_id)
        .where(scope.where(), runs.c.outcome.in_(SUCCESS))
        .group_by(runs.c.scenario)
        .order_by(runs.c.scenario)
    )
    return {scenario: (int(n), int(good), int(count)) for scenario, n, good, count in connection.execute(query)}


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
