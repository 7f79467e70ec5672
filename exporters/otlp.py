"""Runs to an OpenTelemetry collector, by OTLP over HTTP: a trace a run with a span a step, and the metrics.

The metrics are those of `exporters.metric_specs`, read from the same registry that `/metrics` renders, so that names
and counts are the same wherever one looks. The trace's id is made of the run's id: who has the one finds the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from exporters.metric_specs import SPECS
from exporters.metrics import RunMetrics, package_version
from exporters.otlp_target import OtlpTarget
from probes.run import Run, StepResult

#: Seconds for one request with its retries: within the Fanout's own limit for one export.
REQUEST_SECONDS = 5.0
#: Metrics go out at most this often, in seconds; the newest state goes out at the end.
METRICS_EVERY = 10.0
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNITS = {"_seconds": "s", "_bytes": "By", "_ratio": "1"}


class OtlpError(Exception):
    """The collector did not take what was sent; the log of the OpenTelemetry exporter says why."""


def trace_id(run_id: str) -> str:
    """The id of a run's trace, as 32 hexadecimal digits."""
    return _digest(run_id, 16).hex()


def _digest(text: str, size: int) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()[:size]


class OtlpExporter:
    """Sends each run as a trace, and the metrics from time to time. Raises OtlpError where the collector refuses."""

    name = "otlp"

    def __init__(
        self,
        target: OtlpTarget,
        metrics: RunMetrics,
        *,
        location: str,
        timeout: float = REQUEST_SECONDS,
        metrics_every: float = METRICS_EVERY,
    ) -> None:
        base, headers = target.endpoint.rstrip("/"), dict(target.headers)
        self._where = base
        self._spans = OTLPSpanExporter(f"{base}/v1/traces", headers=headers, timeout=timeout)
        self._points = OTLPMetricExporter(f"{base}/v1/metrics", headers=headers, timeout=timeout)
        self._metrics = metrics
        self._every = metrics_every
        self._sent = float("-inf")
        self._began = time.time_ns()
        self._resource = Resource.create(
            {"service.name": "gapwatch", "service.version": package_version(), "service.instance.id": location}
        )

    async def export(self, run: Run) -> None:
        """Send the run's trace, and the metrics if it is time. Raises OtlpError."""
        result = await asyncio.to_thread(self._spans.export, spans_of(run, self._resource))
        if result is not SpanExportResult.SUCCESS:
            raise OtlpError(f"{self._where} did not take the trace")
        if time.monotonic() - self._sent >= self._every:
            await self._send_metrics()

    async def close(self) -> None:
        """Send the metrics a last time. Raises OtlpError."""
        try:
            await self._send_metrics()
        finally:
            self._spans.shutdown()  # type: ignore[no-untyped-call]  # OpenTelemetry's
            self._points.shutdown()

    async def _send_metrics(self) -> None:
        self._sent = time.monotonic()
        data = metrics_data(self._metrics.registry.collect(), self._resource, self._began)
        result = await asyncio.to_thread(self._points.export, data)
        if result is not sdk.MetricExportResult.SUCCESS:
            raise OtlpError(f"{self._where} did not take the metrics")


# A run as spans.


def spans_of(run: Run, resource: Resource) -> list[ReadableSpan]:
    """The run's span and, in it, one for each step that was tried.

    A run knows how long each step was waited for, not when it began; the steps' spans therefore follow one another
    without the pauses between them.
    """
    trace = int.from_bytes(_digest(run.run_id, 16))
    began = int(run.started_at.timestamp() * 1e9)
    root = _context(trace, run.run_id)

    def span(name: str, context: SpanContext, start: int, seconds: float, **more: Any) -> ReadableSpan:
        return ReadableSpan(
            name=name,
            context=context,
            resource=resource,
            instrumentation_scope=InstrumentationScope("gapwatch", package_version()),
            start_time=start,
            end_time=start + int(seconds * 1e9),
            **more,
        )

    spans = [
        span(
            f"{run.portal} {run.scenario}", root, began, run.duration_seconds, kind=SpanKind.CLIENT,
            attributes=_run_attributes(run), status=_run_status(run), events=_events(run, None, began),
        )
    ]  # fmt: skip
    start = began
    for index, step in enumerate(run.steps):
        if step.duration_seconds is None:
            continue
        spans.append(
            span(
                step.name, _context(trace, f"{run.run_id}/{index}"), start, step.duration_seconds, parent=root,
                attributes={"gapwatch.step.outcome": step.outcome, "gapwatch.step.timed_out": step.timed_out},
                status=_step_status(step), events=_events(run, step.name, start),
            )
        )  # fmt: skip
        start += int(step.duration_seconds * 1e9)
    return spans


