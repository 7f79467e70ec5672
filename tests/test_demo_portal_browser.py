"""The demo portal in a real browser: driven by visible labels, its faults seen as a browser sees them."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from browser_launch import launch
from playwright.async_api import Browser, Page, async_playwright, expect

from demo_portal.faults import Fault, FaultKind
from demo_portal.server import DemoPortal
from demo_portal.settings import preset

DAY = date(2026, 3, 2)
pytestmark = pytest.mark.browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await launch(playwright)
        yield launched
        await launched.close()


async def _fill(page: Page, answers: dict[str, str]) -> None:
    for label, answer in answers.items():
        await page.get_by_label(label, exact=True).fill(answer)


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def test_walk_by_visible_labels_without_a_single_complaint(browser: Browser) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        context = await browser.new_context(viewport={"width": 390, "height": 844})
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))

        await page.goto(portal.url + "/daftar")
        await _fill(
            page,
            {
                "Nomor Induk Kependudukan (NIK)": "0000004502900001",
                "Nama lengkap": "Warga Contoh Sintetis",
                "Tanggal lahir": "1990-02-05",
                "Alamat": "Jalan Contoh 1",
                "E-mail atau nomor WhatsApp": "warga@contoh.example",
                "Kata sandi": "sandi-contoh-1",
            },
        )
        await page.get_by_label("Jenis kelamin", exact=True).select_option(label="Perempuan")
        await page.get_by_label("Saya menyetujui syarat dan ketentuan", exact=True).check()
        await _press(page, "Daftar")
        await _press(page, "Pakai kode ini")
        await _press(page, "Verifikasi")
        await _fill(page, {"E-mail atau nomor WhatsApp": "warga@contoh.example", "Kata sandi": "sandi-contoh-1"})
        await _press(page, "Masuk")
        await page.get_by_role("link", name="Ajukan permohonan baru", exact=True).click()
        await _press(page, "Lanjut")
        await _fill(page, {"Nama usaha": "Warung Contoh", "Kode KBLI": "56102"})
        await _press(page, "Lanjut")
        await page.get_by_label("Skala usaha", exact=True).select_option(label="Mikro")
        await _fill(page, {"Modal usaha (rupiah)": "15000000", "Jumlah tenaga kerja": "2"})
        await _press(page, "Lanjut")
        await page.get_by_label("Provinsi", exact=True).select_option(label="Jawa Tengah")
        await _fill(
            page,
            {"Kota atau kabupaten": "Semarang", "Lokasi usaha": "Jalan Contoh 2", "Kode pos": "50131"},
        )
        await _press(page, "Lanjut")
        await page.get_by_label("Saya menyatakan data yang saya isi benar", exact=True).check()
        await _press(page, "Lanjut")
        await _press(page, "Ajukan")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Permohonan diterima")
        async with page.expect_download() as receipt:
            await page.get_by_role("link", name="Unduh bukti permohonan (PDF)", exact=True).click()
        assert (await receipt.value).suggested_filename.startswith("PPN-")
        await page.get_by_role("link", name="Lacak permohonan ini", exact=True).click()
        await expect(page.get_by_text("Izin terbit", exact=True)).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert complaints == []
        await context.close()


async def test_ticket_shows_the_reply_by_itself(browser: Browser) -> None:
    async with DemoPortal(preset("healthy", day=DAY, helpdesk_reply_seconds=0.5)) as portal:
        page = await browser.new_page()
        await page.goto(portal.url + "/bantuan")
        await _fill(
            page,
            {
                "Nama lengkap": "Warga Contoh Sintetis",
                "E-mail atau nomor WhatsApp": "081234567890",
                "Pertanyaan": "Kode apa untuk warung kopi?",
            },
        )
        await page.get_by_label("Topik", exact=True).select_option(label="Memilih kode KBLI")
        await _press(page, "Kirim pertanyaan")
        await expect(page.get_by_text("Menunggu balasan")).to_be_visible()
        await expect(page.get_by_role("heading", name="Jawaban petugas")).to_be_visible(timeout=10_000)


async def test_page_faults_reach_the_browser(browser: Browser) -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal:
        context = await browser.new_context()
        page = await context.new_page()
        for kind in (FaultKind.JS_EXCEPTION, FaultKind.CONSOLE_ERROR, FaultKind.DIALOG, FaultKind.POPUP):
            portal.faults.add(Fault(kind=kind, path=f"/kbli/{len(portal.faults) + 56101}"))
        async with page.expect_event("pageerror") as thrown:
            await page.goto(portal.url + "/kbli/56101")
        assert "render" in str(await thrown.value)
        async with page.expect_console_message(lambda message: message.type == "error") as logged:
            await page.goto(portal.url + "/kbli/56102")
        assert "Gagal memuat konfigurasi" in (await logged.value).text
        async with page.expect_event("dialog") as asked:
            await page.goto(portal.url + "/kbli/56103")
        await (await asked.value).dismiss()
        async with page.expect_popup() as opened:
            await page.goto(portal.url + "/kbli/56104")
        assert (await opened.value).url in (portal.url + "/pemeliharaan", "about:blank")
        await context.close()


async def test_stuck_button_never_submits(browser: Browser) -> None:
    async with DemoPortal(preset("light", day=DAY)) as portal:
        portal.faults.add(Fault(kind=FaultKind.STUCK_SUBMIT, path="/daftar"))
        page = await browser.new_page()
        await page.goto(portal.url + "/daftar")
        await _press(page, "Daftar")
        await expect(page.get_by_role("button", name="Mohon tunggu…")).to_be_disabled()
        assert not [entry for entry in portal.request_log if entry.method == "POST"]
