"""HTTP checks against real servers: phases, redirects, certificates, bodies, and whose trouble it is."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from demo_portal.faults import Fault, FaultKind
from demo_portal.server import DemoPortal
from demo_portal.settings import preset
from probes import Probes, Run, RunRequest
from scenarios.loader import load_flow
from scenarios.model import Portal


async def check(
    tmp_path: Path, url: str, request: str = "{path: /}", *, deadline: float = 5.0, trust: bool = False
) -> Run:
    path = tmp_path / "check.yaml"
    path.write_text(f"name: check\nkind: http\nrequest: {request}\n")
    async with Probes() as probes:
        portal = Portal("demo", url, ignore_https_errors=trust)
        return await probes.run(RunRequest(portal, load_flow(path), deadline_seconds=deadline))


async def test_phases_of_a_plain_answer(tmp_path: Path) -> None:
    slow = preset("healthy", faults=(Fault(kind=FaultKind.DELAY, path="/", seconds=0.2),))
    async with DemoPortal(slow) as target:
        run = await check(tmp_path, target.url, "{path: /, body_contains: [Portal]}")
    assert run.outcome == "passed"
    assert run.http is not None
    assert run.http.status == 200
    phases = run.http.phases
    assert phases.connect is not None
    assert phases.processing is not None
    assert phases.tls is None
    assert phases.connect < 0.1
    assert 0.2 <= phases.processing < 1.0
    assert run.browser == "none"


@pytest.mark.parametrize(
    ("kind", "options", "class_", "outcome"),
    [
        (FaultKind.HTTP_STATUS, {"status": 503}, "http_error", "failed"),
        (FaultKind.RESET, {}, "navigation_error", "failed"),
        (FaultKind.REDIRECT_LOOP, {}, "redirect_loop", "failed"),
        (FaultKind.STALLED_BODY, {"seconds": 30.0}, "stalled_response", "failed"),
        (FaultKind.DELAY, {"seconds": 30.0}, "timeout", "failed"),
        (FaultKind.WAF, {}, "blocked", "blocked"),
        (FaultKind.RATE_LIMIT, {}, "blocked", "blocked"),
    ],
    ids=str,
)
async def test_trouble_is_named(
    tmp_path: Path, kind: FaultKind, options: dict[str, object], class_: str, outcome: str
) -> None:
    settings = preset("healthy", faults=(Fault(kind=kind, path="/", **options),))  # type: ignore[arg-type]
    async with DemoPortal(settings) as target:
        run = await check(tmp_path, target.url, deadline=1.0)
    assert [finding.class_ for finding in run.findings] == [class_]
    assert run.outcome == outcome
    assert run.timed_out == (class_ in ("timeout", "stalled_response"))
    if run.timed_out:
        assert run.duration_seconds == 1.0


async def test_a_closed_port_is_the_portals_trouble(tmp_path: Path) -> None:
    async with DemoPortal(preset("healthy")) as target:
        url = target.url
    run = await check(tmp_path, url)
    assert run.outcome == "failed"
    assert run.findings[0].message == "the portal refused the connection"


async def test_body_rules(tmp_path: Path) -> None:
    async with DemoPortal(preset("healthy")) as target:
        lacks = await check(tmp_path, target.url, "{path: /, body_contains: [no such words]}")
        has = await check(tmp_path, target.url, "{path: /, body_lacks: [Portal]}")
    assert lacks.findings[0].message == "the body lacks 'no such words'"
    assert has.outcome == "failed"


async def test_a_certificates_expiry_is_told_even_when_it_is_not_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    certificate = authority.issue_cert("127.0.0.1", not_after=ends)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    async with DemoPortal(preset("healthy"), ssl_context=context) as target:
        refused = await check(tmp_path, target.url)
        taken = await check(tmp_path, target.url, trust=True)
    assert refused.findings[0].class_ == "tls"
    assert refused.http is not None
    assert refused.http.certificate_expiry == ends
    assert taken.outcome == "passed"
    assert taken.http is not None
    assert taken.http.certificate_expiry == ends


async def test_phases_over_tls_are_apart_and_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", not_after=ends).configure_cert(context)
    with authority.cert_pem.tempfile(str(tmp_path)) as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        async with DemoPortal(preset("healthy"), ssl_context=context) as target:
            run = await check(tmp_path, target.url.replace("127.0.0.1", "localhost"), "{path: /peta-situs}")
    assert run.outcome == "passed", run.findings
    assert run.http is not None
    phases = run.http.phases
    parts = (phases.resolve, phases.connect, phases.tls, phases.processing, phases.transfer)
    measured = [part for part in parts if part is not None]
    assert len(measured) == len(parts)
    assert all(part > 0 for part in measured)
    assert sum(measured) <= run.duration_seconds
    assert run.http.certificate_expiry == ends


async def test_what_the_network_holds_up_is_told_from_the_handshake(tmp_path: Path) -> None:
    """The system accepts and nobody answers: TCP is connected, the handshake never ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        run = await check(tmp_path, f"https://127.0.0.1:{port}", deadline=0.5)
    assert run.timed_out
    assert run.http is not None
    assert run.http.phases.connect is not None
    assert run.http.phases.connect < 0.4
    assert run.http.phases.tls is None


async def test_variables_are_filled_in_and_secrets_are_not_told(tmp_path: Path) -> None:
    path = tmp_path / "check.yaml"
    path.write_text(
        "name: check\nkind: http\nrequest:\n"
        '  path: "{{ settings.page }}"\n'
        '  headers: {X-Key: "{{ secrets.key }}"}\n'
        '  body_contains: ["{{ settings.heading }}", "{{ secrets.key }}"]\n'
    )
    async with DemoPortal(preset("healthy")) as target, Probes() as probes:
        portal = Portal(
            "demo",
            target.url,
            settings={"page": "/peta-situs", "heading": "Peta situs"},
            secrets={"key": "canary-2b9e"},
        )
        run = await probes.run(RunRequest(portal, load_flow(path), network="slow-4g"))
        asked = [each.path for each in target.request_log]
        unset = await probes.run(RunRequest(Portal("demo", target.url), load_flow(path)))
    assert asked == ["/peta-situs"]
    assert [finding.message for finding in run.findings] == ["the body lacks '[redacted]'"]
    assert run.network == "native"
    assert (unset.outcome, unset.error_reason) == ("error", "flow")
    assert not unset.timing_valid
    assert [step.outcome for step in unset.steps] == ["error"]
