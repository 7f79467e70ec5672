"""Form fields: what each form asks, how an answer is judged, and the message that names the fix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from demo_portal.catalogue import Catalogue, Text
from demo_portal.settings import PortalSettings

MAX_ANSWER_CHARACTERS = 2000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(\+62|62|0)8[0-9]{7,12}")

PROVINCES = (
    "Aceh", "Bali", "Banten", "Bengkulu", "DI Yogyakarta", "DKI Jakarta", "Gorontalo", "Jambi",
    "Jawa Barat", "Jawa Tengah", "Jawa Timur", "Kalimantan Barat", "Kalimantan Selatan",
    "Kalimantan Tengah", "Kalimantan Timur", "Kalimantan Utara", "Kepulauan Bangka Belitung",
    "Kepulauan Riau", "Lampung", "Maluku", "Maluku Utara", "Nusa Tenggara Barat", "Nusa Tenggara Timur",
    "Papua", "Papua Barat", "Papua Barat Daya", "Papua Pegunungan", "Papua Selatan", "Papua Tengah", "Riau",
    "Sulawesi Barat", "Sulawesi Selatan", "Sulawesi Tengah", "Sulawesi Tenggara", "Sulawesi Utara",
    "Sumatera Barat", "Sumatera Selatan", "Sumatera Utara",
)  # fmt: skip

Kind = Literal["text", "textarea", "date", "password", "select", "checkbox", "number", "file", "kbli"]
Choices = tuple[tuple[str, Text], ...]


@dataclass(frozen=True)
class Field:
    """One field of a form. ``rule`` names the check in :func:`judge`; ``choices`` are (value, label)."""

    name: str
    label: Text
    kind: Kind = "text"
    hint: Text | None = None
    rule: str = "filled"
    choices: Choices = ()
    autocomplete: str = ""
    required: bool = True


NIK = Field(
    "nik",
    Text(id="Nomor Induk Kependudukan (NIK)", en="National identity number (NIK)"),
    hint=Text(id="16 angka sesuai KTP.", en="16 digits as on the identity card."),
    rule="nik",
)
FULL_NAME = Field(
    "nama",
    Text(id="Nama lengkap", en="Full name"),
    hint=Text(id="Sesuai KTP, tanpa gelar.", en="As on the identity card, without titles."),
    autocomplete="name",
)
SEX = Field(
    "jenis_kelamin",
    Text(id="Jenis kelamin", en="Sex"),
    kind="select",
    rule="choice",
    choices=(("L", Text(id="Laki-laki", en="Male")), ("P", Text(id="Perempuan", en="Female"))),
    autocomplete="sex",
)
BIRTH_DATE = Field(
    "tanggal_lahir",
    Text(id="Tanggal lahir", en="Date of birth"),
    kind="date",
    rule="birth_date",
    autocomplete="bday",
)
ADDRESS = Field(
    "alamat",
    Text(id="Alamat", en="Address"),
    kind="textarea",
    hint=Text(id="Jalan, nomor, kelurahan, kecamatan.", en="Street, number, village, district."),
    autocomplete="street-address",
)
CONTACT = Field(
    "kontak",
    Text(id="E-mail atau nomor WhatsApp", en="E-mail or WhatsApp number"),
    hint=Text(id="Kode verifikasi dikirim ke sini.", en="The verification code is sent here."),
    rule="contact",
    autocomplete="username",
)
NEW_PASSWORD = Field(
    "kata_sandi",
    Text(id="Kata sandi", en="Password"),
    kind="password",
    hint=Text(id="Paling sedikit 8 karakter, huruf dan angka.", en="At least 8 characters, letters and digits."),
    rule="new_password",
    autocomplete="new-password",
)
PASSWORD = Field(
    "kata_sandi",
    Text(id="Kata sandi", en="Password"),
    kind="password",
    autocomplete="current-password",
)
TERMS = Field(
    "setuju",
    Text(id="Saya menyetujui syarat dan ketentuan", en="I accept the terms and conditions"),
    kind="checkbox",
    rule="checked",
)
CODE = Field(
    "kode",
    Text(id="Kode verifikasi", en="Verification code"),
    hint=Text(id="6 angka.", en="6 digits."),
    rule="code",
    autocomplete="one-time-code",
)
KBLI = Field(
    "kbli",
    Text(id="Kode KBLI", en="KBLI code"),
    kind="kbli",
    hint=Text(id="5 angka, misalnya 56102 untuk rumah makan.", en="5 digits, such as 56102 for an eating house."),
    rule="kbli",
)
BUSINESS_NAME = Field("nama_usaha", Text(id="Nama usaha", en="Business name"), autocomplete="organization")
SCALE = Field(
    "skala",
    Text(id="Skala usaha", en="Business scale"),
    kind="select",
    rule="choice",
    choices=(
        ("mikro", Text(id="Mikro", en="Micro")),
        ("kecil", Text(id="Kecil", en="Small")),
        ("menengah", Text(id="Menengah", en="Medium")),
        ("besar", Text(id="Besar", en="Large")),
    ),
)
CAPITAL = Field(
    "modal",
    Text(id="Modal usaha (rupiah)", en="Business capital (rupiah)"),
    kind="number",
    hint=Text(id="Tanpa tanah dan bangunan; angka saja.", en="Without land and buildings; digits only."),
    rule="amount",
)
WORKERS = Field("tenaga_kerja", Text(id="Jumlah tenaga kerja", en="Number of workers"), kind="number", rule="amount")
PROVINCE = Field(
    "provinsi",
    Text(id="Provinsi", en="Province"),
    kind="select",
    rule="choice",
    choices=tuple((name, Text(id=name, en=name)) for name in PROVINCES),
)
CITY = Field("kota", Text(id="Kota atau kabupaten", en="City or regency"))
BUSINESS_ADDRESS = Field("alamat_usaha", Text(id="Lokasi usaha", en="Business location"), kind="textarea")
POSTCODE = Field(
    "kode_pos",
    Text(id="Kode pos", en="Postcode"),
    hint=Text(id="5 angka.", en="5 digits."),
    rule="postcode",
    autocomplete="postal-code",
)
STATEMENT = Field(
    "pernyataan",
    Text(id="Saya menyatakan data yang saya isi benar", en="I declare that the data I gave are true"),
    kind="checkbox",
    rule="checked",
)
DOCUMENT = Field(
    "dokumen",
    Text(id="Dokumen pendukung", en="Supporting document"),
    kind="file",
    hint=Text(id="Tidak wajib. PDF, paling besar 1 MB.", en="Optional. PDF, at most 1 MB."),
    rule="pdf",
    required=False,
)
TOPIC = Field(
    "topik",
    Text(id="Topik", en="Topic"),
    kind="select",
    rule="choice",
    choices=(
        ("akun", Text(id="Akun dan kode verifikasi", en="Account and verification code")),
        ("kbli", Text(id="Memilih kode KBLI", en="Choosing a KBLI code")),
        ("permohonan", Text(id="Permohonan dan NIB", en="Application and NIB")),
        ("lainnya", Text(id="Lainnya", en="Other")),
    ),
)
TRADE = Field(
    "bidang",
    Text(id="Bidang usaha", en="Trade"),
    kind="select",
    rule="choice",
    choices=(
        ("kuliner", Text(id="Kuliner", en="Food")),
        ("dagang", Text(id="Perdagangan", en="Trade")),
        ("kriya", Text(id="Kriya dan konveksi", en="Crafts and garments")),
        ("jasa", Text(id="Jasa", en="Services")),
    ),
)
QUESTION = Field("pertanyaan", Text(id="Pertanyaan", en="Question"), kind="textarea", rule="question")

IDENTITY = (NIK, FULL_NAME, SEX, BIRTH_DATE, ADDRESS)


@dataclass(frozen=True)
class Step:
    """One page of the application: its path segment, title and fields."""

    slug: str
    title: Text
    fields: tuple[Field, ...]

    @property
    def path(self) -> str:
        """The page's path."""
        return f"/permohonan/{self.slug}"


