"""Middlewares: the request log, the injected faults, sessions, and security headers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from demo_portal.context import (
    PORTAL,
    SESSION,
    STRUCK,
    LoggedRequest,
    Portal,
    effects_of,
    error_page,
    render,
    session_of,
    words,
)
from demo_portal.faults import Fault, FaultKind, Struck

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[web.Request, Struck], Awaitable[web.StreamResponse]]

POLICY = (
    "default-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
LOOP_PARAMETER = "putar"
DRIP_CHUNKS = 20


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep the last requests for whoever tests against this portal."""
    started = time.monotonic()
    status = 0  # stays 0 where the connection ended before an answer
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        status = answer.status
        raise
    else:
        status = response.status
        return response
    finally:
        request.app[PORTAL].request_log.append(
            LoggedRequest(
                method=request.method,
                path=request.path,
                status=status,
                faults=tuple(item.fault.id for item in request.get(STRUCK, [])),
                duration_seconds=time.monotonic() - started,
            )
        )


@web.middleware
async def keep_sessions(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its session, and the visitor the session's cookie."""
    portal = request.app[PORTAL]
    cookie = request.cookies.get(portal.session_cookie)
    request[SESSION] = portal.state.session(cookie)
    try:
        response = await handler(request)
    except web.HTTPException as answer:  # redirects are raised, and a log-in ends in one
        _hand_out_cookie(request, answer)
        raise
    _hand_out_cookie(request, response)
    return response


def _hand_out_cookie(request: web.Request, response: web.StreamResponse) -> None:
    portal, session = request.app[PORTAL], session_of(request)
    kept = session.key in portal.state.sessions
    if kept and request.cookies.get(portal.session_cookie) != session.key and not response.prepared:
        response.set_cookie(portal.session_cookie, session.key, httponly=True, samesite="Lax", secure=request.secure)


@web.middleware
async def not_found_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer unknown addresses with a page in the portal's own dress."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        _ = words(request)
        return error_page(
            request,
            404,
            _("Halaman tidak ditemukan", "Page not found"),
            _("Periksa alamatnya atau mulai dari beranda.", "Check the address or start from the home page."),
        )


@web.middleware
async def inject_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Draw this request's faults: wait, answer in the handler's place, or leave a mark for the page."""
    portal = request.app[PORTAL]
    struck = portal.faults.strike(request.method, request.path)
    request[STRUCK] = struck
    if LOOP_PARAMETER in request.query:
        # A loop once entered stays closed, whatever the rate says about the single request.
        looping = [f for f in portal.faults if f.kind is FaultKind.REDIRECT_LOOP and f.matches("GET", request.path)]
        struck = struck + [Struck(fault=fault, delay_seconds=0.0, count=0) for fault in looping[:1]]
    for item in struck:
        if item.fault.kind is FaultKind.DELAY:
            await _wait(portal, item.delay_seconds)
    for item in struck:
        answer = _ANSWERS.get(item.fault.kind)
        if answer is None:
            continue
        if item.fault.kind is FaultKind.SESSION_LOSS and session_of(request).contact is None:
            continue  # nobody is logged in: there is no session to lose
        return await answer(request, item)
    for item in struck:
        if item.fault.kind is FaultKind.SLOW_BODY:
            return await _drip(request, await handler(request), item)
    return await handler(request)


async def _wait(portal: Portal, seconds: float) -> None:
    """Wait, but not past the end of the portal."""
    try:
        await asyncio.wait_for(portal.closing.wait(), timeout=seconds)
    except TimeoutError:
        return


async def _drip(request: web.Request, response: web.StreamResponse, struck: Struck) -> web.StreamResponse:
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes | bytearray):
        return response
    slow = web.StreamResponse(status=response.status, headers=response.headers)
    slow.content_length = len(body)
    await slow.prepare(request)
    size = max(1, -(-len(body) // DRIP_CHUNKS))
    for start in range(0, len(body), size):
        await slow.write(bytes(body[start : start + size]))
        await _wait(request.app[PORTAL], struck.delay_seconds / DRIP_CHUNKS)
    await slow.write_eof()
    return slow


async def _http_status(request: web.Request, struck: Struck) -> web.StreamResponse:
    _ = words(request)
    status = struck.fault.status
    if status >= 500:
        heading = struck.fault.message or _("Terjadi kesalahan pada server", "Server error")
        return error_page(request, status, heading, _("Coba lagi beberapa saat lagi.", "Please try again later."))
    heading = struck.fault.message or _("Permintaan tidak dapat diproses", "The request cannot be processed")
    return error_page(request, status, heading, _("Kembali ke beranda dan coba lagi.", "Go home and try again."))


async def _blank(request: web.Request, struck: Struck) -> web.StreamResponse:  # noqa: ARG001  # one shape
    inside = '<div id="app"></div>' if struck.fault.variant == "shell" else ""
    html = f"<!doctype html><html><head><title></title></head><body>{inside}</body></html>"
    return web.Response(text=html, content_type="text/html")


async def _stall(request: web.Request, struck: Struck) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8"})
    response.content_length = 65_536
    await response.prepare(request)
    await _wait(request.app[PORTAL], struck.delay_seconds)
    _abort(request)
    return response


async def _reset(request: web.Request, struck: Struck) -> web.StreamResponse:  # noqa: ARG001  # one shape
    _abort(request)
    return web.Response()


def _abort(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Linger of zero seconds: the kernel sends RST instead of FIN, as a crashed server or a firewall does.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _lose_session(request: web.Request, struck: Struck) -> web.StreamResponse:  # noqa: ARG001  # one shape
    request.app[PORTAL].state.drop(session_of(request))
    raise web.HTTPSeeOther("/masuk?alasan=sesi")


async def _loop(request: web.Request, struck: Struck) -> web.StreamResponse:  # noqa: ARG001  # one shape
    raise web.HTTPFound(request.rel_url.update_query({LOOP_PARAMETER: "1"}))


def support_id(request: web.Request, struck: Struck) -> str:
    """A firewall's incident number: the same for the same seed, path and count."""
    text = f"{request.app[PORTAL].settings.seed}|{request.path}|{struck.count}"
    return str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


async def _waf(request: web.Request, struck: Struck) -> web.StreamResponse:
    html = (
        "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. "
        "Please consult with your administrator.<br><br>"
        f"Your support ID is: {support_id(request, struck)}<br><br>"
        '<a href="/">[Go Back]</a></body></html>'
    )
    return web.Response(text=html, status=struck.fault.status, content_type="text/html")


async def _captcha(request: web.Request, struck: Struck) -> web.StreamResponse:
    return render(request, "captcha.html", struck.fault.status, {"support_id": support_id(request, struck)})


async def _rate_limit(request: web.Request, struck: Struck) -> web.StreamResponse:
    _ = words(request)
    response = error_page(
        request,
        struck.fault.status,
        _("Terlalu banyak permintaan", "Too many requests"),
        _("Tunggu sebentar sebelum mencoba lagi.", "Wait a moment before trying again."),
    )
    response.headers["Retry-After"] = str(struck.fault.retry_after_seconds)
    return response


async def _maintenance(request: web.Request, struck: Struck) -> web.StreamResponse:
    response = render(request, "maintenance.html", struck.fault.status, {"message": struck.fault.message})
    if struck.fault.status == 503:
        response.headers["Retry-After"] = str(struck.fault.retry_after_seconds)
    return response


async def _download(request: web.Request, struck: Struck) -> web.StreamResponse:  # noqa: ARG001  # one shape
    headers = {"Content-Disposition": 'attachment; filename="halaman.bin"'}
    return web.Response(body=b"\x00" * 2048, content_type="application/octet-stream", headers=headers)


_ANSWERS: dict[FaultKind, Answer] = {
    FaultKind.RESET: _reset,
    FaultKind.STALLED_BODY: _stall,
    FaultKind.REDIRECT_LOOP: _loop,
    FaultKind.WAF: _waf,
    FaultKind.CAPTCHA: _captcha,
    FaultKind.RATE_LIMIT: _rate_limit,
    FaultKind.MAINTENANCE: _maintenance,
    FaultKind.HTTP_STATUS: _http_status,
    FaultKind.BLANK_PAGE: _blank,
    FaultKind.DOWNLOAD: _download,
    FaultKind.SESSION_LOSS: _lose_session,
}


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Headers a well-kept public site sends with every answer."""
    policy = POLICY
    if FaultKind.MIXED_CONTENT in effects_of(request):
        policy = policy.replace("img-src 'self' data:", "img-src 'self' data: http:")
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "geolocation=(), camera=(), microphone=()")
    if not request.path.startswith("/aset/"):
        response.headers.setdefault("Cache-Control", "no-store")
    if request.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


async def control_faults(request: web.Request) -> web.Response:
    """List, add (POST a fault) or remove (DELETE ``?id=``) faults; loopback and the control token only."""
    portal = request.app[PORTAL]
    token = portal.settings.control_token
    local = request.remote in ("127.0.0.1", "::1")
    if token is None or not local or request.headers.get("Authorization") != f"Bearer {token}":
        raise web.HTTPNotFound
    try:
        if request.method == "POST":
            portal.faults.add(Fault.model_validate(await request.json()))
        elif request.method == "DELETE" and "id" in request.query:
            portal.faults.remove(request.query["id"])
        elif request.method == "DELETE":
            portal.faults.clear()
    except (ValueError, KeyError, json.JSONDecodeError) as problem:
        return web.json_response({"error": str(problem)}, status=400)
    return web.json_response([fault.model_dump(mode="json") for fault in portal.faults])
