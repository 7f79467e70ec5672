"""From a request to a Run by way of a browser: a fresh context, the journey, its evidence, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from probes import evidence, har
from probes.browsers import NETWORKS
from probes.host import HostWatch, invalid_reasons
from probes.journey import Journey
from probes.pages import FlowPages
from probes.pool import LAUNCH_SECONDS, BrowserPool, shape_network
from probes.prober import RunRequest
from probes.run import Evidence, Finding, HostState, Outcome, Run, SearchResult, StepResult
from probes.slowness import vital_findings
from probes.trouble import ProbeError, from_playwright
from scenarios.citizen import synthetic_citizen
from scenarios.variables import Redactor, Variables, portal_variables

log = logging.getLogger(__name__)

#: A browser's start ends by itself a little before this.
START_SECONDS = LAUNCH_SECONDS + 5.0
#: User agent, context and page together: a second or two, unless the browser is frozen.
SETUP_SECONDS = 20.0
#: What comes after the deadline (evidence, closing) must fit in five seconds with the context's own closing time.
EVIDENCE_SECONDS = 3.0


@dataclass(slots=True)
class _Work:
    """What one run has come to so far; whatever happens, a Run is made of it."""

    started_at: datetime
    journey: Journey | None = None
    trouble: ProbeError | None = None
    timed_out: bool = False
    kept: Evidence | None = None
    host: HostState | None = None


async def run_in_browser(pool: BrowserPool, request: RunRequest, run_id: str, probe_version: str | None) -> Run:
    """The Run of `request`; own trouble is its outcome, only cancellation and programming errors are raised."""
    work = _Work(datetime.now(UTC))
    version = None
    try:
        browser = await asyncio.wait_for(pool.browser(request.browser), START_SECONDS)
        version = browser.version
        watch = HostWatch(version, probe_version)
        watch.start()
        try:
            await _in_context(pool, browser, request, run_id, work)
        finally:
            work.host = watch.stop()
            if request.har and request.evidence_dir is not None:
                # The browser writes it when the context closes, so it comes after all other evidence.
                secrets = list(request.portal.secrets.values())
                har.finish(request.evidence_dir, run_id, secrets, wanted=work.kept is not None)
    except ProbeError as error:
        work.trouble = error
    except TimeoutError:
        work.trouble = ProbeError("setup_timeout", f"no browser was ready within {START_SECONDS:g} s")
    if work.trouble is not None:
        log.warning("run %s of %s/%s: %s", run_id, request.portal.name, request.flow.scenario.name, work.trouble)
    return _as_run(request, run_id, work, HostState(browser_version=version, probe_version=probe_version))


async def _in_context(pool: BrowserPool, browser: Browser, request: RunRequest, run_id: str, work: _Work) -> None:
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(SETUP_SECONDS):
                options = await _context_options(pool, browser, request, run_id)
                context = await stack.enter_async_context(pool.context(request.browser, request.device, **options))
                page = await _prepared_page(context, request)
        except TimeoutError as error:
            await pool.replace(browser, "stuck")
            message = f"the browser gave no page within {SETUP_SECONDS:g} s and is replaced"
            raise ProbeError("setup_timeout", message) from error
        except PlaywrightError as error:
            trouble = from_playwright(error)
            raise trouble if isinstance(trouble, ProbeError) else ProbeError("setup", str(error)[:300]) from error
        await _walk(page, context, request, run_id, work)
        if work.trouble is not None and work.trouble.reason == "browser_stuck":
            await pool.replace(context.browser or browser, "stuck")


async def _context_options(pool: BrowserPool, browser: Browser, request: RunRequest, run_id: str) -> dict[str, Any]:
    portal = request.portal
    options: dict[str, Any] = {
        "locale": portal.locale,
        "timezone_id": portal.timezone,
        "ignore_https_errors": portal.ignore_https_errors,
        "accept_downloads": True,
        "service_workers": "allow",
    }
    if request.har and request.evidence_dir is not None:
        options |= har.recording(request.evidence_dir, run_id)
    if portal.user_agent_suffix:
        options["user_agent"] = await pool.user_agent(browser, request.device, portal.user_agent_suffix)
    return options


async def _prepared_page(context: BrowserContext, request: RunRequest) -> Page:
    await FlowPages.prepare(context)
    page = await context.new_page()
    await shape_network(page, request.browser, request.network)
    if request.evidence_dir is not None:
        await evidence.start_trace(context)
    return page


async def _walk(page: Page, context: BrowserContext, request: RunRequest, run_id: str, work: _Work) -> None:
    portal, secrets = request.portal, list(request.portal.secrets.values())
    limit = request.deadline_seconds or request.flow.scenario.deadline
    citizen = synthetic_citizen(run_id)
    journey = Journey(
        page,
        portal,
        request.flow,
        variables=Variables(portal_variables(portal, citizen)),
        redact=Redactor(secrets),
        deadline=time.monotonic() + limit,
        simulated_network=NETWORKS.get(request.network) is not None,
    )
    work.journey = journey
    try:
        async with asyncio.timeout(limit + 1.0):
            await journey.walk(request.on_step or (lambda _index, _count, _result: None))
            await journey.finish()
    except TimeoutError:
        work.trouble = await journey.cut_off()
    except ProbeError as error:
        work.trouble = error
    except PlaywrightError as error:
        trouble = from_playwright(error)
        work.trouble = trouble if isinstance(trouble, ProbeError) else ProbeError("playwright", str(error)[:300])
    stuck = work.trouble is not None and work.trouble.reason == "browser_stuck"
    wanted = work.trouble is not None or _outcome(journey) not in ("passed", "degraded")
    if request.evidence_dir is not None and wanted and not stuck:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVIDENCE_SECONDS):
                work.kept = await evidence.keep(page, context, request.evidence_dir, run_id, secrets)


def _findings(journey: Journey) -> tuple[Finding, ...]:
    found = list(journey.signals.findings)
    for finding in vital_findings(journey.pages.metrics()):
        if not any(each.class_ == "slow" and each.step == finding.step for each in found):
            found.append(finding)
    forms = journey.forms.result()
    if forms is not None and forms.duplicates:
        asked = ", ".join(dict.fromkeys(forms.duplicates))
        found.append(Finding("duplicate_fields", "minor", None, f"asked again in the same flow: {asked}"[:300]))
    return tuple(found)


def _outcome(journey: Journey) -> Outcome:
    return verdict(_findings(journey), journey.results)


def verdict(findings: Sequence[Finding], steps: Sequence[StepResult]) -> Outcome:
    """The outcome of a run that the probe itself did not spoil.

    A wall (firewall, maintenance) is named as such. Critical findings fail the run; a hard step that fails always
    brings one. It is degraded where the citizen got through, but a soft step failed or something major was in the way.
    """
    critical = {finding.class_ for finding in findings if finding.severity == "critical"}
    if "blocked" in critical:
        return "blocked"
    if "maintenance" in critical:
        return "maintenance"
    if critical:
        return "failed"
    if any(step.outcome == "failed" for step in steps) or any(finding.severity == "major" for finding in findings):
        return "degraded"
    return "passed"


def _as_run(request: RunRequest, run_id: str, work: _Work, no_host: HostState) -> Run:
    journey, scenario = work.journey, request.flow.scenario
    limit = request.deadline_seconds or scenario.deadline
    host = work.host or no_host
    steps = tuple(journey.results) if journey else ()
    timed_out = bool(journey and journey.timed_out)
    duration = limit if timed_out else sum(step.duration_seconds or 0.0 for step in steps)
    reasons = invalid_reasons(host)
    # Slowness measured on a busy host is the host's; every other finding stands whatever the host did.
    findings = tuple(
        each for each in (_findings(journey) if journey else ()) if not (reasons and each.class_ == "slow")
    )
    outcome: Outcome = "error" if work.trouble or journey is None else verdict(findings, journey.results)
    return Run(
        run_id=run_id,
        portal=request.portal.name,
        scenario=scenario.name,
        kind=scenario.kind,
        location=request.location,
        browser=request.browser,
        device=request.device,
        network=request.network,
        started_at=work.started_at,
        duration_seconds=duration,
        deadline_seconds=limit,
        outcome=outcome,
        timed_out=timed_out,
        error_reason=work.trouble.reason if work.trouble else None,
        dry_stop=journey.dry_stop if journey else None,
        steps=steps,
        pages=journey.pages.metrics() if journey else (),
        findings=findings,
        search=SearchResult(tuple(journey.searches)) if journey and journey.searches else None,
        forms=journey.forms.result() if journey else None,
        timing_valid=not reasons and outcome != "error",
        invalid_reasons=reasons if outcome != "error" else ("probe_error",),
        host=host,
        evidence=work.kept,
    )
