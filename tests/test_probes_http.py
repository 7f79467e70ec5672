"""HTTP checks against real servers: phases, redirects, certificates, bodies, and whose trouble it is."""

from __future__ import annotations

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
