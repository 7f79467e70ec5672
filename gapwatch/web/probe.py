"""`/probe`: Prometheus asks for one run of a configured scenario, in the manner of blackbox_exporter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from exporters.metrics import CONTENT_TYPE
from gapwatch.config import Job
from gapwatch.runner import Runner
from gapwatch.state import State
from gapwatch.web.app import SERVICES
from probes.run import Run

#: What is left of Prometheus' patience for sending the answer.
MARGIN_SECONDS = 0.25
SHORTEST_SECONDS = 0.5
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"


async def probe(request: web.Request) -> web.Response:
    """Run `module` (a scenario) on `target` (a portal), both by their names in the configuration, and no others.

    An HTTP check is cut to what Prometheus will wait for. A journey takes its own time: where that is longer, the
    answer is the result before it, with its age, and the journey goes on for the next one.

    With `debug=true` the answer is a text for people: what the run did and found, and the metrics that it would give.

    400: a parameter is missing or wrong. 404: the configuration has no such name. 503: the probe's own trouble, so
    that Prometheus sees a failed scrape and not a failed portal.
    """
    services = request.app[SERVICES]
    try:
        patience = scrape_timeout(request.headers.get(TIMEOUT_HEADER))
        job, debug = _asked(services.state, request.query)
    except ValueError:
        return _said(400, f"{TIMEOUT_HEADER} is not a positive number")
    except _RefusedError as error:
        return _said(error.status, str(error))
    before = services.state.last_run(job)
    run = await request.app[PROBING].run(services.runner, job, patience)
    return _answer(run or before, debug=debug, earlier=run is None)


class _RefusedError(Exception):
    """What is asked for cannot be run: an HTTP status and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _asked(state: State, query: Mapping[str, str]) -> tuple[Job, bool]:
    """The job that is asked for, and whether people want to read the answer."""
    target, module, debug = query.get("target"), query.get("module"), query.get("debug", "false")
    if not target or not module:
        raise _RefusedError(400, "give target (a portal's name) and module (a scenario's name)")
    if debug not in ("true", "false"):
        raise _RefusedError(400, "debug is true or false")
    job = find_job(state, target, module, query.get("browser"))
    if job is None:
        raise _RefusedError(404, "the configuration has no such portal and scenario; an address is not a name")
    return job, debug == "true"


def _answer(run: Run | None, *, debug: bool, earlier: bool) -> web.Response:
    if run is None:
        return _said(503, "the run takes longer than the scrape timeout, and there is no result before it")
    if debug:
        return web.Response(text=explain(run, earlier=earlier))
    if run.outcome == "error":
        return _said(503, f"the probe's own trouble: {run.error_reason}")
    return web.Response(body=render(run), headers={"Content-Type": CONTENT_TYPE})


class Probing:
    """Runs asked for by `/probe`: one at a time for a job, however many ask, and none is lost when nobody waits."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Run]] = {}

    async def run(self, runner: Runner, job: Job, patience: float | None) -> Run | None:
        """The run of `job`, or None where it takes longer than `patience` seconds."""
        task = self._under_way.get(job.id)
        if task is None:
            limit = None if job.needs_browser or patience is None else max(SHORTEST_SECONDS, patience - MARGIN_SECONDS)
            task = asyncio.create_task(runner.run(job, deadline_seconds=limit, retest=False), name=f"probe {job.id}")
            self._under_way[job.id] = task
            task.add_done_callback(lambda _: self._under_way.pop(job.id, None))
        await asyncio.wait({task}, timeout=patience)
        return task.result() if task.done() and not task.cancelled() else None


PROBING = web.AppKey("probing", Probing)


def scrape_timeout(header: str | None) -> float | None:
    """Seconds until an answer is of no use any more, None where nobody says; ValueError for what is no duration."""
    if header is None:
        return None
    seconds = float(header)
    if not 0 < seconds < float("inf"):
        raise ValueError(header)
    return max(SHORTEST_SECONDS, seconds - MARGIN_SECONDS)


def find_job(state: State, portal: str, scenario: str, browser: str | None) -> Job | None:
    """The configuration's first job with these names."""
    for job in state.config.jobs:
        if (job.portal.name, job.scenario) == (portal, scenario) and browser in (None, job.browser):
            return job
    return None


