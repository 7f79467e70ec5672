"""How tests start a browser of their own: the one that the prober would take."""

from __future__ import annotations

from playwright.async_api import Browser, Playwright

from probes.browsers import find_browser


async def launch(playwright: Playwright) -> Browser:
    """A headless Chromium, wherever it comes from."""
    return await playwright.chromium.launch(**find_browser(playwright, "chromium").launch_options())
