"""The summary of a store, portal by scenario, computed by the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from exporters.schema import findings, runs

#: Outcomes whose duration is a citizen's wait for the service. A firewall's or a maintenance page answers quickly and
#: would make a portal look fast that nobody can use; `error` is the probe's own trouble.
TIMED_OUTCOMES = ("passed", "degraded", "failed")


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One portal and scenario: runs by outcome, seconds of the user's wait, findings by severity.

    Durations are over the `timed` runs: passed, degraded and failed ones whose timing is valid; a run that met its
    deadline counts with the deadline (`timed_out` says how many, for which the true wait is longer). Quantiles
    interpolate between neighbours (type 7 of Hyndman and Fan, 1996, as numpy does); None: no timed run.
    """

    portal: str
    scenario: str
    runs: int
    passed: int
    degraded: int
    failed: int
    blocked: int
    maintenance: int
    errors: int
    timed: int
    timed_out: int
    median_seconds: float | None
    p75_seconds: float | None
    findings: int
    critical: int
    major: int
    minor: int
    last_started_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class GoodAndBad:
    """Runs that count for objectives. Blocked, maintenance and error runs count neither way.

    `quick` and `slow` are over the timed runs (see SummaryRow), timed-out ones at their deadline.
    """

    available: int
    unavailable: int
    quick: int
    slow: int


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _quantile(value: Any, rank: Any, size: Any, quarters: int) -> ColumnElement[float]:
    """The quantile at `quarters`/4 of `value`, whose rank from 0 among `size` is given; whole numbers keep it exact."""
    position = (size - 1) * quarters
    below = position // 4
    share = (position % 4) / 4.0
    return func.sum(case((rank == below, value * (1 - share)), (rank == below + 1, value * share), else_=0.0))


def _seconds() -> ColumnElement[float]:
    """A run's wait; one that met its deadline counts with the deadline."""
    return case((runs.c.timed_out, runs.c.deadline_seconds), else_=runs.c.duration_seconds)


def good_and_bad_query(conditions: Sequence[ColumnElement[bool]], under_seconds: float) -> Select[Any]:
    """The query whose one row has GoodAndBad's fields; a wait of exactly `under_seconds` is quick, as in a bucket."""
    conditions = (*conditions, runs.c.retest_of.is_(None))
    timed = and_(runs.c.timing_valid, runs.c.outcome.in_(TIMED_OUTCOMES))
    counts: list[ColumnElement[Any]] = [
        _count(runs.c.outcome.in_(("passed", "degraded"))).label("available"),
        _count(runs.c.outcome == "failed").label("unavailable"),
        _count(and_(timed, _seconds() <= under_seconds)).label("quick"),
        _count(and_(timed, _seconds() > under_seconds)).label("slow"),
    ]
    return select(*counts).where(*conditions)


def summary_query(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The query whose rows have SummaryRow's fields, over the runs that meet the conditions; retests are left out."""
    conditions = (*conditions, runs.c.retest_of.is_(None))
    key = (runs.c.portal, runs.c.scenario)
    outcome = runs.c.outcome
    totals = (
        select(
            *key,
            func.count().label("runs"),
            *(
                _count(outcome == name).label(name)
                for name in ("passed", "degraded", "failed", "blocked", "maintenance")
            ),
            _count(outcome == "error").label("errors"),
            func.max(runs.c.started_at).label("last_started_at"),
        )
        .where(*conditions)
        .group_by(*key)
        .cte("totals")
    )
    seconds = _seconds()
    ranked = (
        select(
            *key,
            runs.c.timed_out,
            seconds.label("seconds"),
            (func.row_number().over(partition_by=key, order_by=seconds) - 1).label("rank"),
            func.count().over(partition_by=key).label("size"),
        )
        .where(*conditions, runs.c.timing_valid, outcome.in_(TIMED_OUTCOMES))
        .cte("ranked")
    )
    timed = (
        select(
            ranked.c.portal,
            ranked.c.scenario,
            func.count().label("timed"),
            _count(ranked.c.timed_out).label("timed_out"),
            _quantile(ranked.c.seconds, ranked.c.rank, ranked.c.size, 2).label("median_seconds"),
            _quantile(ranked.c.seconds, ranked.c.rank, ranked.c.size, 3).label("p75_seconds"),
        )
        .group_by(ranked.c.portal, ranked.c.scenario)
        .cte("timed")
    )
    found = (
        select(
            *key,
            func.count().label("findings"),
            *(_count(findings.c.severity == name).label(name) for name in ("critical", "major", "minor")),
        )
        .join_from(findings, runs, findings.c.run_id == runs.c.run_id)
        .where(*conditions)
        .group_by(*key)
        .cte("found")
    )

    def same(other: Any) -> ColumnElement[bool]:
        return and_(totals.c.portal == other.c.portal, totals.c.scenario == other.c.scenario)

    zero_if_none = [func.coalesce(timed.c[name], 0).label(name) for name in ("timed", "timed_out")]
    zero_if_none += [func.coalesce(found.c[name], 0).label(name) for name in ("findings", "critical", "major", "minor")]
    return (
        select(*totals.c, *zero_if_none, timed.c.median_seconds, timed.c.p75_seconds)
        .select_from(totals)
        .outerjoin(timed, same(timed))
        .outerjoin(found, same(found))
        .order_by(totals.c.portal, totals.c.scenario)
    )
