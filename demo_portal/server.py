"""Running a portal: inside an event loop, or in a thread of its own for callers without one."""

from __future__ import annotations

import asyncio
import errno
import ssl
import threading
from collections import deque
from types import TracebackType

from aiohttp import web

from demo_portal.app import create_app
from demo_portal.context import PORTAL, LoggedRequest
from demo_portal.faults import FaultSet
from demo_portal.settings import PortalSettings

SHUTDOWN_SECONDS = 0.5


class PortInUseError(OSError):
    """The port is taken by another program."""


class DemoPortal:
    """A portal on a port, as an async context manager.

    Port 0 takes a free one. ``ssl_context`` serves it over TLS. ``faults`` may be changed while it runs;
    ``request_log`` holds the last requests. Raises PortInUseError when the port is taken.
    """

    def __init__(
        self,
        settings: PortalSettings,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.settings = settings
        self.host = host
        self.port = port
        self._ssl_context = ssl_context
        self._app = create_app(settings)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The portal's address, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._ssl_context else 'http'}://{host}:{self.port}"

    @property
    def faults(self) -> FaultSet:
        """The faults; add, remove or clear them at any time."""
        return self._app[PORTAL].faults

    @property
    def request_log(self) -> deque[LoggedRequest]:
        """The last requests, oldest first."""
        return self._app[PORTAL].request_log

    async def start(self) -> None:
        """Bind the port and serve."""
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port, ssl_context=self._ssl_context)
            await site.start()
        except OSError as problem:
            await runner.cleanup()
            if problem.errno == errno.EADDRINUSE:
                message = f"port {self.port} on {self.host} is taken; choose another one, or 0 for any free port"
                raise PortInUseError(problem.errno, message) from problem
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop serving; answers that are stalled on purpose are cut."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> DemoPortal:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class ThreadedPortal:
    """Portals in a thread of their own, as a plain context manager: ``with ThreadedPortal([portal, …]):``."""

    def __init__(self, portals: list[DemoPortal]) -> None:
        self.portals = portals
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="demo-portal", daemon=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as problem:  # handed to the thread that waits in __enter__
            self._problem = problem
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        started: list[DemoPortal] = []
        try:
            for portal in self.portals:
                await portal.start()
                started.append(portal)
            self._ready.set()
            await self._stop.wait()
        finally:
            await asyncio.gather(*(portal.stop() for portal in started))

    def __enter__(self) -> list[DemoPortal]:
        self._thread.start()
        self._ready.wait()
        if self._problem is not None:
            self._thread.join()
            raise self._problem
        return self.portals

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
