"""OTLP over HTTP against a receiver that parses what comes: traces, metrics, headers, and collectors that fail."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from prometheus_client.parser import text_string_to_metric_families

from exporters.fanout import Fanout
from exporters.metrics import RunMetrics
from exporters.otlp import OtlpError, OtlpExporter, trace_id
from exporters.otlp_target import OtlpTarget
from exporters.store import Store
from gapwatch.config import load_config
from tests.exporters_runs import full_run, make_run
from tests.gapwatch_processes import daemon, portal, wait_until, write_config
from tests.monitoring_servers import free_port


@dataclass
class Collector:
    """What came in."""

    url: str = ""
    status: int = 200
    spans: list[Any] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def traces(self, request: web.Request) -> web.Response:
        message = ExportTraceServiceRequest.FromString(await self._body(request))
        for each in message.resource_spans:
            self.resource = {pair.key: pair.value.string_value for pair in each.resource.attributes}
            self.spans += [span for scope in each.scope_spans for span in scope.spans]
        return self._answer(ExportTraceServiceResponse())

    async def points(self, request: web.Request) -> web.Response:
        message = ExportMetricsServiceRequest.FromString(await self._body(request))
        self.metrics = {
            metric.name: metric for each in message.resource_metrics for s in each.scope_metrics for metric in s.metrics
        }
        return self._answer(ExportMetricsServiceResponse())

    async def _body(self, request: web.Request) -> bytes:
        self.headers.append(dict(request.headers))
        assert request.content_type == "application/x-protobuf"
        body = await request.read()
        return gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body

    def _answer(self, message: Any) -> web.Response:
        body = message.SerializeToString()
        return web.Response(status=self.status, body=body, content_type="application/x-protobuf")


@contextlib.asynccontextmanager
async def collecting(port: int = 0) -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.add_routes([web.post("/v1/traces", collector.traces), web.post("/v1/metrics", collector.points)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


def attributes(thing: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in thing.attributes}


async def test_a_run_is_a_trace_with_a_span_a_step() -> None:
    run = full_run(1, run_id="run-7")
    async with collecting() as collector:
        exporter = OtlpExporter(OtlpTarget(collector.url, {"X-Token": "t0ken"}), RunMetrics(), location="semarang")
        await exporter.export(run)
        await exporter.close()
    root, first, second = collector.spans
    assert {span.trace_id.hex() for span in collector.spans} == {trace_id("run-7")}
    assert len({span.span_id for span in collector.spans}) == 3
    assert (root.parent_span_id, first.parent_span_id, second.parent_span_id) == (b"", root.span_id, root.span_id)
    assert (root.name, first.name, second.name) == ("demo home", "open home", "search")
    assert root.start_time_unix_nano == int(run.started_at.timestamp() * 1e9)
    assert root.end_time_unix_nano - root.start_time_unix_nano == 30_000_000_000
    assert first.end_time_unix_nano == second.start_time_unix_nano
    assert second.end_time_unix_nano == root.end_time_unix_nano
    told = attributes(root)
    assert (told["gapwatch.run_id"], told["gapwatch.outcome"], told["gapwatch.timing_valid"]) == (
        "run-7",
        "failed",
        True,
    )
    # 1 is OK, 2 is ERROR in OTLP.
    assert [span.status.code for span in collector.spans] == [2, 1, 2]
    assert root.status.message == "timeout: the hits did not come in 28.5 s"
    assert [attributes(event)["gapwatch.finding.class"] for event in root.events] == ["slow"]
    assert [attributes(event)["gapwatch.finding.class"] for event in second.events] == ["timeout"]
    assert collector.resource["service.name"] == "gapwatch"
    assert collector.resource["service.instance.id"] == "semarang"
    assert {lower(headers).get("x-token") for headers in collector.headers} == {"t0ken"}


async def test_a_step_that_was_skipped_has_no_span_and_own_trouble_is_named() -> None:
    from probes.run import StepResult

    steps = (StepResult("open", "error", 0.5), StepResult("search", "skipped", None))
    async with collecting() as collector:
        exporter = OtlpExporter(OtlpTarget(collector.url), RunMetrics(), location="local")
        await exporter.export(make_run(1, outcome="error", steps=steps))
        await exporter.close()
    assert [span.name for span in collector.spans] == ["demo home", "open"]
    assert attributes(collector.spans[0])["error.type"] == "browser_died"
    assert collector.spans[0].status.message == "browser_died"


async def test_metrics_are_those_of_the_registry() -> None:
    metrics = RunMetrics(objectives=(7.0,))
    metrics.observe(full_run(1))
    metrics.observe(make_run(2))
    async with collecting() as collector:
        exporter = OtlpExporter(OtlpTarget(collector.url), metrics, location="local")
        await exporter.export(make_run(2))
        await exporter.close()
    rendered = list(text_string_to_metric_families(metrics.render().decode()))
    names = {f"{each.name}_total" if each.type == "counter" else each.name for each in rendered if each.samples}
    assert set(collector.metrics) == names
    runs = collector.metrics["gapwatch_runs_total"].sum
    assert runs.is_monotonic
    assert runs.aggregation_temporality == 2  # cumulative
    assert {attributes(each)["outcome"]: each.as_double for each in runs.data_points if each.as_double} == {
        "failed": 1.0,
        "passed": 1.0,
    }
    [point] = collector.metrics["gapwatch_run_duration_seconds"].histogram.data_points
    assert (point.count, point.sum) == (2, 31.5)
    assert 7.0 in point.explicit_bounds
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert sum(point.bucket_counts) == 2
    below = sum(count for bound, count in zip(point.explicit_bounds, point.bucket_counts, strict=False) if bound <= 7.0)
    assert below == 1
    assert collector.metrics["gapwatch_run_duration_seconds"].unit == "s"
    weight = collector.metrics["gapwatch_page_weight_bytes"]
    assert (weight.unit, weight.gauge.data_points[0].as_double) == ("By", 300_000.0)


@pytest.mark.parametrize("status", [400, 500])
async def test_a_collector_that_refuses_is_an_error_with_its_address(status: int) -> None:
    async with collecting() as collector:
        collector.status = status
        exporter = OtlpExporter(OtlpTarget(collector.url), RunMetrics(), location="local", timeout=0.5)
        with pytest.raises(OtlpError, match=rf"{collector.url} did not take the trace"):
            await exporter.export(make_run(1))
        with pytest.raises(OtlpError, match="did not take the metrics"):
            await exporter.close()


async def test_a_dead_collector_is_a_counted_drop_and_the_store_has_all(tmp_path: Path) -> None:
    metrics = RunMetrics()
    target = OtlpTarget(f"http://127.0.0.1:{free_port()}")
    with Store.open(tmp_path / "runs.db") as store:
        exporter = OtlpExporter(target, metrics, location="local", timeout=0.3)
        fanout = Fanout(store, [exporter], metrics, queue_size=3)
        began = asyncio.get_running_loop().time()
        for number in range(20):
            assert await fanout.publish(make_run(number))
        assert asyncio.get_running_loop().time() - began < 5
        await fanout.close(10)
        assert store.count() == 20
    dropped = metrics.registry.get_sample_value("gapwatch_exporter_dropped_total", {"exporter": "otlp"})
    assert dropped == 20
    assert metrics.registry.get_sample_value("gapwatch_exporter_dropped_total", {"exporter": "store"}) == 0


async def test_a_collector_that_comes_back_gets_what_comes_then(tmp_path: Path) -> None:
    metrics, port = RunMetrics(), free_port()
    exporter = OtlpExporter(OtlpTarget(f"http://127.0.0.1:{port}"), metrics, location="local", timeout=0.3)
    fanout = Fanout(None, [exporter], metrics)
    await fanout.publish(make_run(1))
    lost = {"exporter": "otlp"}
    while not metrics.registry.get_sample_value("gapwatch_exporter_dropped_total", lost):  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.02)  # the drop is told by nothing but its counter
    async with collecting(port) as collector:
        await fanout.publish(make_run(2, run_id="back"))
        await fanout.close()
    assert {span.trace_id.hex() for span in collector.spans} == {trace_id("back")}
    assert metrics.registry.get_sample_value("gapwatch_exporter_dropped_total", lost) == 1


@pytest.mark.server
async def test_the_daemon_sends_runs_and_hides_the_header(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer canary-token\n")
    async with collecting() as collector:
        head = f"exporters:\n  otlp: {{endpoint: '{collector.url}', headers: {{authorization: 'file:token'}}}}\n"
        head += "  jsonlines: runs.jsonl\n  textfile: gapwatch.prom\n"

        def run() -> None:
            with portal() as url:
                config = write_config(tmp_path, url, "      - {scenario: up.yaml, every: 1s, deadline: 1s}\n", head)
                assert "canary" not in repr(load_config(config))
                with daemon(tmp_path, config) as running:
                    wait_until(lambda: len({span.trace_id for span in collector.spans}) >= 2)
                    assert running.end() == 0
                    assert "canary" not in running.log

        await asyncio.to_thread(run)
    assert {headers["authorization"] for headers in map(lower, collector.headers)} == {"Bearer canary-token"}
    assert "gapwatch_runs_total" in collector.metrics
    assert (tmp_path / "runs.jsonl").read_text().count("\n") >= 2
    assert "gapwatch_runs_total{" in (tmp_path / "gapwatch.prom").read_text()


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
