"""The HTTP check: one request without a browser, its phases, its certificate, its redirects, and its body's rules."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import aiohttp

from probes.host import HostWatch, invalid_reasons
from probes.prober import RunRequest
from probes.rules import BLOCKED, MAINTENANCE, clean
from probes.run import Finding, FindingClass, HttpPhases, HttpResult, Outcome, Run, StepOutcome, StepResult
from probes.trouble import ProbeError
from scenarios.citizen import synthetic_citizen
from scenarios.model import HttpRequest
from scenarios.variables import Redactor, UnknownVariableError, Variables, portal_variables

log = logging.getLogger(__name__)

#: A body is read for its rules, not kept; more than this is not read.
MAX_BODY_BYTES = 5_000_000
STEP = "request"
_STEP_OUTCOME: dict[Outcome, StepOutcome] = {"passed": "passed", "error": "error"}


@dataclass(slots=True)
class _Marks:
    """Times of one exchange by the monotonic clock, and the phases that came of them (summed over redirects)."""

    phases: dict[str, float] = field(default_factory=dict)
    dns: float = 0.0
    connect: float = 0.0
    tls: float | None = None
    sent: float = 0.0
    redirects: int = 0
    secured: ssl.SSLObject | None = None

    def add(self, phase: str, seconds: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0.0) + seconds


class _TimedContext(ssl.SSLContext):
    """Marks when a handshake begins, which is when TCP is connected: aiohttp tells of both only as one."""

    marks: _Marks

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """As inherited; asyncio calls it once for each connection."""
        marks, now = self.marks, time.monotonic()
        marks.add("connect", now - marks.connect)
        marks.connect = marks.tls = now
        marks.secured = super().wrap_bio(*args, **options)
        return marks.secured


def _context(*, verify: bool) -> _TimedContext:
    """A client's context with the system's authorities, read from disk: not for the event loop's thread."""
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _tracing(marks: _Marks) -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()

    async def dns_start(*_: object) -> None:
        marks.dns = time.monotonic()

    async def dns_end(*_: object) -> None:
        marks.connect = time.monotonic()
        marks.add("resolve", marks.connect - marks.dns)

    async def connect_start(*_: object) -> None:
        # Moved on by the end of name resolution, where there is one.
        marks.connect, marks.tls = time.monotonic(), None

    async def connect_end(*_: object) -> None:
        marks.sent = time.monotonic()
        if marks.tls is None:
            marks.add("connect", marks.sent - marks.connect)
        else:
            marks.add("tls", marks.sent - marks.tls)

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
    trouble: Finding | None = None
    own_trouble: ProbeError | None = None
    timed_out: bool = False


