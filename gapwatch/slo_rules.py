"""Prometheus rules made of the configuration's objectives: recorded ratios, burn-rate alerts, the probe's own trouble.

Ratios are of runs and not of samples: `increase` over the counters, summed over locations and browsers. Windows come
from the ladder of multi-window, multi-burn-rate alerting (The Site Reliability Workbook, 2018, chapter 5). That ladder
was made for services with thousands of requests a minute; a probe makes one run in some minutes. So each alert takes
the first windows of the ladder that can carry it:

- the long one must hold so many runs that one failed run alone stays below the threshold;
- the short one, which ends the alert soon after the portal is well again, must hold two runs, or it would often be
  empty.

An alert that no window can carry is left out, and the file says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from prometheus_client.utils import floatToGoString

from gapwatch.config import Config, Job
from gapwatch.slo import SLIS, Objectives, Sli
from gapwatch.slo_probe_rules import probe_group

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
#: The windows, in seconds, over which ratios are recorded.
LADDER = (5 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY, 28 * DAY)
#: Half of all runs is an outage, whatever was promised; a low promise would otherwise put a threshold above 1.
MOST_THRESHOLD = 0.5
#: Long windows are evaluated less often: they read weeks of samples and change slowly.
LONG_WINDOW = 6 * HOUR

GOOD = "passed|degraded"
COUNTED = "passed|degraded|failed"
OBJECTIVE = {sli: f"gapwatch:{sli}_objective:ratio" for sli in SLIS}
REMAINING = {sli: f"gapwatch:{sli}_budget_remaining:ratio" for sli in SLIS}
LATENCY_THRESHOLD = "gapwatch:latency_objective:seconds"
ALERTS: dict[Sli, str] = {"availability": "GapwatchAvailabilityBurn", "latency": "GapwatchLatencyBurn"}


@dataclass(frozen=True, slots=True)
class Burn:
    """An alert: the error budget is spent `factor` times too fast, over both windows (seconds)."""

    factor: float
    long: float
    short: float
    severity: str


#: What a burn uses up of a budget for four weeks: 14.4 uses 2 % in an hour, 6 uses 5 % in six hours, 3 uses 11 % in a
#: day, 1 uses 11 % in three days.
BURNS = (
    Burn(14.4, HOUR, 5 * MINUTE, "page"),
    Burn(6.0, 6 * HOUR, 30 * MINUTE, "page"),
    Burn(3.0, DAY, 2 * HOUR, "ticket"),
    Burn(1.0, 3 * DAY, 6 * HOUR, "ticket"),
)


@dataclass(frozen=True, slots=True)
class Promised:
    """One scenario of one portal with its objectives and its jobs."""

    portal: str
    scenario: str
    objectives: Objectives
    jobs: tuple[Job, ...]

    @property
    def runs_per_second(self) -> float:
        """How often it runs on average, all browsers together."""
        return sum(1 / job.schedule.mean_gap for job in self.jobs)

    @property
    def selector(self) -> str:
        """Its labels in a query."""
        return f'portal="{self.portal}",scenario="{self.scenario}"'


def promised(config: Config) -> list[Promised]:
    """The configuration's scenarios in order."""
    jobs: dict[tuple[str, str], list[Job]] = {}
    for job in config.jobs:
        jobs.setdefault((job.portal.name, job.scenario), []).append(job)
    return [Promised(*pair, each[0].objectives, tuple(each)) for pair, each in jobs.items()]


def duration(seconds: float) -> str:
    """Seconds as Prometheus writes them: `5m`, `28d`."""
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1.0)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds / size)}{unit}"
    return f"{round(seconds * 1000)}ms"


def recorded(sli: Sli, window: float) -> str:
    """The name of the recorded share of bad runs over a window."""
    return f"gapwatch:{sli}_errors:ratio_{duration(window)}"


def threshold(burn: Burn, budget: float) -> float:
    """The share of bad runs above which the burn's alert fires."""
    return min(round(burn.factor * budget, 9), MOST_THRESHOLD)


def fitted(burn: Burn, budget: float, runs_per_second: float, ladder: Sequence[float] = LADDER) -> Burn | None:
    """The burn with windows that can carry it for a scenario that runs so often; None: no window can."""
    limit = threshold(burn, budget)
    long = next((each for each in ladder if each >= burn.long and each * runs_per_second * limit >= 1), None)
    short = next((each for each in ladder if each >= burn.short and each * runs_per_second >= 2), None)
    if long is None or short is None:
        return None
    return replace(burn, long=max(long, short), short=short)


def objective_queries(sli: Sli, each: Promised, window: str) -> tuple[str, str]:
    """Counts of good runs and of all runs that count, over a window, as queries."""
    labels = each.selector
    if sli == "availability":
        metric = "gapwatch_runs_total"
        good, total = f'{{{labels},outcome=~"{GOOD}"}}', f'{{{labels},outcome=~"{COUNTED}"}}'
        return f"sum(increase({metric}{good}[{window}]))", f"sum(increase({metric}{total}[{window}]))"
    bound = floatToGoString(each.objectives.latency_seconds)  # type: ignore[no-untyped-call]  # the client's
    metric = "gapwatch_run_duration_seconds"
    good = f'sum(increase({metric}_bucket{{{labels},le="{bound}"}}[{window}]))'
    return good, f"sum(increase({metric}_count{{{labels}}}[{window}]))"


