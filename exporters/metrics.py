"""Runs as Prometheus metrics: one object that is told of every run and renders what Prometheus reads.

What counts where:

- Every run counts in `gapwatch_runs_total`, whatever became of it.
- Histograms take the runs whose duration is a citizen's wait (passed, degraded, failed) on a host that could time them;
  a run that met its deadline counts there with the deadline. So a portal that got so slow that runs fail looks slow.
  A blocked or maintenance page answers quickly and is left out; so are `error` runs and runs with an invalid timing.
- Web vitals, weights and the like are gauges of the newest run: objectives are told by the counters and histograms of
  runs and steps, since a share of gauge samples makes no sound SLO. A gauge that the newest run did not measure
  disappears: an outage never shows the good values from before it. A run that ended in `error` says nothing about the
  portal and leaves them as they are; one with an invalid timing leaves those in seconds.
- Labels are names from the configuration, closed vocabularies, and words of ours held to a number; nothing of a page.
"""

from __future__ import annotations

import math
import platform
import threading
from collections.abc import Collection, Iterable, Mapping
from importlib import metadata

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from exporters.carried import CarriedHistogram
from exporters.labels import Bounded, leading_word, one_of
from exporters.metric_specs import METRICS, RUN_LABELS, SPECS, MetricSpec
from exporters.store_summary import TIMED_OUTCOMES
from probes.run import FINDING_CLASSES, OUTCOMES, SEVERITIES, STEP_OUTCOMES, HttpResult, PageMetrics, Run

# Each counter and histogram would otherwise render a `_created` gauge too: half as many series again, for nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the client's

#: The content type of `render()`.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Step names (as `step` and `page`) kept apart per portal and scenario; later ones are counted as `other`.
MAX_STEPS = 60
#: Reasons kept apart per metric.
MAX_REASONS = 40
_SUCCESS = ("passed", "degraded")
_PHASES = ("resolve", "connect", "tls", "processing", "transfer")
_VITALS = ("ttfb", "fcp", "lcp", "inp")

Labels = dict[str, str]
RunKey = tuple[str, str, str, str]


def package_version() -> str:
    """The installed version of gapwatch."""
    try:
        return metadata.version("gapwatch")
    except metadata.PackageNotFoundError:
        return "unknown"