class HttpProber:
    """Runs HTTP checks. Every check opens its own connection: a kept one would hide what a new citizen waits for."""

    def __init__(self, probe_version: str | None = None) -> None:
        self._probe_version = probe_version

    async def run(self, request: RunRequest, run_id: str) -> Run:
        """The Run of a scenario of kind `http`."""
        assert request.flow.scenario.request is not None
        limit = request.deadline_seconds or request.flow.scenario.deadline
        marks = _Marks()
        context = await asyncio.to_thread(_context, verify=not request.portal.ignore_https_errors)
        context.marks = marks
        watch = HostWatch(probe_version=self._probe_version)
        watch.start()
        started_at, began = datetime.now(UTC), time.monotonic()
        try:
            try:
                check = _filled(request.flow.scenario.request, request, run_id)
                answer = await _exchange(request, check, limit, context)
            except UnknownVariableError as error:
                check, answer = request.flow.scenario.request, _Answer(own_trouble=ProbeError("flow", str(error)))
        finally:
            host = watch.stop()
        duration = limit if answer.timed_out else min(time.monotonic() - began, limit)
        redact = Redactor(request.portal.secrets.values())
        findings = tuple(
            Finding(each.class_, each.severity, each.step, redact(each.message)) for each in _judge(check, answer)
        )
        own = answer.own_trouble
        outcome = "error" if own is not None else _outcome(findings)
        reasons = ("probe_error",) if own is not None else invalid_reasons(host)
        if own is not None:
            log.warning(
                "run %s of %s/%s: %s", run_id, request.portal.name, request.flow.scenario.name, redact(str(own))
            )
        return Run(
            run_id=run_id,
            portal=request.portal.name,
            scenario=request.flow.scenario.name,
            kind="http",
            location=request.location,
            browser="none",
            device="none",
            network="native",  # only a browser simulates another
            started_at=started_at,
            duration_seconds=duration,
            deadline_seconds=limit,
            outcome=outcome,
            timed_out=answer.timed_out,
            error_reason=own.reason if own is not None else None,
            steps=(StepResult(STEP, _STEP_OUTCOME.get(outcome, "failed"), duration, answer.timed_out),),
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


def _filled(check: HttpRequest, request: RunRequest, run_id: str) -> HttpRequest:
    """The check with its variables filled in.

    Raises:
        UnknownVariableError: the portal has no such setting or secret.
    """
    fill = Variables(portal_variables(request.portal, synthetic_citizen(run_id))).fill

    def all_of(texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return tuple(fill(text) for text in texts) if texts is not None else None

    return check.model_copy(
        update={
            "path": fill(check.path),
            "headers": {name: fill(value) for name, value in check.headers.items()},
            "body_contains": all_of(check.body_contains),
            "body_lacks": all_of(check.body_lacks),
        }
    )


async def _exchange(request: RunRequest, check: HttpRequest, limit: float, context: _TimedContext) -> _Answer:
    url = request.portal.base_url.rstrip("/") + "/" + check.path.lstrip("/")
    answer, marks = _Answer(), context.marks
    headers = {"User-Agent": _user_agent(request), "Accept-Language": request.portal.locale, **check.headers}
    if any("\n" in value or "\r" in value for value in headers.values()):
        answer.own_trouble = ProbeError("flow", "a header of the check has more than one line")
        return answer
    connector = aiohttp.TCPConnector(force_close=True, ssl=context, use_dns_cache=False)
    timeout = aiohttp.ClientTimeout(total=limit)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[_tracing(marks)]) as session,
            session.request(check.method, url, headers=headers, max_redirects=check.max_redirects) as response,
        ):
            transfer = time.monotonic()
            marks.add("processing", transfer - marks.sent)
            answer.status = response.status
            answer.expiry = _expiry(marks.secured)
            answer.body = await _read(response)
            marks.add("transfer", time.monotonic() - transfer)
    except TimeoutError:
        answer.timed_out = True
        class_: FindingClass = "stalled_response" if answer.status is not None else "timeout"
        answer.trouble = Finding(class_, "critical", STEP, f"not answered in full within {limit:g} s")
    except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
        answer.trouble = _trouble(error)
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            # An expired certificate is when its date matters most.
            answer.expiry = await _untrusted_expiry(error.host, error.port or 443)
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


def _expiry(secured: ssl.SSLObject | None) -> datetime | None:
    """Expiry date of the certificate that the server showed, trusted or not; None without one, or if unreadable."""
    if secured is None:
        return None
    certificate = secured.getpeercert()
    if certificate and "notAfter" in certificate:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    # Python takes only a verified certificate to pieces.
    encoded = secured.getpeercert(binary_form=True)
    return _not_after(encoded) if encoded else None


def _not_after(encoded: bytes) -> datetime | None:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(encoded).not_valid_after_utc
    except ValueError:
        return None


async def _untrusted_expiry(host: str, port: int) -> datetime | None:
    """Expiry date of a certificate that is not trusted; None where it cannot be fetched or read."""
    try:
        async with asyncio.timeout(5):
            pem = await asyncio.to_thread(ssl.get_server_certificate, (host, port), timeout=4)
        return _not_after(ssl.PEM_cert_to_DER_cert(pem))
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
