"""What the browser reports by itself during a flow: script errors, lost requests, dialogs, windows, downloads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from playwright.async_api import ConsoleMessage, Dialog, Download, Page, Request
from playwright.async_api import Error as PlaywrightError

from probes.rules import clean, request_severity, without_query
from probes.run import Finding

#: Chromium's console line for a failed sub-request; the request itself is the better witness.
_RESOURCE = "Failed to load resource"
MAX_FINDINGS = 100


class Signals:
    """Listens to a page and keeps findings, each kind of message once.

    `step` is asked for the name of the step now under way.
    """

    def __init__(self, base_url: str, step: Callable[[], str | None], redact: Callable[[str], str]) -> None:
        self._base_url = base_url
        self._step = step
        self._redact = redact
        self._seen: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.findings: list[Finding] = []
        self.crashed = False
        self.awaiting_download = False
        self.downloads = 0

    def add(self, finding: Finding) -> None:
        """Keep a finding, redacted, unless the same was said before or there are too many already."""
        message = clean(self._redact(finding.message))
        key = (finding.class_, message)
        if key in self._seen or len(self.findings) >= MAX_FINDINGS:
            return
        self._seen.add(key)
        self.findings.append(Finding(finding.class_, finding.severity, finding.step, message))

    def attach(self, page: Page) -> None:
        """Start listening. None of these events comes per request, so that listening costs nothing on a calm page."""
        page.on("pageerror", self._page_error)
        page.on("console", self._console)
        page.on("requestfailed", self._request_failed)
        page.on("dialog", self._dialog)
        page.on("download", self._download)
        page.on("popup", self._popup)
        page.on("crash", self._crash)

    async def settle(self) -> None:
        """Wait for what the listeners themselves have begun (closing windows, dismissing dialogs)."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def failed_resources(self, failed: list[dict[str, object]]) -> None:
        """Sub-requests that were answered with an error status, as the page itself lists them."""
        for each in failed:
            url, status = str(each["url"]), each["status"]
            severity = request_severity(url, str(each["type"]), self._base_url)
            self.add(Finding("failed_request", severity, self._step(), f"HTTP {status}: {without_query(url)}"))

    def _page_error(self, error: PlaywrightError) -> None:
        self.add(Finding("js_exception", "major", self._step(), f"{error.name or 'Error'}: {error.message}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_RESOURCE):
            self.add(Finding("console_error", "minor", self._step(), message.text))

    def _request_failed(self, request: Request) -> None:
        # What the browser gave up because the citizen went on is no failure.
        if request.is_navigation_request() or "ABORTED" in (request.failure or "").upper():
            return
        severity = request_severity(request.url, request.resource_type, self._base_url)
        self.add(Finding("failed_request", severity, self._step(), f"{request.failure}: {without_query(request.url)}"))

    def _dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":
            self._spawn(dialog.accept())
            return
        self.add(Finding("dialog", "major", self._step(), f"{dialog.type}: {dialog.message}"))
        self._spawn(dialog.dismiss())

    def _download(self, download: Download) -> None:
        self.downloads += 1
        if self.awaiting_download:
            return
        name = without_query(download.suggested_filename, 80)
        self.add(Finding("unexpected_download", "major", self._step(), f"the page started a download: {name}"))
        self._spawn(download.cancel())

    def _popup(self, popup: Page) -> None:
        self.add(Finding("popup", "minor", self._step(), f"a new window opened: {without_query(popup.url)}"))
        self._spawn(popup.close())

    def _crash(self, _page: Page) -> None:
        self.crashed = True

    def _spawn(self, action: Awaitable[object]) -> None:
        async def quietly() -> None:
            # Where the page is gone, so is what was to be closed.
            with contextlib.suppress(PlaywrightError):
                await action

        task = asyncio.get_running_loop().create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
