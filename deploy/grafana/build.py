"""Build the Grafana dashboards: `python deploy/grafana/build.py [--check]`, or `make dashboards`.

Metric names and labels come from `exporters.metric_specs`, recorded ones from `gapwatch.slo_rules`: a dashboard that
asks for what there is not cannot be built.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row  # noqa: E402 - found by the lines above
from grafana_foundation_sdk.cog.encoder import JSONEncoder  # noqa: E402
from panels import (  # noqa: E402
    BUDGET,
    GOOD_SHARE,
    NONE_IS_GOOD,
    board,
    coloured,
    curve,
    metric,
    number,
    quantile,
    recorded,
    rise,
    rows,
    words,
)  # fmt: skip

from gapwatch import slo_rules  # noqa: E402
from gapwatch.slo_probe_rules import HOST_REASONS  # noqa: E402

RUNS, RUN_SECONDS, STEP_SECONDS = (
    "gapwatch_runs_total",
    "gapwatch_run_duration_seconds",
    "gapwatch_step_duration_seconds",
)
HOUR = slo_rules.HOUR
SERIES = "{{portal}} {{scenario}}"
ALERTS = 'ALERTS{{about="{about}",alertstate="firing"{more}}}'
ALERT_COLUMNS = {"alertname": "Alert", "severity": "Severity", "portal": "Portal", "scenario": "Scenario"}
#: Core Web Vitals' limits of good and poor (web.dev), in seconds.
VITALS = {"ttfb": (0.8, 1.8), "fcp": (1.8, 3.0), "lcp": (2.5, 4.0), "inp": (0.2, 0.5)}


def overview() -> Dashboard:
    """Whether each portal works as promised."""
    good = rise(RUNS, outcome=slo_rules.GOOD)
    counted = rise(RUNS, outcome=slo_rules.COUNTED)
    by = "sum by (portal, scenario)"
    made = board(
        "gapwatch-overview", "gapwatch: portal overview",
        "Availability, latency against what was promised, what is left of the error budgets, findings.",
    )  # fmt: skip
    return (
        made.with_row(Row("Promised and kept"))
        .with_panel(number(
            "Availability", {SERIES: f"{by} ({good}) / ({by} ({counted}) > 0)"}, "percentunit",
            "Share of runs that a citizen could have finished, over the chosen window. Blocked, maintenance and error "
            "runs count neither way.", steps=GOOD_SHARE, width=8, decimals=2, none="no run that counts"))
        .with_panel(number(
            "Error budget left: availability", {SERIES: recorded(slo_rules.REMAINING["availability"])}, "percentunit",
            "100 % is untouched, 0 % used up, below 0 % overdrawn; over the window of the promise (28 days).",
            steps=BUDGET, width=8, decimals=1, none="no rules loaded, or no run"))
        .with_panel(number(
            "Error budget left: latency", {SERIES: recorded(slo_rules.REMAINING["latency"])}, "percentunit",
            "As beside it, for runs that took longer than promised.", steps=BUDGET, width=8, decimals=1,
            none="no rules loaded, or no run"))
        .with_panel(curve(
            "Availability over time", {
                SERIES: f"1 - {recorded(slo_rules.recorded('availability', HOUR))}",
                "promised {{portal}} {{scenario}}": recorded(slo_rules.OBJECTIVE["availability"]),
            }, "percentunit", "Share of good runs in the hour before, and what was promised.", most=1.0))
        .with_panel(curve(
            "Latency against its objective", {
                "75th percentile {{portal}} {{scenario}}": quantile(0.75, RUN_SECONDS, "portal, scenario"),
                "promised {{portal}} {{scenario}}": recorded(slo_rules.LATENCY_THRESHOLD),
            }, "s", "Seconds a citizen waits in a whole run; failed runs included, timed-out ones at their deadline.",
            least=0.0))
        .with_row(Row("What happened"))
        .with_panel(curve(
            "Runs by outcome", {"{{outcome}}": f"sum by (outcome) ({rise(RUNS)}) > 0"}, "short",
            "Runs over the chosen window, all six outcomes; error is the probe's own trouble.", stacked=True))
        .with_panel(curve(
            "Runs within the latency objective", {SERIES: f"1 - {recorded(slo_rules.recorded('latency', HOUR))}"},
            "percentunit", "Share of timed runs in the hour before.", most=1.0))
        .with_panel(rows(
            "Findings", [f"sum by (portal, scenario, class, severity) ({rise('gapwatch_findings_total')}) > 0"],
            "Errors that a citizen would meet, over the chosen window.",
            {"portal": "Portal", "scenario": "Scenario", "class": "Finding", "severity": "Severity", "Value": "Times"},
            none="no finding"))
        .with_panel(rows(
            "Alerts on portals that fire now", [ALERTS.format(about="portal", more=',portal=~"$portal"')],
            "From the rules of `gapwatch slo rules`.", {**ALERT_COLUMNS, "sli": "Promise", "window": "Over"},
            none="none fires"))
        .with_row(Row("Last seen"))
        .with_panel(number(
            "Since the last run that passed",
            {SERIES: "time() - max by (portal, scenario) "
                     f"({metric('gapwatch_run_last_success_timestamp_seconds')})"},
            "s", "Degraded runs count as passed.", steps=((None, "green"), (3600, "orange"), (86_400, "red")), width=12,
            none="never"))
        .with_panel(number(
            "Certificate expires in",
            {"{{portal}}": "min by (portal) "
                           f"({metric('gapwatch_tls_certificate_expiry_timestamp_seconds')}) - time()"},
            "s", "As last seen; below 0 it has expired.",
            steps=((None, "red"), (3 * 86_400, "orange"), (21 * 86_400, "green")), width=12,
            none="no certificate seen"))
    )  # fmt: skip


def journey() -> Dashboard:
    """Where in a journey time is lost, and where it fails."""
    by = "portal, scenario, step"
    where = "{{scenario}} {{step}}"
    made = board(
        "gapwatch-journey", "gapwatch: journey detail",
        "Steps, web vitals by page, phases of HTTP checks, weight, browsers side by side.",
    )  # fmt: skip
    made = (
        made.with_row(Row("Steps"))
        .with_panel(curve(
            "Wait in each step, median", {where: quantile(0.5, STEP_SECONDS, by)}, "s",
            "From the action to the settled page; timed-out steps count with their limit.", least=0.0,
            steps=((None, "transparent"), (1.0, "orange"), (10.0, "red"))))
        .with_panel(curve(
            "Wait in each step, 75th percentile", {where: quantile(0.75, STEP_SECONDS, by)}, "s",
            "Three citizens in four wait no longer.", least=0.0,
            steps=((None, "transparent"), (1.0, "orange"), (10.0, "red"))))
        .with_panel(rows(
            "Steps that do not pass",
            [f"sum by ({by}, outcome) ({rise('gapwatch_steps_total', outcome='failed|error|skipped')}) > 0"],
            "Over the chosen window; skipped steps come after a failure.",
            {"portal": "Portal", "scenario": "Scenario", "step": "Step", "outcome": "Outcome", "Value": "How often"},
            none="all pass"))
        .with_panel(curve(
            "Share of runs that reach and pass each step",
            {where: f"sum by ({by}) ({rise('gapwatch_steps_total', outcome='passed')}) / "
                    f"(sum by ({by}) ({rise('gapwatch_steps_total')}) > 0)"},
            "percentunit", "Where it drops, citizens are lost.", most=1.0, least=0.0))
        .with_row(Row("Pages"))
    )  # fmt: skip
    for vital, (well, poor) in VITALS.items():
        made = made.with_panel(curve(
            f"{vital.upper()} by page",
            {"{{scenario}} {{page}} {{browser}}": metric("gapwatch_web_vital_seconds", vital=vital)}, "s",
            f"In the newest run; good up to {well:g} s, poor above {poor:g} s.", width=6, least=0.0,
            steps=((None, "transparent"), (well, "orange"), (poor, "red"))))  # fmt: skip
    return (
        made.with_panel(curve(
            "Layout shift by page", {"{{scenario}} {{page}} {{browser}}": metric("gapwatch_web_vital_cls")}, "none",
            "Cumulative layout shift; good up to 0.1, poor above 0.25.", least=0.0,
            steps=((None, "transparent"), (0.1, "orange"), (0.25, "red"))))
        .with_panel(curve(
            "Weight by page", {"{{scenario}} {{page}} {{browser}}": metric("gapwatch_page_weight_bytes")}, "bytes",
            "What came over the network in the newest run: what a citizen pays for on a phone.", least=0.0))
        .with_row(Row("HTTP checks, search and forms"))
        .with_panel(curve(
            "Phases of HTTP checks", {"{{portal}} {{scenario}} {{phase}}": metric("gapwatch_http_phase_seconds")}, "s",
            "Of the newest check, redirects summed.", stacked=True, width=8))
        .with_panel(curve(
            "Search success", {SERIES: metric("gapwatch_search_success_ratio")}, "percentunit",
            "Share of gold queries with a right hit among the first k, in the newest run.", width=8,
            least=0.0, most=1.0))
        .with_panel(curve(
            "Fields asked more than once", {SERIES: metric("gapwatch_form_duplicate_fields")}, "none",
            "In the newest run of the flow.", width=8, least=0.0))
        .with_row(Row("Browsers side by side"))
        .with_panel(curve(
            "Availability by browser",
            {"{{browser}}": f"sum by (browser) ({rise(RUNS, outcome=slo_rules.GOOD)}) / "
                            f"(sum by (browser) ({rise(RUNS, outcome=slo_rules.COUNTED)}) > 0)"},
            "percentunit", "Over the chosen window.", most=1.0))
        .with_panel(curve(
            "Wait in a whole run by browser, median",
            {"{{browser}} {{scenario}}": quantile(0.5, RUN_SECONDS, "scenario, browser")}, "s",
            "The same scenario in each browser.", least=0.0))
    )  # fmt: skip


def perceived() -> Dashboard:
    """What probes measured beside what citizens said."""
    score, dimension = "gapwatch_survey_score", "gapwatch_survey_dimension_score"
    key = {"portal": "Portal", "item": "Item"}
    gap = ((None, "red"), (-0.5, "orange"), (0.0, "green"))
    made = board(
        "gapwatch-perceived", "gapwatch: measured beside perceived",
        "Survey performance, importance and gap for each item and dimension, beside the indicator of the item.",
    )  # fmt: skip
    return (
        made.with_panel(words(
            "How to read it",
            "A survey says what citizens **perceive**; probes **measure** what a synthetic citizen meets. A gap below "
            "0 means that performance falls short of importance. Side by side they show where they agree, and do not "
            "prove that the one causes the other. The report of `gapwatch link` has the intervals and limits."))
        .with_panel(coloured(rows(
            "Items: performance, importance, gap",
            [metric(score, kind=kind) for kind in ("performance", "importance", "gap")],
            "On the survey's own scale.",
            {**key, "wave": "Wave", "Value #A": "Performance", "Value #B": "Importance", "Value #C": "Gap"},
            none="no survey loaded"), "Gap", gap, "none"))
        .with_panel(rows(
            "Items: what was measured", [metric("gapwatch_indicator")],
            "Each indicator in its own unit: seconds, or a share from 0 to 1.",
            {**key, "indicator": "Indicator", "Value": "Measured"}, none="no indicator computed"))
        .with_panel(rows(
            "Items that no probe can measure",
            [f"{metric(score, kind='performance')} unless on (portal, item) {metric('gapwatch_indicator')}"],
            "Asked in the survey, without an indicator: friendly staff, trust, or too few runs so far. Here only "
            "citizens can tell.", {**key, "Value": "Performance"}, none="every item has an indicator"))
        .with_panel(coloured(rows(
            "Dimensions: performance, importance, gap",
            [metric(dimension, kind=kind) for kind in ("performance", "importance", "gap")],
            "On the survey's own scale.",
            {"portal": "Portal", "dimension": "Dimension", "wave": "Wave", "Value #A": "Performance",
             "Value #B": "Importance", "Value #C": "Gap"}, none="no survey loaded"), "Gap", gap, "none"))
        .with_panel(curve(
            "Gap by dimension and wave", {"{{portal}} {{dimension}} {{wave}}": metric(dimension, kind="gap")}, "none",
            "Performance minus importance.", steps=((None, "red"), (0.0, "transparent"))))
        .with_panel(curve(
            "Indicators over time", {"{{portal}} {{item}} {{indicator}}": metric("gapwatch_indicator")}, "none",
            "Each in its own unit."))
    )  # fmt: skip


def probe() -> Dashboard:
    """Whether the probe itself can be trusted."""
    late = "gapwatch_schedule_lateness_seconds"
    invalid = rise("gapwatch_runs_invalid_total", reason=HOST_REASONS)
    made = board(
        "gapwatch-probe", "gapwatch: probe health",
        "Lateness, contention, restarts, drops: the probe's own trouble, never the portal's.",
    )  # fmt: skip
    return (
        made.with_panel(number(
            "gapwatch", {"{{version}}, Python {{python}}": metric("gapwatch_build_info")}, "none",
            "Which version is at work.", steps=((None, "red"), (1.0, "green")), none="gone"))
        .with_panel(number(
            "Runs an hour", {"all": f"sum({rise(RUNS, window='1h')})"}, "none", "All outcomes.", decimals=0))
        .with_panel(number(
            "Runs with the probe's own trouble",
            {"all": f"sum({rise(RUNS, outcome='error')}) / (sum({rise(RUNS)}) > 0)"}, "percentunit",
            "Share over the chosen window.", steps=NONE_IS_GOOD, decimals=1))
        .with_panel(number(
            "Timings that do not count",
            {"{{location}}": f"max by (location) (sum by (location, reason) ({invalid}) or "
                             f"0 * sum by (location) ({rise(RUNS)})) / sum by (location) ({rise(RUNS)})"},
            "percentunit", "Share of runs whose host was too busy, by the most frequent reason.",
            steps=((None, "green"), (0.05, "orange"), (0.2, "red")), decimals=1))
        .with_panel(curve(
            "Since the newest run", {SERIES: "time() - max by (portal, scenario) "
                                             f"({metric('gapwatch_run_last_timestamp_seconds')})"},
            "s", "Grows while nothing runs.", least=0.0))
        .with_panel(curve(
            "How late runs begin", {
                "median {{location}}": quantile(0.5, late, "location"),
                "95th percentile {{location}}": quantile(0.95, late, "location"),
            }, "s", "Against the timetable; journeys that wait for one another come late.", least=0.0))
        .with_panel(curve(
            "Timings that do not count, by reason",
            {"{{location}} {{reason}}": f"sum by (location, reason) ({rise('gapwatch_runs_invalid_total')}) > 0"},
            "short", "cpu_pressure, load and loop_lag are the host's; others stand for runs that broke down.",
            stacked=True))
        .with_panel(curve(
            "Trouble by reason", {"{{reason}}": f"sum by (reason) ({rise('gapwatch_probe_errors_total')}) > 0"},
            "short", "The probe's own, inside a run and outside.", stacked=True))
        .with_panel(curve(
            "Runs that exporters dropped",
            {"{{exporter}}": f"sum by (exporter) ({rise('gapwatch_exporter_dropped_total')})"}, "short",
            "With `store`: runs that were never kept.", steps=NONE_IS_GOOD, width=8, least=0.0))
        .with_panel(curve(
            "Browsers restarted", {"{{reason}}": f"sum by (reason) ({rise('gapwatch_browser_restarts_total')})"},
            "short", "Ended and started again, by reason.", width=8, least=0.0))
        .with_panel(rows(
            "Alerts on the probe that fire now", [ALERTS.format(about="probe", more="")],
            "From the rules of `gapwatch slo rules`.", ALERT_COLUMNS, width=8, none="none fires"))
    )  # fmt: skip


BOARDS = {"overview": overview, "journey": journey, "perceived": perceived, "probe": probe}


def built() -> dict[str, str]:
    """The dashboards' JSON, by file name."""
    return {
        f"{name}.json": JSONEncoder(sort_keys=True, indent=2).encode(make().build()) + "\n"
        for name, make in BOARDS.items()
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say which are not as they would be built."""
    folder = HERE / "dashboards"
    texts = built()
    if "--check" in arguments:
        old = [name for name, text in texts.items() if not _same(folder / name, text)]
        old += sorted(path.name for path in folder.glob("*.json") if path.name not in texts)
        for name in old:
            print(f"{folder / name}: not as built; run `make dashboards`", file=sys.stderr)
        return 1 if old else 0
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
