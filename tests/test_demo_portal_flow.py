"""A citizen's whole way through the demo portal, walked over HTTP in every preset that is not broken."""

import re
from collections.abc import AsyncIterator
from datetime import date
from html import unescape

import aiohttp
import pytest

from demo_portal.faults import Fault, FaultKind
from demo_portal.server import DemoPortal
from demo_portal.settings import preset

DAY = date(2026, 3, 2)
CITIZEN = {
    "nik": "0000004502900001",
    "nama": "Warga Contoh Sintetis",
    "jenis_kelamin": "P",
    "tanggal_lahir": "1990-02-05",
    "alamat": "Jalan Contoh 1, Kelurahan Contoh",
    "kontak": "warga@contoh.example",
    "kata_sandi": "sandi-contoh-1",
    "setuju": "ya",
}
BUSINESS = {
    "nama_usaha": "Warung Contoh",
    "kbli": "56102",
    "skala": "mikro",
    "modal": "15000000",
    "tenaga_kerja": "2",
    "provinsi": "Jawa Tengah",
    "kota": "Kota Semarang",
    "alamat_usaha": "Jalan Contoh 2",
    "kode_pos": "50131",
    "pernyataan": "ya",
}


class Citizen:
    """Reads pages and posts forms with the fields the page itself asks for."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url
        self.path, self.status, self.text = "", 0, ""

    async def _take(self, response: aiohttp.ClientResponse) -> None:
        self.status, self.path, self.text = (
            response.status,
            response.url.path,
            unescape(await response.text()),
        )

    async def open(self, path: str) -> None:
        async with self.session.get(self.url + path) as response:
            await self._take(response)

    async def submit(self, answers: dict[str, str], path: str = "") -> None:
        form = {name: answers[name] for name in self.fields() if name in answers}
        async with self.session.post(self.url + (path or self.path), data=form) as response:
            await self._take(response)

    def fields(self) -> list[str]:
        return re.findall(r'<(?:input|select|textarea)[^>]* name="([a-z_]+)"', self.text)

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.text)
        assert match, f"{pattern} not on {self.path}: {self.text[-2500:]}"
        return match.group(1)

    @property
    def heading(self) -> str:
        return self.found(r"<h1[^>]*>(.*?)</h1>")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        yield client


async def register(citizen: Citizen) -> None:
    await citizen.open("/daftar")
    await citizen.submit(CITIZEN)
    assert citizen.path == "/verifikasi", citizen.text
    await citizen.submit({"kode": citizen.found(r'id="kode-demo"[^>]*>([0-9]{6})<')})


async def log_in(citizen: Citizen) -> None:
    await register(citizen)
    if citizen.path == "/masuk":
        assert "Akun aktif. Silakan masuk." in citizen.text
        await citizen.submit(CITIZEN)
    assert citizen.path == "/akun"


@pytest.mark.parametrize("name", ["healthy", "recommended", "light", "as_surveyed"])
async def test_register_log_in_apply_track(session: aiohttp.ClientSession, name: str) -> None:
    async with DemoPortal(preset(name, day=DAY, faults=())) as portal:
        citizen = Citizen(session, portal.url)
        await log_in(citizen)
        assert CITIZEN["nama"] in citizen.text

        await citizen.open("/permohonan")
        asked: list[str] = []
        for _ in range(8):
            if citizen.path == "/permohonan/tinjau":
                break
            asked += citizen.fields()
            await citizen.submit({**CITIZEN, **BUSINESS})
        assert citizen.heading == "Tinjau permohonan"
        assert BUSINESS["nama_usaha"] in citizen.text
        again = {"nama", "jenis_kelamin", "tanggal_lahir"} & set(asked)
        assert bool(again) == (name == "as_surveyed")

        await citizen.submit({})
        assert citizen.heading == "Permohonan diterima"
        number = citizen.found(r'id="nomor-permohonan">(PPN-[0-9]{8})<')
        nib = citizen.found(r'id="nib">(000[0-9]{10})<')

        async with session.get(f"{portal.url}/permohonan/bukti/{number}.pdf") as response:
            assert response.content_type == "application/pdf"
            assert (await response.read()).startswith(b"%PDF-")
        await citizen.open(f"/lacak?nomor={number.lower()}")
        assert nib in citizen.text
        expected = "Verifikasi izin masih diproses" if name == "as_surveyed" else "Izin terbit"
        assert expected in citizen.text


async def test_a_code_may_be_sent_again_and_a_wrong_one_is_refused(session: aiohttp.ClientSession) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        citizen = Citizen(session, portal.url)
        await citizen.open("/daftar")
        await citizen.submit(CITIZEN)
        first = citizen.found(r'id="kode-demo"[^>]*>([0-9]{6})<')
        await citizen.submit({}, "/verifikasi/ulang")
        second = citizen.found(r'id="kode-demo"[^>]*>([0-9]{6})<')
        assert first != second
        await citizen.submit({"kode": first})
        assert citizen.path == "/verifikasi"
        assert "Kode verifikasi salah" in citizen.text
        await citizen.open("/kotak-masuk")
        assert citizen.text.index(second) < citizen.text.index(first)


async def test_wrong_input_is_named_and_kept(session: aiohttp.ClientSession) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        citizen = Citizen(session, portal.url)
        await citizen.open("/daftar")
        await citizen.submit({**CITIZEN, "nik": "123", "tanggal_lahir": "2020-01-01", "kontak": "<b>@"})
        assert citizen.status == 200
        assert 'role="alert"' in citizen.text
        assert citizen.text.count('aria-invalid="true"') == 3
        assert "Nomor Induk Kependudukan (NIK) harus 16 angka." in citizen.text
        assert f'value="{CITIZEN["nama"]}"' in citizen.text
        assert CITIZEN["kata_sandi"] not in citizen.text
        assert 'aria-describedby="nik-petunjuk nik-galat"' in citizen.text


async def test_steps_cannot_be_skipped_and_need_a_login(session: aiohttp.ClientSession) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        citizen = Citizen(session, portal.url)
        await citizen.open("/permohonan/tinjau")
        assert citizen.path == "/masuk"
        assert "Silakan masuk untuk melanjutkan." in citizen.text
        await log_in(citizen)
        await citizen.open("/permohonan/tinjau")
        assert citizen.path == "/permohonan/data-diri"


async def test_a_strangers_receipt_is_not_given(session: aiohttp.ClientSession) -> None:
    async with DemoPortal(preset("light", day=DAY)) as portal:
        citizen = Citizen(session, portal.url)
        await log_in(citizen)
        await citizen.open("/permohonan")
        while citizen.path != "/permohonan/tinjau":
            await citizen.submit({**CITIZEN, **BUSINESS})
        await citizen.submit({})
        number = citizen.found(r">(PPN-[0-9]{8})<")
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
            stranger = Citizen(other, portal.url)
            await stranger.open("/daftar")
            await stranger.submit({**CITIZEN, "kontak": "081234567890"})
            await stranger.submit({"kode": stranger.found(r'id="kode-demo"[^>]*>([0-9]{6})<')})
            assert stranger.path == "/akun"
            await stranger.open(f"/permohonan/bukti/{number}.pdf")
            assert stranger.status == 404


async def test_help_desk_answers_after_its_delay(session: aiohttp.ClientSession) -> None:
    question = {**CITIZEN, "topik": "kbli", "pertanyaan": "Kode apa untuk warung kopi?"}
    async with DemoPortal(preset("healthy", day=DAY, helpdesk_reply_seconds=0.0)) as portal:
        citizen = Citizen(session, portal.url)
        await citizen.open("/bantuan")
        await citizen.submit(question)
        assert "Jawaban petugas" in citizen.text
    async with DemoPortal(preset("healthy", day=DAY, helpdesk_reply_seconds=3600.0)) as portal:
        citizen = Citizen(session, portal.url)
        await citizen.open("/bantuan")
        await citizen.submit(question)
        assert "Menunggu balasan" in citizen.text
        await citizen.open(citizen.found(r'data-poll="([^"]+)"'))
        assert citizen.text == '{"answered": false}'
    async with DemoPortal(
        preset("healthy", day=DAY, helpdesk_reply_seconds=0.0, helpdesk_unanswered_rate=1.0)
    ) as portal:
        citizen = Citizen(session, portal.url)
        await citizen.open("/bantuan")
        await citizen.submit(question)
        assert "Menunggu balasan" in citizen.text


async def test_a_form_that_fails_keeps_or_loses_the_input(session: aiohttp.ClientSession) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        citizen = Citizen(session, portal.url)
        portal.faults.add(Fault(kind=FaultKind.FORM_ERROR, path="/daftar"))
        await citizen.open("/daftar")
        await citizen.submit(CITIZEN)
        assert "Terjadi kesalahan pada sistem" in citizen.text
        assert f'value="{CITIZEN["nik"]}"' in citizen.text
        portal.faults.clear()
        portal.faults.add(Fault(kind=FaultKind.FORM_INPUT_LOST, path="/daftar"))
        await citizen.submit(CITIZEN)
        assert "Terjadi kesalahan pada sistem" in citizen.text
        assert CITIZEN["nik"] not in citizen.text


async def test_a_lost_session_leads_back_to_the_login(session: aiohttp.ClientSession) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        citizen = Citizen(session, portal.url)
        await log_in(citizen)
        portal.faults.add(Fault(kind=FaultKind.SESSION_LOSS, path="/permohonan*", methods=("POST",)))
        await citizen.open("/permohonan")
        await citizen.submit({})
        assert citizen.path == "/masuk"
        await citizen.open("/akun")
        assert citizen.path == "/masuk"