def rule_file(
    config: Config,
    *,
    url: str | None = None,
    burns: Sequence[Burn] = BURNS,
    ladder: Sequence[float] = LADDER,
    interval: float = 30.0,
) -> str:
    """The whole rule file. `url` is where people reach the status page; `interval` is between evaluations, in seconds.

    `burns` and `ladder` are other windows, for trying alerts out in seconds instead of hours.
    """
    scenarios = promised(config)
    host, port = config.listen
    page = (url or f"http://{f'[{host}]' if ':' in host else host}:{port}").rstrip("/")
    alerts, notes = _portal_groups(scenarios, burns, ladder, interval, page)
    groups = [
        *_sli_groups(scenarios, ladder, interval),
        _slo_group(scenarios, interval),
        *alerts,
        probe_group(scenarios, interval, page),
    ]
    head = [
        "Written by `gapwatch slo rules`: change the configuration and write it again, not this file.",
        *notes,
    ]
    text = yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=1000)
    return "".join(f"# {line}\n" for line in head) + text


def _sli_groups(scenarios: Sequence[Promised], ladder: Sequence[float], interval: float) -> Iterator[dict[str, Any]]:
    windows = sorted({*ladder, *(each.objectives.window_seconds for each in scenarios)})
    parts = {
        "gapwatch_sli": ([each for each in windows if each <= LONG_WINDOW], interval),
        "gapwatch_sli_long": ([each for each in windows if each > LONG_WINDOW], interval * 4),
    }
    for name, (those, every) in parts.items():
        rules = [rule for window in those for rule in _sli_rules(scenarios, window)]
        if rules:
            yield {"name": name, "interval": duration(every), "rules": rules}


def _sli_rules(scenarios: Sequence[Promised], window: float) -> Iterator[dict[str, Any]]:
    span = duration(window)

    def runs(outcomes: str) -> str:
        return f'sum by (portal, scenario) (increase(gapwatch_runs_total{{outcome=~"{outcomes}"}}[{span}]))'

    # Without a run that counts there is no ratio, rather than 0/0: `> 0` leaves those out.
    yield {"record": recorded("availability", window), "expr": f"{runs('failed')} / ({runs(COUNTED)} > 0)"}
    for each in scenarios:
        good, total = objective_queries("latency", each, span)
        yield {
            "record": recorded("latency", window),
            "labels": {"portal": each.portal, "scenario": each.scenario},
            "expr": f"1 - {good} / ({total} > 0)",
        }


def _slo_group(scenarios: Sequence[Promised], interval: float) -> dict[str, Any]:
    rules: list[dict[str, Any]] = []
    for each in scenarios:
        labels = {"portal": each.portal, "scenario": each.scenario}
        seconds = each.objectives.latency_seconds
        rules.append({"record": LATENCY_THRESHOLD, "labels": labels, "expr": f"vector({seconds:.9g})"})
        for sli in SLIS:
            target = each.objectives.target(sli)
            rules.append({"record": OBJECTIVE[sli], "labels": labels, "expr": f"vector({target:.9g})"})
            errors = f"{recorded(sli, each.objectives.window_seconds)}{{{each.selector}}}"
            rules.append(
                {"record": REMAINING[sli], "labels": labels, "expr": f"1 - {errors} / {each.objectives.budget(sli):g}"}
            )
    return {"name": "gapwatch_slo", "interval": duration(interval), "rules": rules}


def _portal_groups(
    scenarios: Sequence[Promised], burns: Sequence[Burn], ladder: Sequence[float], interval: float, page: str
) -> tuple[list[dict[str, Any]], list[str]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    notes = []
    for each in scenarios:
        rules = groups.setdefault(each.portal, [])
        for sli in SLIS:
            for burn in burns:
                name = f"{ALERTS[sli]} {burn.factor:g} of {each.portal}/{each.scenario}"
                fits = fitted(burn, each.objectives.budget(sli), each.runs_per_second, ladder)
                if fits is None:
                    notes.append(f"{name} is left out: it runs too seldom for what was promised")
                    continue
                if fits != burn:
                    how = f"over {duration(fits.long)} and {duration(fits.short)}"
                    was = f"{duration(burn.long)} and {duration(burn.short)}"
                    notes.append(f"{name} looks {how} instead of {was}: it runs too seldom for shorter ones")
                rules.append(_burn_alert(each, sli, fits, page))
    made = [
        {"name": f"gapwatch_portal_{portal}", "interval": duration(interval), "rules": rules}
        for portal, rules in groups.items()
        if rules
    ]
    return made, notes


def _burn_alert(each: Promised, sli: Sli, burn: Burn, page: str) -> dict[str, Any]:
    objectives = each.objectives
    limit = threshold(burn, objectives.budget(sli))
    over = [f"{recorded(sli, window)}{{{each.selector}}} > {limit:.9g}" for window in (burn.long, burn.short)]
    bad = "failed" if sli == "availability" else f"took longer than {objectives.latency_seconds:g} s"
    days = objectives.window_seconds / burn.factor / DAY
    runs = f"{page}/api/v1/runs?portal={each.portal}&scenario={each.scenario}&limit=20"
    return {
        "alert": ALERTS[sli],
        "expr": " and ".join(over),
        "labels": {
            "severity": burn.severity,
            "about": "portal",
            "portal": each.portal,
            "scenario": each.scenario,
            "sli": sli,
            "burn": f"{burn.factor:g}",
            "window": duration(burn.long),
        },
        "annotations": {
            "summary": f"{each.portal}: {each.scenario}: {{{{ $value | humanizePercentage }}}} of runs {bad}",
            "description": (
                f"Over the last {duration(burn.long)}. Promised: {objectives.target(sli):.6g} of runs over "
                f"{duration(objectives.window_seconds)}; at {burn.factor:g} times the allowed rate that budget is gone "
                f"in {days:.2g} days."
            ),
            "status_page": f"{page}/",
            "runs": runs,
        },
    }
