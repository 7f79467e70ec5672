"""Alerts on the probe's own trouble: kept apart from the portal's, since nobody at the portal can mend them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gapwatch.slo_rules import Promised

#: Reasons of the host for which a timing does not count (probes.host); other reasons are trouble of their own kind.
HOST_REASONS = "cpu_pressure|load|loop_lag"
#: Starting a browser and preparing its page lie outside a run's deadline.
PREPARATION_SECONDS = 120.0


def longest_silence(each: Promised) -> int:
    """Seconds since the newest run began, above which a run is missing: a turn of the slowest job was left out."""
    silences = []
    for job in each.jobs:
        gap = job.schedule.largest_gap
        # Waiting for a second turn is fair for minutes, not for days.
        silences.append(gap + min(gap, 3600.0) + job.schedule.jitter + job.deadline_seconds + PREPARATION_SECONDS)
    return round(max(silences))


def probe_group(scenarios: Sequence[Promised], interval: float, page: str) -> dict[str, Any]:
    """The group of rules."""
    rules = [
        _alert(
            "GapwatchGone", "absent(gapwatch_build_info)", "5m", "page", page,
            "gapwatch says nothing: no metrics of it come in",
            "The daemon is down, or Prometheus cannot scrape it. Nothing is known of any portal meanwhile.",
        ),
        *(rule for each in scenarios for rule in _no_run_lately(each, page)),
        _alert(
            "GapwatchExporterDropping", "sum by (exporter) (increase(gapwatch_exporter_dropped_total[15m])) > 0", "0s",
            "ticket", page, "{{ $labels.exporter }} did not get {{ $value | humanize }} runs",
            "The log says why. With `store`, runs were never kept; with others, what they show has holes.",
        ),
        _alert(
            "GapwatchHostContended",
            f'max by (location) (sum by (location, reason) (increase(gapwatch_runs_invalid_total{{reason=~'
            f'"{HOST_REASONS}"}}[1h]))) / sum by (location) (increase(gapwatch_runs_total[1h])) > 0.2',
            "10m", "ticket", page,
            "{{ $value | humanizePercentage }} of the runs at {{ $labels.location }} could not be timed",
            "The probe's host is too busy. Lower `concurrency`, run less often, or give it a machine of its own.",
        ),
        _alert(
            "GapwatchErrors",
            'sum by (portal, scenario) (increase(gapwatch_runs_total{outcome="error"}[1h])) / '
            "sum by (portal, scenario) (increase(gapwatch_runs_total[1h])) > 0.1",
            "10m", "ticket", page,
            "{{ $value | humanizePercentage }} of the runs of {{ $labels.portal }}/{{ $labels.scenario }} broke down",
            'The probe\'s own trouble: gapwatch_probe_errors_total{reason="…"} and the log say which.',
        ),
        _alert(
            "GapwatchBlocked",
            'sum by (portal, scenario) (increase(gapwatch_runs_total{outcome="blocked"}[1h])) / '
            "sum by (portal, scenario) (increase(gapwatch_runs_total[1h])) > 0.5",
            "10m", "ticket", page,
            "{{ $labels.portal }} turns the probe away: {{ $labels.scenario }}",
            "A firewall or a captcha. Nothing is known of what citizens meet; ask the portal's operator to let it in.",
        ),
        _alert(
            "GapwatchScheduleLate",
            "1 - sum by (location) (increase(gapwatch_schedule_lateness_seconds_bucket{le=\"5.0\"}[1h])) / "
            "(sum by (location) (increase(gapwatch_schedule_lateness_seconds_count[1h])) > 0) > 0.1",
            "10m", "ticket", page,
            "{{ $value | humanizePercentage }} of the runs at {{ $labels.location }} began more than 5 s late",
            "Journeys wait for one another: raise `concurrency` if the host has room, else run less often.",
        ),
        _alert(
            "GapwatchConfigRefused", 'increase(gapwatch_probe_errors_total{reason="config_reload"}[15m]) > 0', "0s",
            "ticket", page, "the changed configuration was refused",
            "The one before it is still at work. `gapwatch check` lists what is wrong.",
        ),
        *(_expiring(days, severity, page) for days, severity in ((21, "ticket"), (3, "page"))),
    ]  # fmt: skip
    return {"name": "gapwatch_probe", "interval": f"{round(interval * 1000)}ms", "rules": rules}


def _alert(  # noqa: PLR0917 - a table of alerts reads best with its columns in one order
    name: str, expr: str, wait: str, severity: str, page: str, summary: str, description: str
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expr,
        "for": wait,
        "labels": {"severity": severity, "about": "probe"},
        "annotations": {"summary": summary, "description": description, "status_page": f"{page}/"},
    }


def _no_run_lately(each: Promised, page: str) -> list[dict[str, Any]]:
    silence = longest_silence(each)
    # Looked for far back: the series of a daemon that is down ends after five minutes, and its age must still be told.
    back = f"{max(86_400, 3 * silence)}s"
    series = f"gapwatch_run_last_timestamp_seconds{{{each.selector}}}"
    aged = f"time() - max by (portal, scenario) (last_over_time({series}[{back}])) > {silence}"
    summary = f"{each.portal}: {each.scenario}: no run for {{{{ $value | humanizeDuration }}}}"
    never = f"{each.portal}: {each.scenario}: no run at all"
    description = f"A run should have begun within {silence} s. The daemon, its timetable or cron has stopped."
    absent = f"absent_over_time({series}[{back}])"
    rules = [
        _alert("GapwatchNoRunLately", aged, "1m", "page", page, summary, description),
        _alert("GapwatchNeverRan", absent, f"{silence}s", "page", page, never, description),
    ]
    for rule in rules:
        rule["labels"] |= {"portal": each.portal, "scenario": each.scenario}
    return rules


def _expiring(days: int, severity: str, page: str) -> dict[str, Any]:
    seconds = days * 86_400
    expr = (
        f"min by (portal) (last_over_time(gapwatch_tls_certificate_expiry_timestamp_seconds[1d])) - time() < {seconds}"
    )
    summary = "the certificate of {{ $labels.portal }} expires in {{ $value | humanizeDuration }}"
    return _alert(
        "GapwatchCertificateExpiring", expr, "10m", severity, page, summary,
        "Citizens will meet a warning instead of the portal. The operator has to renew it.",
    )  # fmt: skip