def _context(trace: int, name: str) -> SpanContext:
    return SpanContext(trace, int.from_bytes(_digest(f"span {name}", 8)), is_remote=False, trace_flags=_SAMPLED)


def _run_attributes(run: Run) -> dict[str, str | bool | float]:
    words: dict[str, str | bool | float | None] = {
        "gapwatch.run_id": run.run_id,
        "gapwatch.outcome": run.outcome,
        "gapwatch.kind": run.kind,
        **{f"gapwatch.{name}": getattr(run, name) for name in ("portal", "scenario", "location", "browser", "device")},
        "gapwatch.network": run.network,
        "gapwatch.timing_valid": run.timing_valid,
        "gapwatch.timed_out": run.timed_out,
        "gapwatch.deadline_seconds": run.deadline_seconds,
        "error.type": run.error_reason,
    }
    return {name: value for name, value in words.items() if value is not None}


def _run_status(run: Run) -> Status:
    if run.outcome in ("passed", "degraded"):
        return Status(StatusCode.OK)
    worst = next((finding for finding in run.findings if finding.severity == "critical"), None)
    words = run.error_reason or (f"{worst.class_}: {worst.message}" if worst else run.outcome)
    return Status(StatusCode.ERROR, words[:500])


def _step_status(step: StepResult) -> Status:
    return Status(StatusCode.OK) if step.outcome == "passed" else Status(StatusCode.ERROR, step.outcome)


def _events(run: Run, step: str | None, moment: int) -> list[Event]:
    """The findings of a step, or those of no step."""
    return [
        Event(
            "finding",
            {
                "gapwatch.finding.class": finding.class_,
                "gapwatch.finding.severity": finding.severity,
                "gapwatch.finding.message": finding.message,
            },
            timestamp=moment,
        )
        for finding in run.findings
        if finding.step == step
    ]


# The registry as OTLP metrics.


def metrics_data(families: Iterable[Metric], resource: Resource, began: int) -> sdk.MetricsData:
    """Families of a Prometheus registry as cumulative OTLP metrics; `began` is the counters' start (Unix, ns)."""
    now = time.time_ns()
    metrics = [metric for family in families if (metric := _metric(family, began, now)) is not None]
    scope = sdk.ScopeMetrics(InstrumentationScope("gapwatch", package_version()), metrics, "")
    return sdk.MetricsData([sdk.ResourceMetrics(resource, [scope], "")])


def _metric(family: Metric, began: int, now: int) -> sdk.Metric | None:
    make: Mapping[str, Callable[[Sequence[Sample], int, int], Any]] = {
        "counter": _sum,
        "gauge": _gauge,
        "histogram": _histogram,
    }
    name = f"{family.name}_total" if family.type == "counter" else family.name
    if name not in SPECS or not family.samples:
        return None
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), None)
    return sdk.Metric(name, family.documentation, unit, make[family.type](family.samples, began, now))


def _sum(samples: Sequence[Sample], began: int, now: int) -> sdk.Sum:
    points = [sdk.NumberDataPoint(each.labels, began, now, each.value) for each in samples]
    return sdk.Sum(points, sdk.AggregationTemporality.CUMULATIVE, is_monotonic=True)


def _gauge(samples: Sequence[Sample], began: int, now: int) -> sdk.Gauge:
    return sdk.Gauge([sdk.NumberDataPoint(each.labels, began, now, each.value) for each in samples])


def _histogram(samples: Sequence[Sample], began: int, now: int) -> sdk.Histogram:
    series: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for each in samples:
        labels = {name: value for name, value in each.labels.items() if name != "le"}
        series.setdefault(tuple(sorted(labels.items())), []).append(each)
    return sdk.Histogram(
        [_histogram_point(dict(labels), each, began, now) for labels, each in series.items()],
        sdk.AggregationTemporality.CUMULATIVE,
    )


def _histogram_point(labels: Mapping[str, str], samples: Sequence[Sample], began: int, now: int) -> Any:
    buckets = sorted((float(each.labels["le"]), each.value) for each in samples if each.name.endswith("_bucket"))
    upto = [int(count) for _, count in buckets]
    return sdk.HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=upto[-1],
        sum=next(each.value for each in samples if each.name.endswith("_sum")),
        bucket_counts=[count - before for before, count in zip([0, *upto], upto, strict=False)],
        explicit_bounds=[bound for bound, _ in buckets[:-1]],
        # Prometheus keeps neither; OTLP leaves out what is None.
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
    )
