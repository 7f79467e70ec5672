"""The portal as an aiohttp application."""

from __future__ import annotations

import asyncio

from aiohttp import web

from demo_portal import accounts, content, helpdesk, imagery, licensing
from demo_portal.context import PORTAL, build_portal
from demo_portal.forms import MAX_BODY_BYTES
from demo_portal.middleware import (
    control_faults,
    inject_faults,
    keep_sessions,
    log_requests,
    not_found_pages,
    security_headers,
)
from demo_portal.settings import PortalSettings


def create_app(settings: PortalSettings) -> web.Application:
    """An application that serves the portal; several may live in one process."""
    app = web.Application(
        middlewares=[log_requests, keep_sessions, inject_faults, not_found_pages],
        client_max_size=MAX_BODY_BYTES,
    )
    app[PORTAL] = build_portal(settings)
    for room in (content, accounts, licensing, helpdesk):
        app.add_routes(room.routes)
    if settings.control_token is not None:
        app.router.add_route("*", "/__faults__", control_faults)
    app.on_response_prepare.append(security_headers)
    app.on_startup.append(_draw_pictures)
    app.on_shutdown.append(_let_go)
    return app


async def _draw_pictures(app: web.Application) -> None:
    """Draw before the first visitor comes, so that nobody's page waits for it."""
    settings = app[PORTAL].settings
    await asyncio.to_thread(imagery.favicon)
    if settings.imagery == "none":
        return
    for name in imagery.picture_names():
        await asyncio.to_thread(imagery.picture, name, settings.seed, settings.imagery)


async def _let_go(app: web.Application) -> None:
    """End stalled and dripping answers: stopping must not wait for them."""
    app[PORTAL].closing.set()
