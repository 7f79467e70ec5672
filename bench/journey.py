"""Cost of a journey beside a raw Playwright loop of the same steps, in turns on one machine; prints the ratios."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path

import psutil
from playwright.async_api import async_playwright

from demo_portal.server import DemoPortal, ThreadedPortal
from demo_portal.settings import preset
from probes import Probes, RunRequest
from probes.browsers import find_browser
from scenarios.loader import load_flow, shipped_flows
from scenarios.model import Portal

ROUNDS = 20


def cpu_seconds() -> float:
    """CPU time of this process and all below it, the living ones."""
    total = 0.0
    for process in [psutil.Process(os.getpid()), *psutil.Process(os.getpid()).children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


async def raw(browser: object, url: str) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})  # type: ignore[attr-defined]
    page = await context.new_page()
    await page.goto(url, wait_until="load")
    await page.get_by_role("heading").first.wait_for()
    await page.get_by_role("link", name="Peta situs").first.click()
    await page.wait_for_load_state("load")
    await context.close()


async def main() -> None:
    target = DemoPortal(preset("healthy"))
    flow = load_flow(Path(shipped_flows()["page_load"]))
    walls: dict[str, list[float]] = {"gapwatch": [], "raw": []}
    cpus: dict[str, list[float]] = {"gapwatch": [], "raw": []}
    with ThreadedPortal([target]):
        portal = Portal("bench", target.url)
        async with async_playwright() as playwright, Probes() as probes:
            found = find_browser(playwright, "chromium")
            browser = await playwright.chromium.launch(**found.launch_options())
            await probes.run(RunRequest(portal, flow))
            await raw(browser, target.url)
            for _ in range(ROUNDS):
                for name in walls:
                    cpu, began = cpu_seconds(), time.monotonic()
                    if name == "raw":
                        await raw(browser, target.url)
                    else:
                        await probes.run(RunRequest(portal, flow))
                    walls[name].append(time.monotonic() - began)
                    cpus[name].append(cpu_seconds() - cpu)
            await browser.close()
    wall = statistics.median(walls["gapwatch"]) / statistics.median(walls["raw"])
    cpu_ratio = statistics.median(cpus["gapwatch"]) / statistics.median(cpus["raw"])
    for name in walls:
        medians = statistics.median(walls[name]), statistics.median(cpus[name])
        print(f"{name:9} wall {medians[0]:.3f} s, CPU {medians[1]:.3f} s (medians of {ROUNDS})")
    print(f"ratio gapwatch/raw: wall {wall:.2f}, CPU {cpu_ratio:.2f}")


if __name__ == "__main__":
    asyncio.run(main())
