"""PDF documents: the declaration form to download and the receipt of an application."""

from __future__ import annotations

from functools import cache
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

_FORMS = {
    "formulir-pernyataan": (
        "Formulir Pernyataan Mandiri",
        ("Nama lengkap", "NIK", "Nama usaha", "Kode KBLI", "Lokasi usaha", "Tanggal", "Tanda tangan"),
    ),
    "formulir-limbah": (
        "Pernyataan Kesanggupan Mengelola Lingkungan",
        ("Nama usaha", "Kode KBLI", "Sumber limbah", "Cara pengelolaan", "Tanggal", "Tanda tangan"),
    ),
    "panduan-akun": (
        "Panduan Singkat: Membuat Akun",
        (
            "1. Buka Daftar akun",
            "2. Isi data",
            "3. Masukkan kode verifikasi",
            "4. Masuk ke akun",
            "5. Ajukan izin",
        ),
    ),
}
FORM_NAMES: tuple[str, ...] = tuple(_FORMS)


def form_title(name: str) -> str:
    """The Indonesian title of a form; KeyError for an unknown one."""
    return _FORMS[name][0]


@cache
def form_pdf(name: str) -> bytes:
    """A blank form as PDF, the same bytes every time; KeyError for an unknown one."""
    title, lines = _FORMS[name]
    return _draw(title, [(line, "") for line in lines])


def receipt_pdf(number: str, nib: str, rows: list[tuple[str, str]]) -> bytes:
    """The receipt of an application as PDF, the same bytes for the same application."""
    return _draw("Bukti Permohonan", [("Nomor permohonan", number), ("NIB", nib), *rows])


def _draw(title: str, rows: list[tuple[str, str]]) -> bytes:
    buffer = BytesIO()
    # invariant: no time stamp and no random id inside, so that equal content gives equal bytes.
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setTitle(f"{title} (demo)")
    width, height = A4
    canvas.setFillColorRGB(0.04, 0.36, 0.36)
    canvas.rect(0, height - 28 * mm, width, 28 * mm, stroke=0, fill=1)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(20 * mm, height - 14 * mm, title)
    canvas.setFont("Helvetica", 9)
    canvas.drawString(20 * mm, height - 21 * mm, "Portal Perizinan Nusantara (demo) - bukan dokumen resmi")
    canvas.setFillColorRGB(0.1, 0.1, 0.1)
    at = height - 45 * mm
    for label, value in rows:
        canvas.setFont("Helvetica", 9)
        canvas.drawString(20 * mm, at, label)
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(75 * mm, at, value[:70])
        canvas.setStrokeColorRGB(0.75, 0.75, 0.75)
        canvas.line(75 * mm, at - 2 * mm, width - 20 * mm, at - 2 * mm)
        at -= 11 * mm
        if at < 20 * mm:
            canvas.showPage()
            at = height - 25 * mm
    canvas.save()
    return buffer.getvalue()
