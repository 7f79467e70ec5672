"""Ends with 0 when the browser that probes would take can be started: found is not yet able to run."""

from __future__ import annotations

import asyncio
import sys

from playwright.async_api import Error, async_playwright

from probes.browsers import find_browser
from probes.trouble import BrowserMissingError


async def main(engine: str) -> int:
    async with async_playwright() as playwright:
        try:
            found = find_browser(playwright, engine)
            browser = await getattr(playwright, engine).launch(**found.launch_options())
            await browser.close()
        except (BrowserMissingError, Error):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