class RunMetrics:
    """The metrics of `exporters.metric_specs`, kept in a registry; safe to use from several threads.

    `objectives` are latency objectives in seconds: each becomes a bucket bound of the run and step histograms, so that
    the share of runs within it is exact.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, objectives: Collection[float] = ()) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._lock = threading.RLock()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, CarriedHistogram] = {}
        for spec in METRICS:
            self._declare(spec, objectives)
        self._steps = Bounded(MAX_STEPS)
        self._reasons = Bounded(MAX_REASONS)
        self._newest: dict[RunKey, float] = {}
        self._succeeded: dict[RunKey, float] = {}
        # Which series a gauge has, as label values in the spec's order: what a newer run must take away.
        self._series: dict[str, set[tuple[str, ...]]] = {spec.name: set() for spec in METRICS}
        self._pairs: set[tuple[str, str]] = set()
        self._retained: frozenset[tuple[str, str]] | None = None
        self._set("gapwatch_build_info", 1, {"version": package_version(), "python": platform.python_version()})

    def _declare(self, spec: MetricSpec, objectives: Collection[float]) -> None:
        if spec.type == "counter":
            self._counters[spec.name] = Counter(spec.name, spec.help, spec.labels, registry=self.registry)
        elif spec.type == "gauge":
            self._gauges[spec.name] = Gauge(spec.name, spec.help, spec.labels, registry=self.registry)
        else:
            more = objectives if "duration" in spec.name else ()
            bounds = sorted({*spec.buckets, *(float(bound) for bound in more)})
            self._histograms[spec.name] = CarriedHistogram(
                spec.name, spec.help, spec.labels, buckets=bounds, registry=self.registry
            )

    # What the application tells.

    def observe(self, run: Run) -> None:
        """Count a run. One older than the newest of its series counts too, but changes no gauge."""
        with self._lock:
            if not self._wanted(run.portal, run.scenario):
                return
            labels: Labels = {name: getattr(run, name) for name in RUN_LABELS}
            key: RunKey = (run.portal, run.scenario, run.location, run.browser)
            if run.retest_of is not None:
                self._count_retest(run, labels)
                return
            self._count(run, labels)
            self._time(run, labels)
            self._stamp(run, key, labels)

    def begin(self, *, portal: str, scenario: str, location: str, browser: str) -> None:
        """Begin the series that objectives are told by, at 0: or a new series' first run would be no rise."""
        labels: Labels = {"portal": portal, "scenario": scenario, "location": location, "browser": browser}
        with self._lock:
            if self._wanted(portal, scenario):
                for outcome in OUTCOMES:
                    self._inc("gapwatch_runs_total", {**labels, "outcome": outcome}, 0)
                self._histograms["gapwatch_run_duration_seconds"].labels(**labels)

    def probe_error(self, reason: str, times: int = 1) -> None:
        """Count trouble of the probe outside a run; that of a run (`error_reason`) counts by `observe`.

        With 0 the series begins, so that the first time is seen as a rise.
        """
        self._inc("gapwatch_probe_errors_total", {"reason": self._bounded_reason("probe", reason)}, times)

    def exporter_dropped(self, name: str, runs: int = 1) -> None:
        """Count runs that an exporter lost; with 0 the series begins, so that the first loss is seen as a rise."""
        self._inc("gapwatch_exporter_dropped_total", {"exporter": name}, runs)

    def lateness(self, seconds: float, *, portal: str, scenario: str, location: str) -> None:
        """Observe how late a run began."""
        with self._lock:
            if self._wanted(portal, scenario):
                labels = {"portal": portal, "scenario": scenario, "location": location}
                self._observe("gapwatch_schedule_lateness_seconds", max(seconds, 0.0), labels)

    def browser_restart(self, reason: str) -> None:
        """Count a browser that was ended and started again."""
        self._inc("gapwatch_browser_restarts_total", {"reason": self._bounded_reason("browser", reason)})

    def set_survey_scores(
        self,
        *,
        portal: str,
        wave: str,
        items: Mapping[str, Mapping[str, float | None]],
        dimensions: Mapping[str, Mapping[str, float | None]],
    ) -> None:
        """Set one wave's scores, by item or dimension and then by kind (performance, importance, gap).

        What the wave had before and has no more disappears; None is no series.
        """
        for name, label, scores in (
            ("gapwatch_survey_score", "item", items),
            ("gapwatch_survey_dimension_score", "dimension", dimensions),
        ):
            values: dict[tuple[str, ...], float] = {
                (which, kind): value
                for which, kinds in scores.items()
                for kind, value in kinds.items()
                if value is not None
            }
            self._replace(name, {"portal": portal, "wave": wave}, (label, "kind"), values)

    def set_indicator(self, *, portal: str, item: str, indicator: str, value: float | None) -> None:
        """Set what probes measured for a survey item; None takes the series away."""
        labels = {"portal": portal, "item": item, "indicator": indicator}
        self._replace("gapwatch_indicator", labels, (), {} if value is None else {(): value})

    def remove_portal(self, portal: str, scenario: str | None = None) -> None:
        """Take away every series of a portal, or of one scenario of it. A later run would bring them back."""
        gone = {"portal": portal} if scenario is None else {"portal": portal, "scenario": scenario}
        with self._lock:
            for spec in METRICS:
                if gone.keys() <= set(spec.labels):
                    self._metric(spec.name).remove_by_labels(gone)
                    self._series[spec.name] -= self._with_labels(spec, gone)
            for pair in [pair for pair in self._pairs if pair[0] == portal and scenario in (None, pair[1])]:
                self._pairs.discard(pair)
                self._steps.forget(pair)
            for stamps in (self._newest, self._succeeded):
                for key in [key for key in stamps if key[0] == portal and scenario in (None, key[1])]:
                    del stamps[key]

    def retain(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Keep series of these (portal, scenario) alone: call it after a reload.

        All others disappear, and a run of one that was under way meanwhile does not bring it back.
        """
        with self._lock:
            self._retained = frozenset(pairs)
            portals = {portal for portal, _ in self._retained}
            for portal, scenario in self._pairs - self._retained:
                self.remove_portal(portal, scenario)
            surveyed = {
                values[spec.labels.index("portal")]
                for spec in METRICS
                if spec.type == "gauge" and "portal" in spec.labels
                for values in self._series[spec.name]
            }
            for portal in surveyed - portals:
                self.remove_portal(portal)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format 0.0.4, without timestamps."""
        return generate_latest(self.registry)

    def restore(self, text: str) -> None:
        """Go on from what an earlier process rendered: its counts are added, its gauges fill what is not set here.

        Lines of other programs are left alone. ValueError: this is not the Prometheus text format.
        """
        series: dict[tuple[str, tuple[tuple[str, str], ...]], list[Sample]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name if sample.name in SPECS else family.name
                labels = {label: value for label, value in sample.labels.items() if label != "le"}
                if name in SPECS and name != "gapwatch_build_info" and labels.keys() == set(SPECS[name].labels):
                    series.setdefault((name, tuple(sorted(labels.items()))), []).append(sample)
        with self._lock:
            known = set(self._newest)
            for (name, items), samples in series.items():
                self._restore_series(SPECS[name], dict(items), samples, known)

    # How it is counted.

    def _wanted(self, portal: str, scenario: str) -> bool:
        if self._retained is not None and (portal, scenario) not in self._retained:
            return False
        self._pairs.add((portal, scenario))
        return True

    def _count_retest(self, run: Run, labels: Labels) -> None:
        """A second try tells of the first: it is no run of its own, or a failure would count twice."""
        result = "flaky" if run.outcome in _SUCCESS else "confirmed" if run.outcome == "failed" else "unsettled"
        for each in ("confirmed", "flaky", "unsettled"):
            self._inc("gapwatch_retests_total", {**labels, "result": each}, int(each == result))
        if run.error_reason is not None:
            self.probe_error(run.error_reason)

    def _count(self, run: Run, labels: Labels) -> None:
        # Every outcome's series begins with the first run, or the first failure would be no rise to Prometheus.
        for outcome in OUTCOMES:
            self._inc("gapwatch_runs_total", {**labels, "outcome": outcome}, int(outcome == run.outcome))
        if run.error_reason is not None:
            self.probe_error(run.error_reason)
        if not run.timing_valid:
            for reason in sorted({leading_word(each) for each in run.invalid_reasons} or {"unknown"}):
                fitted = self._reasons.fit("invalid", reason)
                self._inc("gapwatch_runs_invalid_total", {**labels, "reason": fitted})
        for finding in run.findings:
            words = {
                "class": one_of(finding.class_, FINDING_CLASSES),
                "severity": one_of(finding.severity, SEVERITIES),
            }
            self._inc("gapwatch_findings_total", {**labels, **words})
        for step in run.steps:
            named = {**labels, "step": self._step(run, step.name)}
            for step_outcome in STEP_OUTCOMES:
                more = int(step_outcome == step.outcome)
                self._inc("gapwatch_steps_total", {**named, "outcome": step_outcome}, more)

    def _time(self, run: Run, labels: Labels) -> None:
        if not run.timing_valid or run.outcome not in TIMED_OUTCOMES:
            return
        seconds = run.deadline_seconds if run.timed_out else run.duration_seconds
        self._observe("gapwatch_run_duration_seconds", seconds, labels)
        for step in run.steps:
            if step.duration_seconds is not None and step.outcome in ("passed", "failed"):
                named = {**labels, "step": self._step(run, step.name)}
                self._observe("gapwatch_step_duration_seconds", step.duration_seconds, named)

    def _stamp(self, run: Run, key: RunKey, labels: Labels) -> None:
        began = run.started_at.timestamp()
        if run.outcome in _SUCCESS and began >= self._succeeded.get(key, began):
            self._succeeded[key] = began
            self._set("gapwatch_run_last_success_timestamp_seconds", began, labels)
        if began < self._newest.get(key, began):
            return
        self._newest[key] = began
        self._set("gapwatch_run_last_timestamp_seconds", began, labels)
        if run.outcome == "error":
            return
        self._latest_parts(run, labels)
        if run.timing_valid:
            self._latest_timings(run, labels)

    def _latest_parts(self, run: Run, labels: Labels) -> None:
        weights: dict[tuple[str, ...], float] = {}
        for page in _service_pages(run):
            if page.transferred_bytes is not None:
                where = (self._step(run, page.step),)
                weights[where] = weights.get(where, 0) + page.transferred_bytes
        self._replace("gapwatch_page_weight_bytes", labels, ("page",), weights)
        share = run.search.success_share if run.search else None
        self._replace("gapwatch_search_success_ratio", labels, (), {} if share is None else {(): share})
        asked_twice: dict[tuple[str, ...], float] = {(): len(run.forms.duplicates)} if run.forms else {}
        self._replace("gapwatch_form_duplicate_fields", labels, (), asked_twice)
        expiry = run.http.certificate_expiry if run.http else None
        if expiry is not None:
            # Kept when the next check cannot see a certificate: an expired one must not end its own alert.
            self._set("gapwatch_tls_certificate_expiry_timestamp_seconds", expiry.timestamp(), labels)

    def _latest_timings(self, run: Run, labels: Labels) -> None:
        vitals: dict[tuple[str, ...], float] = {}
        shifts: dict[tuple[str, ...], float] = {}
        for page in _service_pages(run):
            where = self._step(run, page.step)
            # A step that led over several pages shows the worst of them.
            for vital, value in _vitals(page).items():
                vitals[where, vital] = max(value, vitals.get((where, vital), value))
            if page.cls is not None:
                shifts[where,] = max(page.cls, shifts.get((where,), page.cls))
        self._replace("gapwatch_web_vital_seconds", labels, ("page", "vital"), vitals)
        self._replace("gapwatch_web_vital_cls", labels, ("page",), shifts)
        self._replace(
            "gapwatch_http_phase_seconds",
            labels,
            ("phase",),
            _phases(run.http if run.outcome in TIMED_OUTCOMES else None),
        )

    # The registry underneath.

    def _step(self, run: Run, name: str) -> str:
        return self._steps.fit((run.portal, run.scenario), name)

    def _bounded_reason(self, owner: str, said: str) -> str:
        with self._lock:
            return self._reasons.fit(owner, leading_word(said))

    def _metric(self, name: str) -> Counter | Gauge | CarriedHistogram:
        return self._counters.get(name) or self._gauges.get(name) or self._histograms[name]

    def _inc(self, name: str, labels: Labels, amount: float = 1) -> None:
        self._counters[name].labels(**labels).inc(amount)

    def _observe(self, name: str, seconds: float, labels: Labels) -> None:
        # One NaN would make the sum NaN for as long as the process lives.
        if math.isfinite(seconds):
            self._histograms[name].labels(**labels).observe(seconds)

    def _set(self, name: str, value: float, labels: Labels) -> None:
        self._gauges[name].labels(**labels).set(value)
        self._series[name].add(tuple(labels[label] for label in SPECS[name].labels))

    def _with_labels(self, spec: MetricSpec, labels: Labels) -> set[tuple[str, ...]]:
        wanted = {spec.labels.index(label): value for label, value in labels.items()}
        return {
            values
            for values in self._series[spec.name]
            if all(values[index] == value for index, value in wanted.items())
        }

    def _replace(
        self, name: str, labels: Labels, more: tuple[str, ...], values: Mapping[tuple[str, ...], float]
    ) -> None:
        """Set the gauge's series that have `labels` to exactly `values`, whose keys are the values of `more`."""
        with self._lock:
            spec = SPECS[name]
            before = self._with_labels(spec, labels)
            for key, value in values.items():
                if not math.isfinite(value):
                    continue
                every = {**labels, **dict(zip(more, key, strict=True))}
                self._set(name, value, every)
                before.discard(tuple(every[label] for label in spec.labels))
            for gone in before:
                self._gauges[name].remove(*gone)
                self._series[name].discard(gone)

    def _restore_series(
        self, spec: MetricSpec, labels: Labels, samples: list[Sample], known: Collection[RunKey]
    ) -> None:
        if {"portal", "scenario"} <= labels.keys() and not self._wanted(labels["portal"], labels["scenario"]):
            return
        for label in ("step", "page"):
            if (
                label in labels
                and self._steps.fit((labels["portal"], labels["scenario"]), labels[label]) != labels[label]
            ):
                return
        if spec.type == "counter":
            self._inc(spec.name, labels, sum(sample.value for sample in samples))
        elif spec.type == "histogram":
            self._histograms[spec.name].carry(labels, samples)
        else:
            self._restore_gauge(spec, labels, samples[0].value, known)

    def _restore_gauge(self, spec: MetricSpec, labels: Labels, value: float, known: Collection[RunKey]) -> None:
        key: RunKey = tuple(labels.get(label, "") for label in RUN_LABELS)  # type: ignore[assignment]  # four labels
        stamps = {
            "gapwatch_run_last_timestamp_seconds": self._newest,
            "gapwatch_run_last_success_timestamp_seconds": self._succeeded,
        }.get(spec.name)
        if stamps is not None:
            value = stamps[key] = max(value, stamps.get(key, value))
            self._set(spec.name, value, labels)
        elif spec.of_latest_run and key in known:
            return
        elif tuple(labels[label] for label in spec.labels) not in self._series[spec.name]:
            self._set(spec.name, value, labels)


def _service_pages(run: Run) -> tuple[PageMetrics, ...]:
    """The pages of the service itself: a firewall's or a maintenance page must not show as a light, quick portal."""
    return run.pages if run.outcome in TIMED_OUTCOMES else ()


def _vitals(page: PageMetrics) -> dict[str, float]:
    values = {vital: getattr(page, f"{vital}_seconds") for vital in _VITALS}
    return {vital: value for vital, value in values.items() if value is not None}


def _phases(http: HttpResult | None) -> dict[tuple[str, ...], float]:
    if http is None:
        return {}
    values = {phase: getattr(http.phases, phase) for phase in _PHASES}
    return {(phase,): value for phase, value in values.items() if value is not None}
