"""Other engines, devices and networks: the same flows, told apart in the figures that ought to differ."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo_portal.server import DemoPortal
from demo_portal.settings import preset
from probes import Probes, Run, RunRequest
from scenarios.loader import load_flow, shipped_flows
from scenarios.model import GoldQuery, Portal

pytestmark = pytest.mark.browser
GOLD = (GoldQuery(query="kedai makanan", titles=("56103",), categories=("KBLI",)),)


@pytest.fixture
async def probes() -> AsyncIterator[Probes]:
    async with Probes() as opened:
        yield opened


async def run(probes: Probes, url: str, flow: str, **how: str) -> Run:
    portal = Portal("demo", url, allow_submit=True, gold_queries=GOLD)
    return await probes.run(RunRequest(portal, load_flow(shipped_flows()[flow]), **how))  # type: ignore[arg-type]


@pytest.mark.skipif(not (shutil.which("firefox-esr") or shutil.which("firefox")), reason="no Firefox is installed")
async def test_firefox_walks_every_flow_and_times_its_pages(probes: Probes) -> None:
    async with DemoPortal(preset("healthy")) as target:
        for name in shipped_flows():
            done = await run(probes, target.url, name, browser="firefox")
            assert done.outcome == "passed", (name, done.error_reason, done.findings, done.steps)
            assert not [each for each in done.findings if each.severity != "minor"]
            if name != "http_home":
                assert done.pages
            for page in done.pages:
                assert page.ttfb_seconds is not None
                assert page.lcp_seconds is not None
                assert page.transferred_bytes is not None


async def test_a_phone_has_a_small_touch_screen(probes: Probes, tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(
        "async def run(page, variables):\n"
        "    assert await page.evaluate('innerWidth < 500 && navigator.maxTouchPoints > 0')\n"
    )
    (tmp_path / "flow.yaml").write_text(
        "name: test\nkind: page_load\nsteps:\n  - open: /\n  - script: {file: small.py}\n"
    )
    outcomes = {}
    async with DemoPortal(preset("healthy")) as target:
        for device in ("phone", "Galaxy S9+", "desktop"):
            request = RunRequest(Portal("demo", target.url), load_flow(tmp_path / "flow.yaml"), device=device)
            outcomes[device] = (await probes.run(request)).outcome
    assert outcomes == {"phone": "passed", "Galaxy S9+": "passed", "desktop": "failed"}


async def test_a_simulated_network_delays_what_is_seen_and_leaves_the_first_byte_empty(probes: Probes) -> None:
    async with DemoPortal(preset("healthy")) as target:
        native = await run(probes, target.url, "page_load")
        slow = await run(probes, target.url, "page_load", network="slow-4g")
    assert slow.network == "slow-4g"
    first, delayed = native.pages[0], slow.pages[0]
    assert delayed.ttfb_seconds is None
    assert first.ttfb_seconds is not None
    assert first.lcp_seconds is not None
    assert delayed.lcp_seconds is not None
    # Over 100 kB through 1.6 Mbit/s take half a second at the least, whatever the host does besides.
    assert delayed.transferred_bytes is not None
    assert delayed.lcp_seconds > 8 * delayed.transferred_bytes / 1_600_000 / 2


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"network": "5g"}, "network_profile"),
        ({"network": "3g", "browser": "firefox"}, "network_profile"),
        ({"browser": "webkit"}, "browser_missing"),
        ({"device": "toaster"}, "browser_missing"),
    ],
)
async def test_what_cannot_be_had_is_our_trouble(probes: Probes, how: dict[str, str], reason: str) -> None:
    async with DemoPortal(preset("healthy")) as target:
        done = await run(probes, target.url, "page_load", **how)
    assert (done.outcome, done.error_reason) == ("error", reason)
    assert done.pages == ()