def _said(status: int, message: str) -> web.Response:
    return web.Response(status=status, text=f"{message}\n")


def render(run: Run) -> bytes:
    """One run as metrics with blackbox_exporter's names, in a registry of its own."""
    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(name, text, registry=registry).set(value)

    gauge("probe_success", "1: passed (degraded or not), 0: the portal failed.", run.outcome in ("passed", "degraded"))
    gauge("probe_duration_seconds", "Seconds that a citizen waits in the run.", run.duration_seconds)
    age = max(0.0, (datetime.now(UTC) - run.started_at).total_seconds() - run.duration_seconds)
    gauge("probe_result_age_seconds", "Seconds since the run ended; large where it is an earlier result.", age)
    gauge("probe_timing_valid", "Whether the host could time it.", run.timing_valid)
    if run.steps:
        steps = Gauge("probe_step_duration_seconds", "Seconds of each step.", ["step"], registry=registry)
        for step in run.steps:
            if step.duration_seconds is not None:
                steps.labels(step=step.name).set(step.duration_seconds)
    if run.http is not None:
        _render_http(run, registry)
    return generate_latest(registry)


def explain(run: Run, *, earlier: bool) -> str:
    """What a run did and found, in lines for people, and its metrics; `earlier`: not the run that was asked for."""
    began = run.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    lines = [
        f"run {run.run_id}: {run.portal}/{run.scenario} with {run.browser} at {run.location}, began {began}",
        *(["this is the result before: the run that was asked for goes on"] if earlier else []),
        f"outcome: {run.outcome}" + (f" ({run.error_reason})" if run.error_reason else ""),
        f"waited: {run.duration_seconds:.3f} s of at most {run.deadline_seconds:g} s" + " (timed out)" * run.timed_out,
        "timing valid: " + ("yes" if run.timing_valid else f"no ({', '.join(run.invalid_reasons)})"),
        *([f"stopped before the submit: {run.dry_stop}"] if run.dry_stop else []),
        "",
        "steps:",
        *(f"  {step.name}: {step.outcome}, {_seconds(step.duration_seconds)}" for step in run.steps),
        "pages:",
        *(f"  {page.url} ({page.step}): TTFB {_seconds(page.ttfb_seconds)}, LCP {_seconds(page.lcp_seconds)}"
          for page in run.pages),
        "findings:",
        *(f"  {finding.severity} {finding.class_}: {finding.message}" for finding in run.findings),
        "",
        "metrics:",
    ]  # fmt: skip
    return "\n".join(lines) + "\n" + render(run).decode("utf-8")


def _seconds(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f} s"


def _render_http(run: Run, registry: CollectorRegistry) -> None:
    http = run.http
    assert http is not None
    phases = Gauge("probe_http_duration_seconds", "Seconds of each phase.", ["phase"], registry=registry)
    for phase in ("resolve", "connect", "tls", "processing", "transfer"):
        if (seconds := getattr(http.phases, phase)) is not None:
            phases.labels(phase=phase).set(seconds)
    if http.status is not None:
        Gauge("probe_http_status_code", "Status of the last answer.", registry=registry).set(http.status)
    Gauge("probe_http_redirects", "Redirects that were followed.", registry=registry).set(http.redirects)
    if http.body_bytes is not None:
        name = "probe_http_uncompressed_body_length"
        Gauge(name, "Bytes of the body.", registry=registry).set(http.body_bytes)
    if http.certificate_expiry is not None:
        name = "probe_ssl_earliest_cert_expiry"
        Gauge(name, "Unix time at which the certificate expires.", registry=registry).set(
            http.certificate_expiry.timestamp()
        )
