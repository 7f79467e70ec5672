"""Evidence of runs that did not pass: a screenshot and a Playwright trace, without secrets, whole or not at all."""

from __future__ import annotations

import asyncio
import json
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, quote_plus

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from probes.run import Evidence
from scenarios.variables import REDACTED

log = logging.getLogger(__name__)

#: A run must be over within its deadline and five seconds, this included.
SCREENSHOT_MS = 2_000
#: Inputs whose content is nobody's business, whoever looks at the picture later.
_MASKED = "input[type=password], input[autocomplete*=current-password], input[autocomplete=one-time-code]"


async def start_trace(context: BrowserContext) -> None:
    """Begin a trace of actions (no pictures, no network: they would cost time inside the measured steps)."""
    await context.tracing.start(screenshots=False, snapshots=False, sources=False)


async def keep(page: Page, context: BrowserContext, folder: Path, run_id: str, secrets: Sequence[str]) -> Evidence:
    """Write `RUN_ID.png` and `RUN_ID.zip` to `folder`; what cannot be had is left out and logged."""
    screenshot: str | None = f"{run_id}.png"
    trace: str | None = f"{run_id}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=folder / f"{run_id}.png", timeout=SCREENSHOT_MS, mask=[page.locator(_MASKED)])
    except (PlaywrightError, OSError) as error:
        log.info("no screenshot of run %s: %s", run_id, str(error).splitlines()[0])
        screenshot = None
    raw = folder / f".{run_id}.raw.zip"
    try:
        await context.tracing.stop(path=raw)
        await asyncio.to_thread(redact_zip, raw, folder / f"{run_id}.zip", secrets)
    except (PlaywrightError, OSError, zipfile.BadZipFile) as error:
        log.info("no trace of run %s: %s", run_id, str(error).splitlines()[0])
        trace = None
    finally:
        # Whatever ends this, nothing that was not redacted stays.
        raw.unlink(missing_ok=True)
    return Evidence(screenshot=screenshot, trace=trace)


def redact_zip(raw: Path, clean: Path, secrets: Sequence[str]) -> None:
    """Copy the archive `raw` to `clean` without the secrets, however JSON and URLs spell them; remove `raw`."""
    part = clean.with_name(f".{clean.name}.part")
    try:
        with zipfile.ZipFile(raw) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(name, without_secrets(source.read(name), secrets))
        part.replace(clean)
    finally:
        raw.unlink(missing_ok=True)
        part.unlink(missing_ok=True)


def without_secrets(data: bytes, secrets: Sequence[str]) -> bytes:
    """`data` with each secret replaced, however JSON and URLs spell it."""
    for spelling in sorted(
        {each for secret in secrets if secret for each in _spellings(secret)}, key=len, reverse=True
    ):
        data = data.replace(spelling, REDACTED.encode())
    return data


def _spellings(secret: str) -> set[bytes]:
    return {
        text.encode()
        for text in (
            secret,
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        )
    }
