"""What was done and met in the window: flows, findings, hours of the day and exposure, one tidy table each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, func, select

from egovqual_link import readings
from egovqual_link.indicators import exposure_of
from egovqual_link.measures import Settings
from egovqual_link.quantiles import Counted, Mix, clopper_pearson
from egovqual_link.readings_pages import openings
from egovqual_link.store_scope import JUDGED, Scope
from exporters.schema import findings, runs

#: Counts are of runs; waits in seconds, `*_bound` is ">=" where the wait lies at or beyond the deadline.
FLOW_COLUMNS: Final = (
    "portal", "scenario", "kind", "runs", "passed", "degraded", "failed", "blocked", "maintenance", "error",
    "not_submitted", "median_seconds", "median_bound", "p75_seconds", "p75_bound",
)  # fmt: skip
#: `hour` is the local hour of the day; shares 0..1 with an exact interval; waits in seconds.
HOUR_COLUMNS: Final = (
    "portal", "hour", "checks", "available_share", "available_low", "available_high", "page_openings",
    "lcp_p75_seconds", "lcp_bound",
)  # fmt: skip
#: A page is known by its flow and the step that led there; `openings` counts failed ones too. Weights in bytes.
PAGE_COLUMNS: Final = (
    "portal", "scenario", "step", "openings", "failed_openings", "lcp_p75_seconds", "lcp_bound", "load_p75_seconds",
    "load_bound", "weight_median_bytes",
)  # fmt: skip
FINDING_COLUMNS: Final = ("portal", "class", "severity", "findings", "runs")
EXPOSURE_COLUMNS: Final = (
    "portal", "runs", "first_run", "last_run", "days", "window_days", "coverage_share", "excluded_error",
    "excluded_blocked", "excluded_maintenance", "excluded_timing",
)  # fmt: skip


@dataclass(frozen=True)
class Overview:
    """Tables with FLOW_COLUMNS, PAGE_COLUMNS, HOUR_COLUMNS, FINDING_COLUMNS and EXPOSURE_COLUMNS over all portals."""

    flows: pd.DataFrame
    pages: pd.DataFrame
    hours: pd.DataFrame
    findings: pd.DataFrame
    exposure: pd.DataFrame


def overview(connection: Connection, scopes: list[Scope], settings: Settings) -> Overview:
    """The tables of all `scopes`, one portal each."""

    def table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=list(columns))

    return Overview(
        flows=table(FLOW_COLUMNS, [row for scope in scopes for row in _flows(connection, scope)]),
        pages=table(PAGE_COLUMNS, [row for scope in scopes for row in _pages(connection, scope)]),
        hours=table(HOUR_COLUMNS, [row for scope in scopes for row in _hours(connection, scope, settings)]),
        findings=table(FINDING_COLUMNS, [row for scope in scopes for row in _findings(connection, scope)]),
        exposure=table(EXPOSURE_COLUMNS, [_exposure(connection, scope) for scope in scopes]),
    )


def _flows(connection: Connection, scope: Scope) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for each in readings.tallies(connection, scope):
        row = rows.setdefault(
            each.scenario,
            {"portal": scope.portal, "scenario": each.scenario, "kind": each.kind, "runs": 0, "not_submitted": 0}
            | dict.fromkeys(("passed", "degraded", "failed", "blocked", "maintenance", "error"), 0),
        )
        row["runs"] += each.runs
        row[each.outcome] += each.runs
        row["not_submitted"] += each.dry
    waits: dict[str, list[Counted]] = {}
    for wait in readings.run_waits(connection, scope):
        waits.setdefault(wait.stratum[0], []).append(wait)
    for scenario, counts in waits.items():
        mix = Mix(counts)
        for name, q in (("median", 0.5), ("p75", 0.75)):
            value, at_least = mix.point(q)
            rows[scenario] |= {f"{name}_seconds": value, f"{name}_bound": ">=" if at_least else None}
    return list(rows.values())


def _pages(connection: Connection, scope: Scope) -> list[dict[str, Any]]:
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    asked = (
        ("lcp_seconds", "lcp_p75_seconds", 0.75),
        ("load_seconds", "load_p75_seconds", 0.75),
        ("transferred_bytes", "weight_median_bytes", 0.5),
    )
    opened = openings(connection, scope, metrics=[metric for metric, _, _ in asked])
    for metric, name, q in asked:
        waits = metric.endswith("seconds")
        by_page: dict[tuple[str, ...], list[Counted]] = {}
        for each in opened.counts(metric):
            by_page.setdefault(each.stratum, []).append(each)
        for page, counts in by_page.items():
            mix = Mix(counts)
            row = rows.setdefault(
                page,
                {"portal": scope.portal, "scenario": page[0], "step": page[1], "openings": 0, "failed_openings": 0},
            )
            row["openings"] = max(row["openings"], mix.n)
            row["failed_openings"] = max(row["failed_openings"], mix.censored)
            value, at_least = mix.point(q)
            row |= {name: value} | ({f"{metric[:-8]}_bound": ">=" if at_least else None} if waits else {})
    return [rows[page] for page in sorted(rows)]


def _hours(connection: Connection, scope: Scope, settings: Settings) -> list[dict[str, Any]]:
    checks = readings.reachable_by_hour(connection, scope)
    whole, _ = readings.reachability(connection, scope)
    # Failures of one outage hang together within an hour as they do over the window: the same length of a streak.
    streak = whole.bad / whole.episodes if whole and whole.episodes else 1.0
    pages: dict[int, list[Counted]] = {}
    opened = openings(connection, scope, metrics=["lcp_seconds"], by="hour")
    for each in opened.counts("lcp_seconds"):
        pages.setdefault(each.day, []).append(each)
    rows: list[dict[str, Any]] = []
    for hour in sorted(checks.keys() | pages.keys()):
        row: dict[str, Any] = {"portal": scope.portal, "hour": hour}
        if hour in checks:
            n, bad = checks[hour]
            low, high = clopper_pearson(bad, n, bad / streak, settings.level)
            row |= {"checks": n, "available_share": 1 - bad / n, "available_low": low, "available_high": high}
        if hour in pages:
            mix = Mix(pages[hour])
            value, at_least = mix.point(0.75)
            row |= {"page_openings": mix.n, "lcp_p75_seconds": value, "lcp_bound": ">=" if at_least else None}
        rows.append(row)
    return rows


def _findings(connection: Connection, scope: Scope) -> list[dict[str, Any]]:
    keys = (findings.c["class"], findings.c.severity)
    query = (
        select(*keys, func.count(), func.count(findings.c.run_id.distinct()))
        .join(runs, runs.c.run_id == findings.c.run_id)
        .where(scope.where(), runs.c.outcome.in_(JUDGED))
        .group_by(*keys)
        .order_by(func.count().desc(), *keys)
    )
    return [
        {"portal": scope.portal, "class": name, "severity": severity, "findings": int(n), "runs": int(in_runs)}
        for name, severity, n, in_runs in connection.execute(query)
    ]


def _exposure(connection: Connection, scope: Scope) -> dict[str, Any]:
    found = exposure_of(scope, readings.tallies(connection, scope))
    return {
        "portal": scope.portal,
        "runs": found.runs,
        "first_run": found.first,
        "last_run": found.last,
        "days": found.days,
        "window_days": found.window_days,
        "coverage_share": found.coverage,
        "excluded_error": found.excluded_error,
        "excluded_blocked": found.excluded_blocked,
        "excluded_maintenance": found.excluded_maintenance,
        "excluded_timing": found.excluded_timing,
    }
