"""What the pages of journeys took and weighed, counted by the store's SQL engine in one pass over the openings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from egovqual_link.quantiles import Counted, Seen
from egovqual_link.readings import to_three_digits
from egovqual_link.store_scope import JOURNEYS, Scope
from exporters.schema import pages, runs, steps

#: The page metrics that are asked for. Waits are censored where an opening failed; of a size or a shift that never came
#: nothing can be said.
METRICS: Final = {
    "ttfb_seconds": True, "fcp_seconds": True, "lcp_seconds": True, "inp_seconds": True, "load_seconds": True,
    "cls": False, "requests": False, "transferred_bytes": False,
}  # fmt: skip

Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Openings:
    """Openings of pages counted by day (or hour) and page: those seen, by metric, and those lost with their bound."""

    seen: Mapping[str, Sequence[Counted]]
    lost: Sequence[Counted] = ()
    #: Steps that failed without showing any page.
    blank: Sequence[Counted] = ()
    #: Pages that ever gave a value, by metric.
    measured: Mapping[str, frozenset[Place]] = field(default_factory=dict)
    #: Flows that ever showed a page.
    shown: frozenset[str] = frozenset()

    def counts(self, metric: str) -> list[Counted]:
        """Counts of one metric; where it is a wait, lost openings are waits longer than the run's deadline.

        A step that failed is one such wait: in place of the last page that it reached (an error page that came fast is
        no fast page), or by itself where no page came. Where the browser lacks the metric (no value ever), a failure of
        that page says nothing about it. Steps that never led to a page are left out, unless the whole flow never
        showed one.
        """
        return [*self.seen.get(metric, ()), *self.censored(metric)]

    def censored(self, metric: str) -> list[Counted]:
        """The lost openings of pages that have the metric, and steps that failed without a page; none but of waits."""
        if not METRICS[metric]:
            return []
        measured = self.measured.get(metric, frozenset())
        lost = [each for each in self.lost if each.stratum in measured]
        return lost + [each for each in self.blank if each.stratum in measured or each.stratum[0] not in self.shown]


def openings(
    connection: Connection,
    scope: Scope,
    *,
    metrics: Sequence[str] = tuple(METRICS),
    by: Literal["day", "hour"] | None = None,
    kinds: Sequence[str] = JOURNEYS,
) -> Openings:
    """Openings of the pages of `kinds`, by day or hour or all together (as day 0; the lost ones still by day).

    A page is known by its scenario and the step that led there.
    """
    bucket = scope.hour() if by == "hour" else scope.day()
    failed = _failed_steps(scope, kinds)
    opened = _opened(scope, kinds, bucket, metrics)
    lost_ones = _opened(scope, kinds, bucket, metrics, failed)
    rows = connection.execute(
        union_all(
            *(_by_value(opened, metric, by) for metric in metrics),
            *(_by_value(lost_ones, metric, by, sign=-1) for metric in metrics),
            _lost(lost_ones, metrics),
            _shown(opened),
        )
    ).all()
    values: dict[str, Counter[tuple[int, Place, float]]] = {metric: Counter() for metric in metrics}
    lost: list[Counted] = []
    measured: dict[str, set[Place]] = {metric: set() for metric in metrics}
    shown: set[str] = set()
    # There are many rows of few pages and few values: what was made once is used again.
    places: dict[Place, Place] = {}
    figures: dict[float, float] = {}
    for what, day, scenario, step, value, count, bound in rows:
        place = places.setdefault((scenario, step), (scenario, step))
        if what == "shown":
            shown.add(scenario)
        elif what.startswith("lost"):
            lost.append(Counted(int(day), place, None, int(count), float(bound)))
            for metric, flag in zip(metrics, what.removeprefix("lost"), strict=True):
                if flag == "1":
                    measured[metric].add(place)
        else:
            figure = figures.get(value)
            if figure is None:
                figure = figures[value] = float(f"{value:.6g}")
            values[what][day, place, figure] += count
    seen = {
        metric: [Counted(day, place, figure, n) for (day, place, figure), n in counts.items() if n]
        for metric, counts in values.items()
    }
    for metric, counts in seen.items():
        measured[metric].update({each.stratum for each in counts})
    return Openings(
        seen,
        lost,
        list(_blank(connection, scope, kinds, bucket, failed)),
        {metric: frozenset(places) for metric, places in measured.items()},
        frozenset(shown),
    )


def _failed_steps(scope: Scope, kinds: Sequence[str]) -> CTE:
    return (
        select(steps.c.run_id, steps.c.name)
        .join(runs, runs.c.run_id == steps.c.run_id)
        .where(scope.timed(*kinds), steps.c.outcome == "failed")
        .distinct()
        .cte("failed")
    )


def _opened(
    scope: Scope,
    kinds: Sequence[str],
    bucket: ColumnElement[int],
    metrics: Sequence[str],
    failed: CTE | None = None,
) -> CTE:
    """Every opening with its figures; with `failed` only the last pages that failed steps reached.

    The few lost ones are asked for by themselves and taken off: to mark them among all openings costs twice the time.
    """
    columns = [bucket.label("bucket"), runs.c.scenario, pages.c.step, *(pages.c[metric] for metric in metrics)]
    query = (
        select(*columns, runs.c.deadline_seconds.label("bound"))
        .join_from(pages, runs, runs.c.run_id == pages.c.run_id)
        .where(scope.timed(*kinds))
    )
    if failed is None:
        return query.cte("opened")
    last = (
        select(pages.c.run_id, pages.c.step, func.max(pages.c.seq).label("seq"))
        .join(failed, and_(failed.c.run_id == pages.c.run_id, failed.c.name == pages.c.step))
        .group_by(pages.c.run_id, pages.c.step)
        .cte("last")
    )
    same = and_(last.c.run_id == pages.c.run_id, last.c.step == pages.c.step, last.c.seq == pages.c.seq)
    return query.join(last, same).cte("lost_ones")


def _by_value(opened: CTE, metric: str, by: str | None, *, sign: int = 1) -> Select[Any]:
    bucket = literal(0, Integer).label("bucket") if by is None else opened.c.bucket
    inner = (
        select(bucket, opened.c.scenario, opened.c.step, to_three_digits(opened.c[metric]).label("value"))
        .where(opened.c[metric].is_not(None))
        .subquery()
    )
    keys = (inner.c.bucket, inner.c.scenario, inner.c.step, inner.c.value)
    return select(literal(metric, String).label("what"), *keys, sign * func.count(), cast(null(), Double)).group_by(
        *keys
    )


def _lost(opened: CTE, metrics: Sequence[str]) -> Select[Any]:
    """Lost openings; `what` says with a 1 or 0 for each metric whether the lost page gave it."""
    flags: ColumnElement[str] = literal("lost", String)
    for metric in metrics:
        flags = flags.concat(case((func.count(opened.c[metric]) > 0, "1"), else_="0"))
    keys = (opened.c.bucket, opened.c.scenario, opened.c.step)
    return select(flags, *keys, cast(null(), Double), func.count(), func.min(opened.c.bound)).group_by(*keys)


def _shown(opened: CTE) -> Select[Any]:
    nothing, no_figure = cast(null(), Integer), cast(null(), Double)
    what, no_step = literal("shown", String), literal("", String)
    return select(what, nothing, opened.c.scenario, no_step, no_figure, nothing, no_figure).distinct()


def _blank(
    connection: Connection, scope: Scope, kinds: Sequence[str], bucket: ColumnElement[int], failed: CTE
) -> Iterator[Counted]:
    reached = (
        select(pages.c.run_id, pages.c.step)
        .join(failed, and_(failed.c.run_id == pages.c.run_id, failed.c.name == pages.c.step))
        .distinct()
        .subquery()
    )
    keys = (bucket, runs.c.scenario, failed.c.name)
    query = (
        select(*keys, func.count(), func.min(runs.c.deadline_seconds))
        .join(failed, failed.c.run_id == runs.c.run_id)
        .outerjoin(reached, and_(reached.c.run_id == failed.c.run_id, reached.c.step == failed.c.name))
        .where(scope.timed(*kinds), reached.c.run_id.is_(None))
        .group_by(*keys)
    )
    for day, scenario, step, count, bound in connection.execute(query):
        yield Counted(int(day), (scenario, step), None, int(count), float(bound))


def seen_by_day(
    connection: Connection, scope: Scope, kinds: Sequence[str], limits: Mapping[str, float]
) -> dict[str, list[Seen]]:
    """Openings seen by day and page for each metric in `limits`, and how many were at or below the limit."""
    day, metrics = scope.day(), tuple(limits)
    whole = _by_day(connection, _opened(scope, kinds, day, metrics), limits)
    lost = _by_day(connection, _opened(scope, kinds, day, metrics, _failed_steps(scope, kinds)), limits)
    found: dict[str, list[Seen]] = {metric: [] for metric in limits}
    for key, counts in whole.items():
        kept = [n - off for n, off in zip(counts, lost.get(key, [0] * len(counts)), strict=True)]
        for metric, n, below in zip(limits, kept[::2], kept[1::2], strict=True):
            if n:
                found[metric].append(Seen(key[0], key[1], n, below))
    return found


def _by_day(connection: Connection, opened: CTE, limits: Mapping[str, float]) -> dict[tuple[int, Place], list[int]]:
    sums = []
    for metric, limit in limits.items():
        value = opened.c[metric]
        # Counted by the same rounding as the quantile was; the hair covers the last digit of a rounded number.
        below = case((value.is_(None), 0), (to_three_digits(value) <= limit * (1 + 1e-9), 1), else_=0)
        sums += [func.count(value), func.sum(below)]
    keys = (opened.c.bucket, opened.c.scenario, opened.c.step)
    rows = connection.execute(select(*keys, *sums).group_by(*keys).order_by(*keys))
    return {(int(day), (scenario, step)): [int(n) for n in counts] for day, scenario, step, *counts in rows}