REVIEW = Step("tinjau", Text(id="Tinjau permohonan", en="Review the application"), ())


def registration_fields(settings: PortalSettings) -> tuple[Field, ...]:
    """What the registration asks."""
    if settings.registration == "short":
        return (FULL_NAME, CONTACT, TERMS)
    return (*IDENTITY, CONTACT, NEW_PASSWORD, TERMS)


def login_fields(settings: PortalSettings) -> tuple[Field, ...]:
    """What the log-in asks."""
    return (CONTACT,) if settings.registration == "short" else (CONTACT, PASSWORD)


def helpdesk_fields(settings: PortalSettings) -> tuple[Field, ...]:
    """What the help desk asks."""
    routing = (PROVINCE, TRADE) if settings.helpdesk_by_trade else ()
    return (FULL_NAME, CONTACT, TOPIC, *routing, QUESTION)


def application_steps(settings: PortalSettings) -> tuple[Step, ...]:
    """The pages of the application, the review last; a healthy portal asks nothing that the account knows."""
    identity: tuple[Field, ...] = ()
    if settings.ask_identity_again:
        identity = IDENTITY
    elif settings.registration == "short":
        identity = (NIK, ADDRESS)
    who = Step("data-diri", Text(id="Data diri", en="Personal data"), identity)
    if settings.application == "compact":
        business = (BUSINESS_NAME, KBLI, SCALE, PROVINCE, BUSINESS_ADDRESS, STATEMENT)
        return (who, Step("usaha", Text(id="Data usaha", en="Business data"), business), REVIEW)
    return (
        who,
        Step("kbli", Text(id="Kegiatan usaha", en="Business activity"), (BUSINESS_NAME, KBLI)),
        Step("skala", Text(id="Skala dan modal", en="Scale and capital"), (SCALE, CAPITAL, WORKERS)),
        Step("lokasi", Text(id="Lokasi", en="Location"), (PROVINCE, CITY, BUSINESS_ADDRESS, POSTCODE)),
        Step("pernyataan", Text(id="Pernyataan", en="Statement"), (STATEMENT, DOCUMENT)),
        REVIEW,
    )


