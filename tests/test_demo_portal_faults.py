"""Injected faults: each does what it says, repeats with the seed, and never keeps a portal from stopping."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import date

import aiohttp
import pytest
from pydantic import ValidationError

from demo_portal.faults import Fault, FaultKind, FaultSet
from demo_portal.server import DemoPortal, PortInUseError, ThreadedPortal
from demo_portal.settings import preset

DAY = date(2026, 3, 2)
Kind = FaultKind


async def get(portal: DemoPortal, path: str, **options: object) -> tuple[int, dict[str, str], str]:
    async with aiohttp.ClientSession() as session, session.get(portal.url + path, **options) as response:  # type: ignore[arg-type]
        return response.status, dict(response.headers), (await response.read()).decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("fault", "path", "status", "text"),
    [
        (
            Fault(kind=Kind.HTTP_STATUS, path="/berita", status=503),
            "/berita",
            503,
            "Terjadi kesalahan pada server",
        ),
        (Fault(kind=Kind.HTTP_STATUS, path="/berita", status=403), "/berita", 403, "tidak dapat diproses"),
        (Fault(kind=Kind.SOFT_ERROR, path="/faq"), "/faq", 200, 'role="alert">Terjadi kesalahan'),
        (Fault(kind=Kind.SOFT_ERROR, path="/faq", variant="page"), "/faq", 200, "0x5F21"),
        (Fault(kind=Kind.SOFT_ERROR, path="/faq", variant="toast"), "/faq", 200, "Gagal memuat data"),
        (Fault(kind=Kind.JS_EXCEPTION, path="/"), "/", 200, "/aset/ulah/exception.js"),
        (Fault(kind=Kind.CONSOLE_ERROR, path="/"), "/", 200, "/aset/ulah/console.js"),
        (Fault(kind=Kind.DIALOG, path="/"), "/", 200, "/aset/ulah/dialog.js"),
        (Fault(kind=Kind.POPUP, path="/"), "/", 200, "/aset/ulah/popup.js"),
        (Fault(kind=Kind.STUCK_SUBMIT, path="/daftar"), "/daftar", 200, "/aset/ulah/stuck-spinner.js"),
        (Fault(kind=Kind.FAILING_ASSET, path="/"), "/", 200, "/aset/hilang/404/infografik.png"),
        (
            Fault(kind=Kind.FAILING_ASSET, path="/", variant="script", status=500),
            "/",
            200,
            "/aset/hilang/500/",
        ),
        (Fault(kind=Kind.MIXED_CONTENT, path="/"), "/", 200, 'src="http://'),
        (Fault(kind=Kind.EMPTY_SEARCH, path="/cari"), "/cari?q=kopi", 200, "Tidak ada hasil untuk"),
        (Fault(kind=Kind.BLANK_PAGE, path="/faq"), "/faq", 200, "<body></body>"),
        (Fault(kind=Kind.BLANK_PAGE, path="/faq", variant="shell"), "/faq", 200, '<div id="app"></div>'),
        (Fault(kind=Kind.WAF, path="/lacak"), "/lacak", 403, "Your support ID is: "),
        (Fault(kind=Kind.CAPTCHA, path="/lacak"), "/lacak", 403, "Pastikan Anda bukan robot"),
        (Fault(kind=Kind.RATE_LIMIT, path="/lacak"), "/lacak", 429, "Terlalu banyak permintaan"),
        (Fault(kind=Kind.MAINTENANCE, path="/*"), "/statistik", 503, "sedang dalam pemeliharaan"),
        (Fault(kind=Kind.MAINTENANCE, path="/*", status=200), "/statistik", 200, "sedang dalam pemeliharaan"),
    ],
    ids=lambda value: value.id + value.variant if isinstance(value, Fault) else "",
)
async def test_fault_shows_on_its_path_and_only_there(fault: Fault, path: str, status: int, text: str) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        _, _, before = await get(portal, path)
        assert text not in before
        portal.faults.add(fault)
        assert (await get(portal, path))[0] == status
        got_status, headers, body = await get(portal, path)
        assert got_status == status
        assert text in body
        assert ("Retry-After" in headers) == (status in (429, 503) and fault.kind is not Kind.HTTP_STATUS)
        assert portal.request_log[-1].faults == (fault.id,)
        if fault.path != "/*":
            assert text not in (await get(portal, "/tentang"))[2]
        portal.faults.remove(fault.id)
        assert text not in (await get(portal, path))[2]


async def test_irrelevant_search_has_hits_that_share_no_word() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        portal.faults.add(Fault(kind=Kind.IRRELEVANT_SEARCH, path="/cari"))
        _, _, body = await get(portal, "/cari?q=batik")
        assert body.count('<li class="hit">') >= 9
        assert "13134" not in body


async def test_failing_asset_fails() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        assert (await get(portal, "/aset/hilang/500/widget.js"))[0] == 500
        portal.faults.add(Fault(kind=Kind.HTTP_STATUS, path="/aset/gambar/*", status=404))
        assert (await get(portal, "/aset/gambar/beranda.jpg"))[0] == 404
        assert (await get(portal, "/aset/portal.css"))[0] == 200


async def test_page_patterns_leave_assets_alone() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        portal.faults.add(Fault(kind=Kind.HTTP_STATUS, path="/*"))
        for path in ("/aset/portal.css", "/robots.txt", "/favicon.ico"):
            async with aiohttp.ClientSession() as session, session.get(portal.url + path) as response:
                assert response.status == 200
        assert (await get(portal, "/"))[0] == 500


async def test_download_comes_as_an_attachment() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        portal.faults.add(Fault(kind=Kind.DOWNLOAD, path="/faq"))
        _, headers, _ = await get(portal, "/faq")
        assert headers["Content-Disposition"].startswith("attachment")


async def test_redirect_loop_never_ends_even_at_a_low_rate() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        portal.faults.add(Fault(kind=Kind.REDIRECT_LOOP, path="/statistik", limit=1))
        with pytest.raises(aiohttp.TooManyRedirects):
            await get(portal, "/statistik")


async def test_reset_breaks_the_connection() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        portal.faults.add(Fault(kind=Kind.RESET, path="/faq"))
        with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
            await get(portal, "/faq")
        assert (await get(portal, "/tentang"))[0] == 200


async def test_delay_and_slow_body_take_their_time() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        portal.faults.add(Fault(kind=Kind.DELAY, path="/faq", seconds=0.2, jitter_seconds=0.1))
        portal.faults.add(Fault(kind=Kind.SLOW_BODY, path="/tentang", seconds=0.3))
        plain = (await get(portal, "/peta-situs"))[2]
        assert "</html>" in plain
        for path, least in (("/faq", 0.2), ("/tentang", 0.28)):
            started = time.monotonic()
            status, _, body = await get(portal, path)
            assert time.monotonic() - started >= least
            assert (status, body.rstrip().endswith("</html>")) == (200, True)


async def test_stalled_body_sends_headers_and_does_not_hold_up_the_stop() -> None:
    portal = DemoPortal(preset("healthy", day=DAY))
    await portal.start()
    try:
        portal.faults.add(Fault(kind=Kind.STALLED_BODY, path="/faq"))
        async with aiohttp.ClientSession() as session, session.get(portal.url + "/faq") as response:
            assert response.status == 200
            started = time.monotonic()
            await portal.stop()
            assert time.monotonic() - started < 3
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
    finally:
        await portal.stop()


def test_sequence_depends_on_seed_and_path_alone() -> None:
    def sequence(seed: int, disturb: bool) -> list[bool]:
        faults = FaultSet(seed, [Fault(kind=Kind.HTTP_STATUS, path="/berita", rate=0.4)])
        struck = []
        for number in range(200):
            if disturb:
                faults.strike("GET", "/faq")
                faults.strike("POST", "/berita")
                if number == 50:
                    faults.add(Fault(kind=Kind.DELAY, path="/berita", seconds=1.0, rate=0.5))
            hits = {item.fault.kind for item in faults.strike("GET", "/berita")}
            struck.append(Kind.HTTP_STATUS in hits)
        return struck

    assert sequence(3, disturb=False) == sequence(3, disturb=True)
    assert sequence(3, disturb=False) != sequence(4, disturb=False)
    assert 0.3 < sum(sequence(3, disturb=False)) / 200 < 0.5


def test_skip_limit_and_reset_of_the_counters() -> None:
    faults = FaultSet(1, [Fault(kind=Kind.HTTP_STATUS, path="/x", skip=2, limit=3)])
    hits = [bool(faults.strike("GET", "/x")) for _ in range(8)]
    assert hits == [False, False, True, True, True, False, False, False]
    faults.reset_counts()
    assert [bool(faults.strike("GET", "/x")) for _ in range(8)] == hits


def test_jitter_stays_within_its_bounds_and_repeats() -> None:
    fault = Fault(kind=Kind.DELAY, path="/", seconds=1.5, jitter_seconds=1.0)
    drawn = [fault.delay_seconds(7, "GET", "/", count) for count in range(100)]
    assert all(1.5 <= value < 2.5 for value in drawn)
    assert max(drawn) - min(drawn) > 0.8
    assert drawn == [fault.delay_seconds(7, "GET", "/", count) for count in range(100)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "explosion"}, "kind"),
        ({"kind": "delay"}, "seconds or jitter_seconds above 0"),
        ({"kind": "delay", "seconds": -1}, "greater than or equal to 0"),
        ({"kind": "http_status", "status": 200}, "no error status"),
        ({"kind": "soft_error", "variant": "spinner"}, "alert"),
        ({"kind": "soft_error", "path": "faq"}, "must start with '/'"),
        ({"kind": "soft_error", "rate": 1.5}, "less than or equal to 1"),
        ({"kind": "soft_error", "chance": 0.5}, "chance"),
    ],
)
def test_wrong_faults_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Fault.model_validate(values)


def test_same_id_is_numbered_and_unknown_id_named() -> None:
    faults = FaultSet(1)
    first = faults.add(Fault(kind=Kind.DIALOG))
    second = faults.add(Fault(kind=Kind.DIALOG))
    assert (first.id, second.id) == ("dialog:/*", "dialog:/*#2")
    with pytest.raises(KeyError, match="dialog:"):
        faults.remove("tidak-ada")


async def test_control_path_needs_its_token() -> None:
    token = "demo-control-token-1"
    async with (
        DemoPortal(preset("healthy", day=DAY, control_token=token)) as portal,
        aiohttp.ClientSession() as session,
    ):
        url, allowed = portal.url + "/__faults__", {"Authorization": f"Bearer {token}"}
        async with session.get(url) as response:
            assert response.status == 404
        async with session.post(url, json={"kind": "blank_page", "path": "/faq"}, headers=allowed) as response:
            assert [fault["id"] for fault in await response.json()] == ["blank_page:/faq"]
        async with session.post(url, json={"kind": "blank"}, headers=allowed) as response:
            assert response.status == 400
        assert len(portal.faults) == 1
        async with session.delete(url, params={"id": "blank_page:/faq"}, headers=allowed) as response:
            assert await response.json() == []


async def test_taken_port_is_named() -> None:
    async with DemoPortal(preset("light", day=DAY)) as portal:
        with pytest.raises(PortInUseError, match=str(portal.port)):
            await DemoPortal(preset("light", day=DAY), port=portal.port).start()


def test_several_portals_in_a_thread() -> None:
    portals = [DemoPortal(preset(name, day=DAY)) for name in ("light", "recommended")]
    with ThreadedPortal(portals) as running:
        statuses = [asyncio.run(get(portal, "/faq"))[0] for portal in running]
        assert statuses == [200, 200]
        assert len({portal.port for portal in running}) == 2
    with pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(get(portals[0], "/faq"))


def _command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo_portal", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_command_serves_refuses_a_taken_port_and_stops_on_signals() -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        with _command("--preset", "light", "--port", "0") as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line.startswith("light: http://127.0.0.1:"), line
                port = line.split(":")[3].split()[0]
                other = _command("--preset", "light", "--port", port)
                _, complaint = other.communicate(timeout=20)
                assert other.returncode == 2
                assert complaint.startswith(f"error: port {port} on 127.0.0.1 is taken")
            finally:
                process.send_signal(name)
            assert process.wait(timeout=10) == 0


def test_command_names_what_is_wrong() -> None:
    for arguments in (
        ("--code", "12"),
        ("--port", "70000"),
        ("--preset", "sehat"),
        ("--reply-seconds", "-1"),
    ):
        process = _command(*arguments)
        _, complaint = process.communicate(timeout=20)
        assert process.returncode == 2
        assert "error" in complaint
