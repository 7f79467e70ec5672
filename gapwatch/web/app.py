"""The web application: its routes and the headers of every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from exporters.metrics import CONTENT_TYPE, RunMetrics
from exporters.store import Store
from gapwatch.runner import Runner
from gapwatch.state import State
from gapwatch.web.history import HistoryWatch

STATIC = Path(__file__).parent / "static"

#: Nothing of a page may run a script or load anything from elsewhere, whatever a portal managed to put into a text.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Services:
    """What the handlers work with."""

    state: State
    metrics: RunMetrics
    store: Store
    runner: Runner
    next_due: Callable[[], dict[str, datetime]]
    history: HistoryWatch
    survey: Callable[[], dict[str, Any] | None] = lambda: None


SERVICES = web.AppKey("services", Services)


def make_app(services: Services) -> web.Application:
    """The application with all its routes."""
    from gapwatch.web import api, badge, feed, openapi, probe, run_page, status

    app = web.Application(middlewares=[_headers], client_max_size=1024)
    app[SERVICES] = services
    app[probe.PROBING] = probe.Probing()
    app.add_routes(
        [
            web.get("/metrics", _metrics),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz),
            web.get("/probe", probe.probe),
            web.get("/api/v1/runs", api.runs),
            web.get("/api/v1/runs/{run_id}", api.run),
            web.get("/api/v1/status", api.status),
            web.get("/api/v1/availability", api.availability),
            web.get("/api/v1/incidents", api.incidents),
            web.get("/api/v1/maintenance", api.maintenance),
            web.get("/api/v1/link", api.link),
            web.get("/api/v1/openapi.json", openapi.document),
            web.get("/badges/{portal}.svg", badge.badge),
            web.get("/badges/{portal}/{scenario}.svg", badge.badge),
            web.get("/incidents.atom", feed.feed),
            web.get("/", status.page),
            web.get("/runs/{run_id}", run_page.page),
            web.get("/evidence/{name}", run_page.evidence),
            web.static("/static", STATIC),
        ]
    )
    return app


@web.middleware
async def _headers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    response.headers.update(HEADERS)
    return response


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=request.app[SERVICES].metrics.render(), headers={"Content-Type": CONTENT_TYPE})


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    """Whether it probes: not while it starts or stops."""
    if request.app[SERVICES].state.ready:
        return web.Response(text="ready\n")
    return web.Response(status=503, text="not ready: starting or stopping\n")