def normal_contact(value: str) -> str:
    """A contact in one spelling: e-mail in lower case, phone numbers as 08…."""
    compact = re.sub(r"[\s-]", "", value).casefold()
    return re.sub(r"^(\+62|62)(?=8)", "0", compact)


class Judge:
    """Judges answers against the catalogue and the portal's day."""

    def __init__(self, catalogue: Catalogue, day: date) -> None:
        self._codes = {item.code for item in catalogue.kbli}
        self._day = day

    def problem(self, field: Field, answer: str) -> Text | None:
        """The message for a wrong answer, naming the field and the fix, or None when the answer will do."""
        label = field.label
        if not answer:
            if not field.required:
                return None
            verb = {"select": ("Pilih", "Choose"), "checkbox": ("Centang", "Tick")}.get(field.kind, ("Isi", "Fill in"))
            return Text(id=f"{verb[0]} {label.id}.", en=f"{verb[1]} {label.en}.")
        if len(answer) > MAX_ANSWER_CHARACTERS:
            return Text(
                id=f"{label.id} terlalu panjang; paling banyak {MAX_ANSWER_CHARACTERS} karakter.",
                en=f"{label.en} is too long; at most {MAX_ANSWER_CHARACTERS} characters.",
            )
        if self._holds(field, answer):
            return None
        fix = _FIXES[field.rule]
        return Text(id=fix.id.format(field=label.id), en=fix.en.format(field=label.en))

    def _holds(self, field: Field, answer: str) -> bool:
        match field.rule:
            case "choice":
                return answer in {value for value, _ in field.choices}
            case "birth_date":
                return self._is_adult_birth_date(answer)
            case "kbli":
                return answer in self._codes
            case "contact":
                contact = normal_contact(answer)
                return bool(_EMAIL.fullmatch(contact) or _PHONE.fullmatch(contact))
            case rule:
                return bool(re.fullmatch(_PATTERNS.get(rule, r"(?s).*"), answer))

    def _is_adult_birth_date(self, answer: str) -> bool:
        try:
            born = date.fromisoformat(answer)
        except ValueError:
            return False
        return 17 <= self._day.year - born.year <= 120

    def problems(self, fields: tuple[Field, ...], answers: Mapping[str, str]) -> dict[str, Text]:
        """All problems of a form by field name, in the order of the fields."""
        found = {field.name: self.problem(field, answers.get(field.name, "")) for field in fields}
        return {name: text for name, text in found.items() if text is not None}


_PATTERNS = {
    "nik": r"[0-9]{16}",
    "code": r"[0-9]{6}",
    "amount": r"[0-9]{1,15}",
    "postcode": r"[0-9]{5}",
    "checked": r"ya",
    "pdf": r"%PDF-",
    "new_password": r"(?s)(?=.*[A-Za-z])(?=.*[0-9]).{8,}",
    "question": r"(?s).{10,}",
}

_FIXES = {
    "nik": Text(
        id="Nomor Induk Kependudukan (NIK) harus 16 angka. Periksa kembali KTP Anda.",
        en="The national identity number (NIK) must have 16 digits. Check your identity card.",
    ),
    "choice": Text(
        id="{field}: pilihan tidak dikenal. Pilih dari daftar.",
        en="{field}: unknown choice. Choose from the list.",
    ),
    "birth_date": Text(
        id="Tanggal lahir tidak sah. Pilih tanggal dengan umur paling sedikit 17 tahun.",
        en="The date of birth is not valid. Choose a date at least 17 years ago.",
    ),
    "contact": Text(
        id="E-mail atau nomor WhatsApp tidak sah. Contoh: nama@contoh.id atau 081234567890.",
        en="The e-mail or WhatsApp number is not valid. Example: name@example.id or 081234567890.",
    ),
    "new_password": Text(
        id="Kata sandi terlalu lemah. Pakai paling sedikit 8 karakter dengan huruf dan angka.",
        en="The password is too weak. Use at least 8 characters with letters and digits.",
    ),
    "code": Text(id="Kode verifikasi harus 6 angka.", en="The verification code must have 6 digits."),
    "kbli": Text(
        id="Kode KBLI tidak ditemukan. Cari kode 5 angka di halaman Pencarian.",
        en="The KBLI code was not found. Look for the 5-digit code on the search page.",
    ),
    "amount": Text(
        id="{field} harus angka saja, tanpa titik dan koma.",
        en="{field}: use digits only, without points or commas.",
    ),
    "postcode": Text(id="Kode pos harus 5 angka.", en="The postcode must have 5 digits."),
    "checked": Text(id="Centang {field}.", en="Tick {field}."),
    "pdf": Text(
        id="Dokumen pendukung harus PDF, paling besar 1 MB.",
        en="The supporting document must be a PDF, at most 1 MB.",
    ),
    "question": Text(
        id="Pertanyaan terlalu pendek. Tulis paling sedikit 10 karakter.",
        en="The question is too short. Write at least 10 characters.",
    ),
}
