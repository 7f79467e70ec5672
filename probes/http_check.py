"""The HTTP check: one request without a browser, its phases, its certificate, its redirects, and its body's rules."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from probes.host import HostWatch, invalid_reasons
from probes.prober import RunRequest
from probes.rules import BLOCKED, MAINTENANCE, clean
from probes.run import Finding, FindingClass, HttpPhases, HttpResult, Outcome, Run, StepResult
from scenarios.model import HttpRequest
from scenarios.variables import Redactor

#: A body is read for its rules, not kept; more than this is not read.
MAX_BODY_BYTES = 5_000_000
STEP = "request"


@dataclass(slots=True)
class _Marks:
    """Times of one exchange by the monotonic clock, and the phases that came of them (summed over redirects)."""

    phases: dict[str, float] = field(default_factory=dict)
    began: float = 0.0
    dns: float = 0.0
    connect: float = 0.0
    sent: float = 0.0
    redirects: int = 0

    def add(self, phase: str, seconds: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0.0) + seconds


def _tracing(marks: _Marks) -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()

    async def dns_start(*_: object) -> None:
        marks.dns = time.monotonic()

    async def dns_end(*_: object) -> None:
        marks.add("resolve", time.monotonic() - marks.dns)

    async def connect_start(*_: object) -> None:
        marks.connect = time.monotonic()
        marks.dns = 0.0

    async def connect_end(*_: object) -> None:
        marks.add("connect", time.monotonic() - marks.connect)
        marks.sent = time.monotonic()

    async def redirect(_session: object, _context: SimpleNamespace, _params: object) -> None:
        marks.redirects += 1
        marks.add("processing", time.monotonic() - marks.sent)

    config.on_dns_resolvehost_start.append(dns_start)
    config.on_dns_resolvehost_end.append(dns_end)
    config.on_connection_create_start.append(connect_start)
    config.on_connection_create_end.append(connect_end)
    config.on_request_redirect.append(redirect)
    return config


@dataclass(slots=True)
class _Answer:
    """What came back, and what is wrong with it."""

    status: int | None = None
    body: bytes = b""
    expiry: datetime | None = None
    banner: str = ""
    trouble: Finding | None = None
    timed_out: bool = False


class HttpProber:
    """Runs HTTP checks. Every check opens its own connection: a kept one would hide what a new citizen waits for."""

    def __init__(self, probe_version: str | None = None) -> None:
        self._probe_version = probe_version

    async def run(self, request: RunRequest, run_id: str) -> Run:
        """The Run of a scenario of kind `http`."""
        check = request.flow.scenario.request
        assert check is not None
        limit = request.deadline_seconds or request.flow.scenario.deadline
        marks = _Marks()
        watch = HostWatch(probe_version=self._probe_version)
        watch.start()
        started_at, began = datetime.now(UTC), time.monotonic()
        try:
            answer = await self._exchange(request, check, limit, marks)
        finally:
            host = watch.stop()
        waited = min(time.monotonic() - began, limit)
        redact = Redactor(request.portal.secrets.values())
        findings = tuple(
            Finding(each.class_, each.severity, each.step, redact(each.message)) for each in _judge(check, answer)
        )
        outcome = _outcome(findings)
        reasons = invalid_reasons(host)
        return Run(
            run_id=run_id,
            portal=request.portal.name,
            scenario=request.flow.scenario.name,
            kind="http",
            location=request.location,
            browser="none",
            device="none",
            network=request.network,
            started_at=started_at,
            duration_seconds=limit if answer.timed_out else waited,
            deadline_seconds=limit,
            outcome=outcome,
            timed_out=answer.timed_out,
            steps=(
                StepResult(
                    STEP,
                    "passed" if outcome in ("passed", "degraded") else "failed",
                    limit if answer.timed_out else waited,
                    answer.timed_out,
                ),
            ),
            findings=findings,
            http=HttpResult(
                status=answer.status,
                redirects=marks.redirects,
                body_bytes=len(answer.body) if answer.status is not None else None,
                phases=HttpPhases(**marks.phases),
                certificate_expiry=answer.expiry,
            ),
            timing_valid=not reasons,
            invalid_reasons=reasons,
            host=host,
        )

    async def _exchange(self, request: RunRequest, check: HttpRequest, limit: float, marks: _Marks) -> _Answer:
        url = request.portal.base_url.rstrip("/") + "/" + check.path.lstrip("/")
        answer = _Answer()
        verify: bool | ssl.SSLContext = not request.portal.ignore_https_errors
        headers = {"User-Agent": _user_agent(request), "Accept-Language": request.portal.locale, **check.headers}
        connector = aiohttp.TCPConnector(force_close=True, ssl=verify, use_dns_cache=False)
        timeout = aiohttp.ClientTimeout(total=limit)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[_tracing(marks)]) as session,
                session.request(check.method, url, headers=headers, max_redirects=check.max_redirects) as response,
            ):
                marks.add("processing", time.monotonic() - (marks.sent or time.monotonic()))
                answer.status = response.status
                answer.expiry = _expiry(response)
                transfer = time.monotonic()
                answer.body = await _read(response)
                marks.add("transfer", time.monotonic() - transfer)
        except TimeoutError:
            answer.timed_out = True
            class_: FindingClass = "stalled_response" if answer.status is not None else "timeout"
            answer.trouble = Finding(class_, "critical", STEP, f"not answered in full within {limit:g} s")
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            answer.trouble = _trouble(error)
            if answer.trouble.class_ == "tls":
                # An expired certificate is when its date matters most.
                answer.expiry = await _untrusted_expiry(url)
        return answer


def _user_agent(request: RunRequest) -> str:
    suffix = request.portal.user_agent_suffix
    return f"gapwatch {suffix}" if suffix else "gapwatch"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            break
    return b"".join(parts)


def _expiry(response: aiohttp.ClientResponse) -> datetime | None:
    connection = response.connection
    ssl_object = connection.transport.get_extra_info("ssl_object") if connection and connection.transport else None
    return _not_after(ssl_object.getpeercert()) if ssl_object else None


def _not_after(certificate: Any) -> datetime | None:
    if not certificate or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


async def _untrusted_expiry(url: str) -> datetime | None:
    """Expiry date of a certificate that is not trusted; None where it cannot be fetched or read."""
    from cryptography import x509

    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        async with asyncio.timeout(5):
            pem = await asyncio.to_thread(ssl.get_server_certificate, (host, port), timeout=4)
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except (OSError, ValueError, TimeoutError):
        return None


#: aiohttp's and the system's exceptions, first match wins.
_TABLE: tuple[tuple[type[BaseException], FindingClass, str], ...] = (
    (aiohttp.TooManyRedirects, "redirect_loop", "more redirects than the check allows"),
    (aiohttp.ClientConnectorCertificateError, "tls", "the certificate is not trusted"),
    (aiohttp.ClientSSLError, "tls", "the secure connection failed"),
    (ssl.SSLError, "tls", "the secure connection failed"),
    (aiohttp.ServerDisconnectedError, "navigation_error", "the portal closed without an answer"),
    (aiohttp.ClientPayloadError, "navigation_error", "the portal closed in the middle of its answer"),
    (aiohttp.ClientResponseError, "http_error", "the portal's answer was not understood"),
    (ConnectionRefusedError, "navigation_error", "the portal refused the connection"),
    (ConnectionResetError, "navigation_error", "the portal reset the connection"),
    (socket.gaierror, "navigation_error", "the portal's name was not found"),
    (aiohttp.InvalidURL, "navigation_error", "the portal sent an address that is none"),
    (OSError, "navigation_error", "the connection failed"),
    (aiohttp.ClientError, "navigation_error", "the exchange failed"),
)


def _trouble(error: BaseException) -> Finding:
    chain = [error, *(each for each in (getattr(error, "os_error", None), error.__cause__) if each is not None)]
    for type_, class_, message in _TABLE:
        if any(isinstance(each, type_) for each in chain):
            return Finding(class_, "critical", STEP, message)
    raise error


def _judge(check: HttpRequest, answer: _Answer) -> Iterator[Finding]:
    if answer.trouble is not None:
        yield answer.trouble
        return
    body = answer.body.decode("utf-8", "replace")
    if answer.status not in check.status:
        said = body[:4000]
        if answer.status in (403, 429, 503) and (answer.status == 429 or BLOCKED.search(said)):
            yield Finding("blocked", "critical", STEP, f"HTTP {answer.status} from a firewall or rate limit")
        elif answer.status == 503 and MAINTENANCE.search(said):
            yield Finding("maintenance", "critical", STEP, "HTTP 503: under maintenance")
        else:
            yield Finding("http_error", "critical", STEP, f"HTTP {answer.status}, expected {_either(check.status)}")
        return
    for text in check.body_contains or ():
        if text not in body:
            yield Finding("assertion", "critical", STEP, clean(f"the body lacks {text!r}"))
    for text in check.body_lacks or ():
        if text in body:
            yield Finding("assertion", "critical", STEP, clean(f"the body has {text!r}"))


def _either(statuses: tuple[int, ...]) -> str:
    return " or ".join(str(status) for status in statuses)


def _outcome(findings: tuple[Finding, ...]) -> Outcome:
    classes = {finding.class_ for finding in findings}
    if "blocked" in classes:
        return "blocked"
    if "maintenance" in classes:
        return "maintenance"
    return "failed" if classes else "passed"
