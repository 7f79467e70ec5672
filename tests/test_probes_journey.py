"""Journeys in a real browser against the demo portal: what is injected is found, what is healthy is left in peace."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Error as PlaywrightError

from demo_portal.faults import Fault, FaultKind
from demo_portal.server import DemoPortal
from demo_portal.settings import preset
from probes import Probes, Run, RunRequest
from probes.trouble import ProbeError, from_playwright
from scenarios.loader import load_flow, shipped_flows
from scenarios.model import Flow, GoldQuery, Portal

pytestmark = pytest.mark.browser
GOLD = (
    GoldQuery(query="kedai makanan", titles=("56103",), categories=("KBLI",)),
    GoldQuery(query="NIB", categories=("Berita", "Tanya")),
)


@pytest.fixture
async def probes() -> AsyncIterator[Probes]:
    async with Probes() as opened:
        yield opened


def portal_at(url: str, **changes: object) -> Portal:
    return replace(Portal("demo", url, allow_submit=True, gold_queries=GOLD), **changes)  # type: ignore[arg-type]


def shipped(name: str) -> Flow:
    return load_flow(shipped_flows()[name])


def flow(tmp_path: Path, steps: str, head: str = "") -> Flow:
    path = tmp_path / "flow.yaml"
    path.write_text(f"name: test\nkind: page_load\nstep_timeout: 3s\ndeadline: 20s\n{head}steps:\n{steps}")
    return load_flow(path)


def classes(run: Run) -> set[str]:
    return {finding.class_ for finding in run.findings}


async def test_healthy_portal_passes_every_flow(probes: Probes) -> None:
    async with DemoPortal(preset("healthy")) as target:
        for name in shipped_flows():
            run = await probes.run(RunRequest(portal_at(target.url), shipped(name)))
            assert run.outcome == "passed", (name, run.findings, run.steps)
            assert not [each for each in run.findings if each.severity != "minor"]
            assert run.duration_seconds > 0


async def test_every_page_of_a_flow_has_its_timings(probes: Probes) -> None:
    async with DemoPortal(preset("healthy")) as target:
        run = await probes.run(RunRequest(portal_at(target.url), shipped("page_load")))
    home, site_map = run.pages
    assert (home.step, site_map.step) == ("Home", "Site map")
    for page in run.pages:
        assert page.ttfb_seconds is not None
        assert page.load_seconds is not None
        assert page.lcp_seconds is not None
        assert 0 < page.ttfb_seconds < page.load_seconds
        assert page.transferred_bytes is not None
        assert page.transferred_bytes > 1000
    assert home.requests is not None
    assert home.requests > 3


async def test_the_wait_is_the_browsers_own(probes: Probes) -> None:
    slow = preset("healthy", faults=(Fault(kind=FaultKind.DELAY, path="/peta-situs", seconds=0.8),))
    async with DemoPortal(slow) as target:
        run = await probes.run(RunRequest(portal_at(target.url), shipped("page_load")))
    click = next(step for step in run.steps if step.name == "Site map")
    assert click.duration_seconds is not None
    assert 0.8 <= click.duration_seconds < 2.5


async def test_the_surveyed_complaints_are_found(probes: Probes) -> None:
    async with DemoPortal(preset("as_surveyed", seed=7)) as target:
        portal = portal_at(target.url)
        loaded = await probes.run(RunRequest(portal, shipped("page_load")))
        applied = [await probes.run(RunRequest(portal, shipped("register_apply"))) for _ in range(3)]
        asked = await probes.run(RunRequest(portal, shipped("helpdesk")))
    assert "slow" in classes(loaded)
    assert loaded.pages[0].transferred_bytes is not None
    assert loaded.pages[0].transferred_bytes > 2_000_000
    assert any("form_rejected" in classes(run) for run in applied)
    through = next(run for run in applied if run.forms and run.forms.duplicates)
    assert through.forms is not None
    assert {"Nomor Induk Kependudukan (NIK)", "Tanggal lahir", "Alamat"} <= set(through.forms.duplicates)
    assert "duplicate_fields" in classes(through)
    assert asked.outcome == "degraded"


async def test_the_advice_removes_the_repeated_questions(probes: Probes) -> None:
    async with DemoPortal(preset("recommended")) as target:
        run = await probes.run(RunRequest(portal_at(target.url), shipped("register_apply")))
    assert run.outcome == "passed"
    assert run.forms is not None
    assert run.forms.duplicates == ()


FAULTS = [
    (FaultKind.HTTP_STATUS, {"status": 500}, "http_error", "failed"),
    (FaultKind.HTTP_STATUS, {"status": 404}, "http_error", "failed"),
    (FaultKind.SOFT_ERROR, {}, "soft_error", "degraded"),
    (FaultKind.JS_EXCEPTION, {}, "js_exception", "degraded"),
    (FaultKind.CONSOLE_ERROR, {}, "console_error", "passed"),
    (FaultKind.BLANK_PAGE, {}, "blank_page", "failed"),
    (FaultKind.RESET, {}, "navigation_error", "failed"),
    (FaultKind.REDIRECT_LOOP, {}, "redirect_loop", "failed"),
    (FaultKind.STALLED_BODY, {"seconds": 30.0}, "stalled_response", "failed"),
    (FaultKind.DELAY, {"seconds": 30.0}, "timeout", "failed"),
    (FaultKind.WAF, {}, "blocked", "blocked"),
    (FaultKind.CAPTCHA, {}, "blocked", "blocked"),
    (FaultKind.RATE_LIMIT, {}, "blocked", "blocked"),
    (FaultKind.MAINTENANCE, {}, "maintenance", "maintenance"),
    (FaultKind.DIALOG, {}, "dialog", "degraded"),
    (FaultKind.FAILING_ASSET, {}, "failed_request", "passed"),
]


@pytest.mark.parametrize(("kind", "options", "class_", "outcome"), FAULTS, ids=str)
async def test_an_injected_fault_is_named(
    probes: Probes, tmp_path: Path, kind: FaultKind, options: dict[str, object], class_: str, outcome: str
) -> None:
    settings = preset("healthy", faults=(Fault(kind=kind, path="/berita", **options),))  # type: ignore[arg-type]
    steps = "  - open: /berita\n  - expect: {role: heading, name: Berita}\n"
    async with DemoPortal(settings) as target:
        run = await probes.run(RunRequest(portal_at(target.url), flow(tmp_path, steps)))
    assert class_ in classes(run), (run.outcome, run.findings)
    assert run.outcome == outcome


@pytest.mark.parametrize(
    ("kind", "class_"), [(FaultKind.EMPTY_SEARCH, "search_empty"), (FaultKind.IRRELEVANT_SEARCH, "search_irrelevant")]
)
async def test_a_search_that_fails_its_gold_queries_is_found(probes: Probes, kind: FaultKind, class_: str) -> None:
    async with DemoPortal(preset("healthy", faults=(Fault(kind=kind, path="/cari"),))) as target:
        run = await probes.run(RunRequest(portal_at(target.url), shipped("search")))
    assert class_ in classes(run)
    assert run.search is not None
    assert run.search.success_share is not None
    assert run.search.success_share < 1


async def test_lost_input_is_told_from_a_mere_refusal(probes: Probes) -> None:
    fault = Fault(kind=FaultKind.FORM_INPUT_LOST, path="/daftar")
    async with DemoPortal(preset("healthy", faults=(fault,))) as target:
        run = await probes.run(RunRequest(portal_at(target.url), shipped("register_apply")))
    assert {"form_rejected", "form_input_lost"} <= classes(run)
    assert run.outcome == "failed"
    assert run.steps[-1].outcome == "skipped"


async def test_a_failed_run_is_over_by_its_deadline(probes: Probes, tmp_path: Path) -> None:
    fault = Fault(kind=FaultKind.STALLED_BODY, path="/", seconds=60.0)
    async with DemoPortal(preset("healthy", faults=(fault,))) as target:
        began = time.monotonic()
        run = await probes.run(
            RunRequest(portal_at(target.url), flow(tmp_path, "  - open: /\n  - expect: Berita\n"), deadline_seconds=2.0)
        )
        assert time.monotonic() - began < 2.0 + 5.0 + 10.0  # a browser start and a busy machine included
    assert run.outcome == "failed"
    assert run.timed_out
    assert run.duration_seconds == 2.0


async def test_nothing_is_submitted_where_the_portal_does_not_allow_it(probes: Probes) -> None:
    async with DemoPortal(preset("healthy")) as target:
        run = await probes.run(RunRequest(portal_at(target.url, allow_submit=False), shipped("helpdesk")))
        posted = [each for each in target.request_log if each.method == "POST"]
    assert run.outcome == "passed"
    assert run.dry_stop == "Send the question"
    assert run.steps[-1].outcome == "skipped"
    assert posted == []


async def test_evidence_is_kept_of_failures_only_and_holds_no_secret(probes: Probes, tmp_path: Path) -> None:
    secret = "canary-7f3a1c"
    steps = (
        "  - open: /masuk\n"
        '  - fill: {label: Kata sandi, value: "{{ secrets.password }}"}\n'
        "  - expect: {text: not on this page}\n    timeout: 500ms\n"
    )
    kept = tmp_path / "evidence"
    async with DemoPortal(preset("healthy")) as target:
        portal = portal_at(target.url, secrets={"password": secret})
        passed = await probes.run(RunRequest(portal, shipped("page_load"), evidence_dir=kept))
        failed = await probes.run(RunRequest(portal, flow(tmp_path, steps), evidence_dir=kept))
    assert passed.evidence is None
    assert failed.evidence is not None
    assert failed.evidence.screenshot is not None
    assert failed.evidence.trace is not None
    assert (kept / failed.evidence.screenshot).read_bytes().startswith(b"\x89PNG")
    with zipfile.ZipFile(kept / failed.evidence.trace) as trace:
        everything = b"".join(trace.read(name) for name in trace.namelist())
    assert everything
    assert secret.encode() not in everything
    assert secret not in str(failed.as_dict())
    assert sorted(path.name for path in kept.iterdir()) == sorted([failed.evidence.screenshot, failed.evidence.trace])


async def test_a_killed_browser_is_our_trouble_and_is_replaced(tmp_path: Path) -> None:
    reasons: list[str] = []
    fault = Fault(kind=FaultKind.STALLED_BODY, path="/berita", seconds=60.0)
    async with (
        DemoPortal(preset("healthy", faults=(fault,))) as target,
        Probes(on_browser_restart=reasons.append) as mine,
    ):
        portal = portal_at(target.url)
        await mine.run(RunRequest(portal, shipped("http_home")))
        steps = "  - open: /\n  - open: /berita\n    timeout: 3s\n"
        opened = asyncio.Event()
        request = RunRequest(portal, flow(tmp_path, steps), on_step=lambda *_: opened.set())
        running = asyncio.create_task(mine.run(request))
        await opened.wait()
        for process in browser_processes():
            process.kill()
        run = await running
        again = await mine.run(RunRequest(portal, shipped("page_load")))
    assert run.outcome == "error", run.findings
    assert run.error_reason == "browser_gone"
    assert not run.timing_valid
    assert again.outcome == "passed"
    assert reasons == ["disconnected"]


def browser_processes() -> list[psutil.Process]:
    """The browsers that this test started (not their children)."""
    found = []
    for process in psutil.Process(os.getpid()).children(recursive=True):
        # Children of one that was killed just now may be gone or zombies already.
        with contextlib.suppress(psutil.Error):
            if "--remote-debugging-pipe" in process.cmdline():
                found.append(process)
    return found


@pytest.fixture
def frozen() -> Iterator[list[psutil.Process]]:
    """Browsers that a test has stopped: killed at its end, whatever came of it."""
    stopped: list[psutil.Process] = []
    yield stopped
    for process in stopped:
        with contextlib.suppress(psutil.Error):
            process.kill()


def freeze(frozen: list[psutil.Process]) -> None:
    for process in browser_processes():
        frozen.append(process)
        process.suspend()


async def test_a_browser_frozen_between_runs_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: list[psutil.Process]
) -> None:
    monkeypatch.setattr("probes.browser_probe.SETUP_SECONDS", 5.0)
    reasons: list[str] = []
    async with DemoPortal(preset("healthy")) as target, Probes(on_browser_restart=reasons.append) as mine:
        # A suffix makes the probe ask the browser for its user agent first.
        request = RunRequest(portal_at(target.url, user_agent_suffix="(test)"), flow(tmp_path, "  - open: /\n"))
        await mine.run(request)
        freeze(frozen)
        began = time.monotonic()
        run = await mine.run(request)
        assert time.monotonic() - began < 5.0 + 5.0
        again = await mine.run(request)
    assert (run.outcome, run.error_reason) == ("error", "setup_timeout")
    assert again.outcome == "passed"
    assert reasons == ["stuck"]
    assert frozen
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in frozen)


async def test_a_browser_frozen_in_a_journey_ends_it_by_the_deadline(
    tmp_path: Path, frozen: list[psutil.Process]
) -> None:
    reasons: list[str] = []
    fault = Fault(kind=FaultKind.STALLED_BODY, path="/berita", seconds=60.0)
    async with (
        DemoPortal(preset("healthy", faults=(fault,))) as target,
        Probes(on_browser_restart=reasons.append) as mine,
    ):
        request = RunRequest(
            portal_at(target.url),
            flow(tmp_path, "  - open: /\n  - open: /berita\n    timeout: 19s\n"),
            deadline_seconds=4.0,
            evidence_dir=tmp_path / "evidence",
            on_step=lambda index, *_: freeze(frozen) if index == 0 else None,
        )
        began = time.monotonic()
        run = await mine.run(request)
        assert time.monotonic() - began < 4.0 + 5.0 + 10.0  # a browser start and a busy machine included
        again = await mine.run(RunRequest(request.portal, shipped("page_load")))
    assert (run.outcome, run.error_reason) == ("error", "browser_stuck")
    assert not any(finding.severity == "critical" for finding in run.findings)
    assert run.steps[-1].outcome == "error"
    assert again.outcome == "passed"
    assert reasons == ["stuck"]


async def test_an_unknown_label_is_answered_with_what_the_page_has(probes: Probes, tmp_path: Path) -> None:
    steps = "  - open: /\n  - click: {role: link, name: Pusat bantuann}\n    timeout: 500ms\n"
    async with DemoPortal(preset("healthy")) as target:
        run = await probes.run(RunRequest(portal_at(target.url), flow(tmp_path, steps)))
    assert run.outcome == "failed"
    assert any('the page has "Pusat bantuan"' in finding.message for finding in run.findings)


async def test_a_script_that_raises_is_our_error_with_its_line(probes: Probes, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("async def run(page, variables):\n    return 1 / 0\n")
    async with DemoPortal(preset("healthy")) as target:
        run = await probes.run(
            RunRequest(portal_at(target.url), flow(tmp_path, "  - open: /\n  - script: {file: broken.py}\n"))
        )
    assert run.outcome == "error"
    assert run.error_reason == "script"
    assert run.steps[-1].outcome == "error"


async def test_a_browser_that_is_not_there_is_our_trouble() -> None:
    async with Probes(executables={"chromium": "/nowhere/chromium"}) as mine:
        run = await mine.run(RunRequest(portal_at("http://127.0.0.1:9"), shipped("page_load")))
    assert (run.outcome, run.error_reason) == ("error", "browser_missing")


async def test_the_weight_is_not_known_where_another_origin_hides_its_sizes(probes: Probes, tmp_path: Path) -> None:
    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000, content_type="image/png")

    async def page(_: web.Request) -> web.Response:
        text = f'<h1>Two</h1><img src="{other.make_url("/p.png")}" alt=""><img src="/own.png" alt="">'
        return web.Response(text=text, content_type="text/html")

    async def alone(_: web.Request) -> web.Response:
        return web.Response(text='<h1>One</h1><img src="/other.png" alt="">', content_type="text/html")

    own = web.Application()
    own.add_routes([web.get("/two", page), web.get("/one", alone), web.get("/own.png", picture)])
    # Not the picture of the page before: its half-finished download would be taken up again from the cache.
    own.router.add_get("/other.png", picture)
    elsewhere = web.Application()
    elsewhere.add_routes([web.get("/p.png", picture)])
    async with TestServer(elsewhere) as other, TestServer(own) as server:
        steps = "  - open: /two\n  - open: /one\n"
        run = await probes.run(RunRequest(portal_at(str(server.make_url("/"))), flow(tmp_path, steps)))
    two, one = run.pages
    assert (two.transferred_bytes, two.requests) == (None, 3)
    assert one.transferred_bytes is not None
    assert one.transferred_bytes > 100_000


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Page.goto: Target page, context or browser has been closed", "browser_gone"),
        ("BrowserContext.new_page: Connection closed while reading from the driver", "driver_gone"),
        ("Page.goto: net::ERR_INTERNET_DISCONNECTED at https://portal.example/", "offline"),
        ("Page.goto: net::ERR_FAILED at https://portal.example/driver-license", None),
        ("Page.goto: net::ERR_FAILED at https://portal.example/page-was-closed/ERR_PROXY", None),
        ("Locator.click: Timeout 500ms exceeded.\nCall log:\n  - waiting for text=Service closed today", None),
    ],
)
def test_words_of_the_portal_are_no_trouble_of_ours(said: str, reason: str | None) -> None:
    trouble = from_playwright(PlaywrightError(said))
    assert (trouble.reason if isinstance(trouble, ProbeError) else None) == reason
