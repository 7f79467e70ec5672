"""Every metric that gapwatch exports, declared once: name, type, help, labels, buckets, and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricType = Literal["counter", "gauge", "histogram"]

#: What a run is known by: on every metric that a run feeds.
RUN_LABELS = ("portal", "scenario", "location", "browser")

#: Seconds of one step. Bounds sit on published thresholds, so that a share below one is exact: TTFB 0.8 and 1.8,
#: LCP 2.5 and 4 (Core Web Vitals), 0.1, 1 and 10 (Nielsen, 1993).
STEP_BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.8, 2.5, 4.0, 6.0, 10.0, 15.0, 30.0, 60.0)
#: Seconds of a whole run: a page of 0.1 s up to a flow that takes minutes.
RUN_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 4.0, 6.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0)
#: Seconds that a run began too late: from the event loop's own jitter to a missed turn.
LATENESS_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. `of_latest_run`: a gauge whose series are those of the newest run, so an older value never stays."""

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...]
    source: str
    buckets: tuple[float, ...] = ()
    of_latest_run: bool = False


METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        "gapwatch_runs_total",
        "counter",
        "Finished runs by outcome; error is the probe's own trouble, never the portal's.",
        (*RUN_LABELS, "outcome"),
        "Run.outcome",
    ),
    MetricSpec(
        "gapwatch_retests_total",
        "counter",
        "Failed runs that were tried again at once: confirmed, flaky (the second try passed), or unsettled.",
        (*RUN_LABELS, "result"),
        "Run.retest_of, Run.outcome",
    ),
    MetricSpec(
        "gapwatch_run_duration_seconds",
        "histogram",
        "Seconds a citizen waits in a whole run; failed runs included, timed-out ones at their deadline.",
        RUN_LABELS,
        "Run.duration_seconds, Run.deadline_seconds",
        buckets=RUN_BUCKETS,
    ),
    MetricSpec(
        "gapwatch_step_duration_seconds",
        "histogram",
        "Seconds a citizen waits in one step, from the action to the settled page; timed-out steps at their limit.",
        (*RUN_LABELS, "step"),
        "StepResult.duration_seconds",
        buckets=STEP_BUCKETS,
    ),
    MetricSpec(
        "gapwatch_steps_total",
        "counter",
        "Steps by outcome; skipped ones come after a failure.",
        (*RUN_LABELS, "step", "outcome"),
        "StepResult.outcome",
    ),
    MetricSpec(
        "gapwatch_web_vital_seconds",
        "gauge",
        "TTFB, FCP, LCP and INP in seconds, in the newest run with a valid timing, of the page that a step led to.",
        (*RUN_LABELS, "page", "vital"),
        "PageMetrics.ttfb_seconds, fcp_seconds, lcp_seconds, inp_seconds",
        of_latest_run=True,
    ),
    MetricSpec(
        "gapwatch_web_vital_cls",
        "gauge",
        "Cumulative layout shift (no unit) in the newest run with a valid timing, of the page that a step led to.",
        (*RUN_LABELS, "page"),
        "PageMetrics.cls",
        of_latest_run=True,
    ),
    MetricSpec(
        "gapwatch_page_weight_bytes",
        "gauge",
        "Bytes that came over the network for the page that a step led to, in the newest run.",
        (*RUN_LABELS, "page"),
        "PageMetrics.transferred_bytes",
        of_latest_run=True,
    ),
    MetricSpec(
        "gapwatch_findings_total",
        "counter",
        "Errors that a citizen would meet, by class and severity.",
        (*RUN_LABELS, "class", "severity"),
        "Finding.class_, Finding.severity",
    ),
    MetricSpec(
        "gapwatch_run_last_timestamp_seconds",
        "gauge",
        "Unix time in seconds at which the newest finished run began.",
        RUN_LABELS,
        "Run.started_at",
    ),
    MetricSpec(
        "gapwatch_run_last_success_timestamp_seconds",
        "gauge",
        "Unix time in seconds at which the newest run began that passed, degraded or not.",
        RUN_LABELS,
        "Run.started_at, Run.outcome",
    ),
    MetricSpec(
        "gapwatch_runs_invalid_total",
        "counter",
        "Runs whose timing is not valid because of the probe's own host, by reason; a run with two counts in both.",
        (*RUN_LABELS, "reason"),
        "Run.timing_valid, Run.invalid_reasons",
    ),
    MetricSpec(
        "gapwatch_http_phase_seconds",
        "gauge",
        "Seconds of each phase of the HTTP check, redirects summed, in the newest run with a valid timing.",
        (*RUN_LABELS, "phase"),
        "HttpResult.phases",
        of_latest_run=True,
    ),
    MetricSpec(
        "gapwatch_tls_certificate_expiry_timestamp_seconds",
        "gauge",
        "Unix time in seconds at which the portal's certificate, as last seen, expires; stays after it has.",
        RUN_LABELS,
        "HttpResult.certificate_expiry",
    ),
    MetricSpec(
        "gapwatch_search_success_ratio",
        "gauge",
        "Share (0 to 1) of the gold queries with a right hit among the first k, in the newest run.",
        RUN_LABELS,
        "SearchResult.success_share",
        of_latest_run=True,
    ),
    MetricSpec(
        "gapwatch_form_duplicate_fields",
        "gauge",
        "Fields that the flow asked more than once, in the newest run (number).",
        RUN_LABELS,
        "FormsResult.duplicates",
        of_latest_run=True,
    ),
    MetricSpec(
        "gapwatch_probe_errors_total",
        "counter",
        "Trouble of the probe itself, inside a run or outside, by reason.",
        ("reason",),
        "Run.error_reason, RunMetrics.probe_error",
    ),
    MetricSpec(
        "gapwatch_exporter_dropped_total",
        "counter",
        "Runs that an exporter did not get or could not deliver; store: runs that were never kept.",
        ("exporter",),
        "Fanout",
    ),
    MetricSpec(
        "gapwatch_schedule_lateness_seconds",
        "histogram",
        "Seconds between the time a run was due and the time it began.",
        ("portal", "scenario", "location"),
        "RunMetrics.lateness",
        buckets=LATENESS_BUCKETS,
    ),
    MetricSpec(
        "gapwatch_browser_restarts_total",
        "counter",
        "Browsers that were ended and started again, by reason.",
        ("reason",),
        "RunMetrics.browser_restart",
    ),
    MetricSpec(
        "gapwatch_survey_score",
        "gauge",
        "Mean survey score of an item on the survey's own scale; gap is performance minus importance.",
        ("portal", "item", "kind", "wave"),
        "RunMetrics.set_survey_scores",
    ),
    MetricSpec(
        "gapwatch_survey_dimension_score",
        "gauge",
        "Mean survey score of a dimension on the survey's own scale; gap is performance minus importance.",
        ("portal", "dimension", "kind", "wave"),
        "RunMetrics.set_survey_scores",
    ),
    MetricSpec(
        "gapwatch_indicator",
        "gauge",
        "What probes measured for a survey item, in the indicator's own unit.",
        ("portal", "item", "indicator"),
        "RunMetrics.set_indicator",
    ),
    MetricSpec(
        "gapwatch_build_info",
        "gauge",
        "Always 1; says which gapwatch and Python this is.",
        ("version", "python"),
        "package metadata",
    ),
)

SPECS: dict[str, MetricSpec] = {spec.name: spec for spec in METRICS}
