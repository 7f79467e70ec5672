"""All probes behind one door: Probes takes a request and gives its Run, by browser or without."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from probes.browser_probe import run_in_browser
from probes.http_check import HttpProber
from probes.pool import BrowserPool
from probes.prober import RunRequest
from probes.run import Run


def new_run_id(at: datetime | None = None) -> str:
    """An id that sorts by time and never comes twice: `20261124T004530Z-1f3a9c2b7d`."""
    return f"{(at or datetime.now(UTC)):%Y%m%dT%H%M%SZ}-{secrets.token_hex(5)}"


class Probes:
    """An async context manager that runs requests; browsers are started when first needed and closed at its end.

    `executables` names the program for an engine; `on_browser_restart` is told the reason when one was replaced.
    """

    def __init__(
        self,
        *,
        headed: bool = False,
        executables: Mapping[str, str] | None = None,
        on_browser_restart: Callable[[str], None] | None = None,
        probe_version: str | None = None,
    ) -> None:
        self.pool = BrowserPool(headed=headed, executables=executables, on_restart=on_browser_restart)
        self._http = HttpProber(probe_version)
        self._probe_version = probe_version

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pool.close()

    async def run(self, request: RunRequest) -> Run:
        """Run it once, within its deadline; portal trouble and own trouble are outcomes of the Run."""
        run_id = request.run_id or new_run_id()
        if request.flow.scenario.kind == "http":
            return await self._http.run(request, run_id)
        return await run_in_browser(self.pool, request, run_id, self._probe_version)
