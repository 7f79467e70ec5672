"""The browsers at work: one per engine, started when first needed, shared by all runs, replaced when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psutil
from playwright.async_api import Browser, BrowserContext, BrowserType, Page, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from probes.browsers import NETWORKS, FoundBrowser, device_options, find_browser, runs_as_root
from probes.trouble import ProbeError, from_playwright

log = logging.getLogger(__name__)

LAUNCH_SECONDS = 30.0
#: A context that does not close in this time belongs to a browser that is beyond help.
CLOSE_SECONDS = 5.0
#: Names, in a browser's environment, which one it is: Playwright does not tell its process.
_MARK = "GAPWATCH_BROWSER"


class BrowserPool:
    """Gives each run a fresh context in a shared browser.

    `on_restart` is told the reason (a fixed word) whenever a browser had to be replaced.
    """

    def __init__(
        self,
        *,
        headed: bool = False,
        executables: Mapping[str, str] | None = None,
        on_restart: Callable[[str], None] | None = None,
    ) -> None:
        self._headed = headed
        self._executables = dict(executables or {})
        self._on_restart = on_restart or (lambda _reason: None)
        self._playwright: Playwright | None = None
        self._browsers: dict[str, Browser] = {}
        self._marks: dict[Browser, str] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._start_lock = asyncio.Lock()
        self._user_agents: dict[tuple[str, str, str], str] = {}

    async def playwright(self) -> Playwright:
        """The driver, started when first asked for."""
        async with self._start_lock:
            if self._playwright is None:
                try:
                    self._playwright = await async_playwright().start()
                except (PlaywrightError, OSError) as error:
                    raise ProbeError("driver_start", f"Playwright's driver did not start: {error}") from error
            return self._playwright

    async def find(self, engine: str) -> FoundBrowser:
        """The browser that would be used for `engine`; raises BrowserMissingError."""
        playwright = await self.playwright()
        return find_browser(playwright, engine, executable=self._executables.get(engine), headed=self._headed)

    async def browser(self, engine: str) -> Browser:
        """The running browser of `engine`, started or replaced where it must be.

        Raises:
            ProbeError: none is installed, or it does not start.
        """
        async with self._locks.setdefault(engine, asyncio.Lock()):
            browser = self._browsers.get(engine)
            if browser is not None and browser.is_connected():
                return browser
            if browser is not None:
                log.warning("the %s browser is gone; starting another", engine)
                self._on_restart("disconnected")
                self._marks.pop(self._browsers.pop(engine), None)
            found = await self.find(engine)
            if engine == "chromium" and runs_as_root():
                log.warning(
                    "running as root: Chromium's sandbox is off; use an ordinary user where pages are not trusted"
                )
            playwright, mark = await self.playwright(), secrets.token_hex(8)
            try:
                launcher: BrowserType = getattr(playwright, engine)
                browser = await launcher.launch(
                    **found.launch_options(headed=self._headed),
                    env={**os.environ, _MARK: mark},
                    timeout=LAUNCH_SECONDS * 1000,
                )
            except PlaywrightError as error:
                first = str(error).strip().splitlines()[0]
                raise ProbeError("browser_launch", f"{found.executable} did not start: {first[:300]}") from error
            self._browsers[engine] = browser
            self._marks[browser] = mark
            return browser

    @asynccontextmanager
    async def context(self, engine: str, device: str, **options: Any) -> AsyncIterator[BrowserContext]:
        """A fresh context (its own cookies, cache and storage), closed whatever happens.

        Raises:
            ProbeError: browser, device or network condition cannot be had.
        """
        profile = device_options(await self.playwright(), engine, device)
        try:
            browser, context = await self._new_context(engine, {**profile, **options})
        except PlaywrightError as error:
            trouble = from_playwright(error)
            raise trouble if isinstance(trouble, ProbeError) else ProbeError("context", str(error)[:300]) from error
        try:
            yield context
        finally:
            await self._close(browser, context)

    async def _new_context(self, engine: str, options: dict[str, Any]) -> tuple[Browser, BrowserContext]:
        """A context; a browser that died just now says so only when it is asked for one, and is replaced once."""
        browser = await self.browser(engine)
        try:
            return browser, await browser.new_context(**options)
        except PlaywrightError:
            if browser.is_connected() and self._browsers.get(engine) is browser:
                await self.replace(browser, "disconnected")
            browser = await self.browser(engine)
            return browser, await browser.new_context(**options)

    async def user_agent(self, browser: Browser, device: str, suffix: str) -> str:
        """The user agent that pages of `device` would see, with `suffix` after it.

        Asked of the browser itself once, so that the rest stays true to it.
        """
        profile = device_options(await self.playwright(), browser.browser_type.name, device)
        key = (browser.browser_type.name, browser.version, device)
        if key not in self._user_agents:
            context = await browser.new_context(**profile)
            try:
                page = await context.new_page()
                self._user_agents[key] = await page.evaluate("navigator.userAgent")
            finally:
                await self._close(browser, context)
        return f"{self._user_agents[key]} {suffix}"

    async def _close(self, browser: Browser, context: BrowserContext) -> None:
        try:
            # Shielded: a run that is cancelled at its deadline must still give its context back.
            await asyncio.wait_for(asyncio.shield(context.close()), CLOSE_SECONDS)
        except TimeoutError:
            name = browser.browser_type.name
            log.warning("a context of %s did not close in %g s; replacing the browser", name, CLOSE_SECONDS)
            await self.replace(browser, "stuck")
        except PlaywrightError:
            if not browser.is_connected():
                await self.replace(browser, "disconnected")

    async def replace(self, browser: Browser, reason: str) -> None:
        """End `browser` so that the next run gets another; nothing happens where that was done already.

        Its processes are killed: one that is frozen would never close, and would keep what it holds.
        """
        engine = browser.browser_type.name
        async with self._locks[engine]:
            if self._browsers.get(engine) is not browser:
                return
            del self._browsers[engine]
        self._on_restart(reason)
        await self._end(browser, kill=True)

    async def _end(self, browser: Browser, *, kill: bool) -> None:
        mark = self._marks.pop(browser, None)
        try:
            if kill and mark is not None:
                await asyncio.to_thread(_kill_marked, mark)
            await asyncio.wait_for(browser.close(), CLOSE_SECONDS)
        except (TimeoutError, PlaywrightError):
            log.warning("a %s browser did not close by itself", browser.browser_type.name)
            if mark is not None:
                await asyncio.to_thread(_kill_marked, mark)

    async def close(self) -> None:
        """Close all browsers and the driver; never raises for what is already gone."""
        for browser in list(self._browsers.values()):
            await self._end(browser, kill=False)
        self._browsers.clear()
        if self._playwright is not None:
            try:
                await asyncio.wait_for(self._playwright.stop(), CLOSE_SECONDS)
            except (TimeoutError, PlaywrightError):
                log.warning("Playwright's driver did not stop by itself")
            self._playwright = None


def _kill_marked(mark: str) -> None:
    """Kill the processes of the browser with this mark; its own children do not always inherit the environment."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_MARK) == mark:
                family = [process, *process.children(recursive=True)]
                for each in family:
                    with contextlib.suppress(psutil.Error):
                        each.kill()


async def shape_network(page: Page, engine: str, network: str) -> None:
    """Give the page the round trip and throughput of a named network.

    Raises:
        ProbeError: no such network, or an engine that cannot simulate one.
    """
    if network not in NETWORKS:
        raise ProbeError("network_profile", f"unknown network {network!r}; known: {', '.join(NETWORKS)}")
    conditions = NETWORKS[network]
    if conditions is None:
        return
    if engine != "chromium":
        raise ProbeError("network_profile", f"{engine} cannot simulate the network {network!r}; only chromium can")
    latency, down, up = conditions
    session = await page.context.new_cdp_session(page)
    await session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": latency, "downloadThroughput": down / 8, "uploadThroughput": up / 8},
    )
