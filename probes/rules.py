"""Rules that read a page as a citizen does: where a text stands decides if it is an error, a wall or an article."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from probes.run import Finding, FindingClass, Severity

MAX_MESSAGE = 300


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


#: Said by portals where something went wrong on their side, in Indonesian and English.
ERROR = _words(
    r"terjadi (kesalahan|gangguan|galat|masalah)", r"kesalahan (pada )?(sistem|server|internal|aplikasi|basis data)",
    r"gagal (memuat|memproses|menyimpan|mengirim|terhubung|menghubungi)",
    r"sistem (sedang )?(sibuk|gangguan|bermasalah)",
    r"(layanan|halaman|sistem) (sedang )?tidak (tersedia|dapat diakses)", r"tidak dapat (diproses|memproses|dimuat)",
    r"(silakan )?coba (lagi )?(beberapa saat|nanti)", r"server (error|sibuk)", r"waktu (permintaan|koneksi) habis",
    r"something went wrong", r"an? (unexpected |internal |unknown )?error (has )?occurred", r"internal server error",
    r"service (is )?(temporarily )?unavailable", r"could not be (processed|saved|loaded)", r"(please )?try again later",
    r"bad gateway", r"gateway time-?out", r"(fatal|database|application|system) error", r"unhandled exception",
    r"traceback \(most recent", r"stack trace", r"ORA-\d{5}", r"SQLSTATE",
)  # fmt: skip
MAINTENANCE = _words(
    r"(sedang|dalam) (masa )?(pemeliharaan|perbaikan|perawatan)", r"pemeliharaan (sistem|terjadwal|layanan)",
    r"under (scheduled )?maintenance", r"scheduled maintenance", r"maintenance mode", r"down for maintenance",
)  # fmt: skip
BLOCKED = _words(
    r"akses (anda )?(ditolak|diblokir|dibatasi)", r"permintaan (anda )?(ditolak|diblokir)", r"bukan robot",
    r"terlalu banyak permintaan", r"access (is )?denied",
    r"(request|you) (has been |have been |was |were )?(blocked|rejected)",
    r"attention required", r"verify (that )?you are (a )?human", r"checking your browser", r"unusual traffic",
    r"too many requests", r"support id", r"incident id", r"web application firewall", r"captcha",
)  # fmt: skip
LOGIN_PATH = re.compile(r"(^|/)(log-?in|masuk|sign-?in|auth|sso|oauth)([/?.]|$)", re.IGNORECASE)
#: Nothing of the portal's: beacons and icons whose loss no citizen notices.
NOISE = _words(
    r"favicon", r"apple-touch-icon", r"google-analytics", r"googletagmanager", r"doubleclick", r"/beacon",
    r"facebook\.(com|net)", r"hotjar", r"clarity\.ms", r"\.map$",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """What `page_look.js` saw; texts are bounded there."""

    url: str
    title: str
    headings: tuple[str, ...]
    alerts: tuple[str, ...]
    statuses: tuple[str, ...]
    errors: tuple[str, ...]
    text: str
    text_length: int
    blank: bool
    article: bool
    busy: bool
    password: bool
    captcha: bool
    insecure: tuple[str, ...]
    fields: tuple[dict[str, Any], ...] = field(repr=False)

    @classmethod
    def from_page(cls, data: dict[str, Any]) -> Look:
        """The script's answer as a Look."""
        lists = ("headings", "alerts", "statuses", "errors", "insecure", "fields")
        plain = ("url", "title", "text", "blank", "article", "busy", "password", "captcha")
        values: dict[str, Any] = {name: tuple(data[name]) for name in lists} | {name: data[name] for name in plain}
        return cls(**values, text_length=data["textLength"])

    @property
    def banner(self) -> str:
        """Title and headings: what the page says that it is."""
        return " | ".join((self.title, *self.headings))


def clean(message: str, limit: int = MAX_MESSAGE) -> str:
    """One line without control and direction marks, bounded."""
    printable = "".join(c if c.isprintable() else " " for c in message)
    text = " ".join(printable.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def same_site(url: str, base_url: str) -> bool:
    """Whether `url` is on the portal's own host (or a host under it)."""
    host, base = urlsplit(url).hostname or "", urlsplit(base_url).hostname or ""
    return host == base or host.endswith("." + base.removeprefix("www."))


def walls(look: Look, status: int | None) -> tuple[FindingClass, str] | None:
    """A page that stands in place of the portal: a firewall or captcha, or maintenance. None: an ordinary page.

    Words alone do not make a wall: an article about maintenance has a long text and status 200. What counts is what
    the page says that it is, together with its status or its shortness.
    """
    short = look.text_length < 2000 and not look.article
    said = f"{look.banner} {look.text if short else ''}"
    if status == 429:
        return "blocked", "too many requests: the portal limits the rate"
    refused = status in (401, 403, 405, 406, 503)
    if (refused or (short and look.captcha)) and BLOCKED.search(said):
        return "blocked", look.banner
    if short and look.captcha and look.text_length < 800 and not look.password:
        return "blocked", look.banner
    if not look.article and MAINTENANCE.search(look.banner) and (short or status == 503):
        return "maintenance", look.banner
    if status == 503 and short and MAINTENANCE.search(said):
        return "maintenance", look.banner
    return None


def page_findings(look: Look, status: int | None, step: str) -> Iterator[Finding]:
    """What is wrong with the page as it stands, whatever the flow wanted of it; walls come alone."""
    wall = walls(look, status)
    if wall is not None:
        yield Finding(wall[0], "critical", step, clean(wall[1]))
        return
    if status is not None and status >= 400:
        yield Finding("http_error", "critical", step, clean(f"HTTP {status}: {look.banner}"))
        return
    if look.blank:
        yield Finding("blank_page", "critical", step, "the page shows nothing")
        return
    soft = soft_error(look)
    if soft is not None:
        yield Finding("soft_error", soft[0], step, clean(soft[1]))
    for url in look.insecure:
        yield Finding("mixed_content", "minor", step, clean(f"loaded without encryption: {without_query(url)}"))


def soft_error(look: Look) -> tuple[Severity, str] | None:
    """An error told with status 200: critical where it is what the page is, major where it is a message on it."""
    if not look.article and look.text_length < 2000 and ERROR.search(look.banner):
        return "critical", look.banner
    for text in (*look.alerts, *look.errors, *look.statuses):
        if ERROR.search(text):
            return "major", text
    return None


def is_login(look: Look) -> bool:
    """Whether the page asks to log in."""
    return look.password and LOGIN_PATH.search(urlsplit(look.url).path) is not None


def without_query(url: str, limit: int = 300) -> str:
    """The address without query and fragment, which may carry what a citizen typed."""
    parts = urlsplit(url)
    return clean(f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path or url, limit)


def request_severity(url: str, kind: str, base_url: str) -> Severity:
    """How much a failed request of a page matters: the portal's own scripts, styles and calls do; the rest is noise."""
    if NOISE.search(url) or not same_site(url, base_url):
        return "minor"
    return "major" if kind in ("script", "stylesheet", "link", "fetch", "xhr", "xmlhttprequest", "css") else "minor"


def rejection(look: Look) -> str | None:
    """What a form says when it refuses: the messages at invalid fields and in alerts; None where it refuses nothing."""
    invalid = [each for each in look.fields if each["invalid"]]
    if not invalid and not look.alerts:
        return None
    said: Sequence[str] = look.alerts or look.errors
    if not invalid and not any(REFUSED.search(text) or ERROR.search(text) for text in said):
        return None
    labels = ", ".join(f"{each['label']!r}" for each in invalid[:5])
    return clean(" | ".join([*said[:2], *([f"at {labels}"] if labels else [])]) or "the form marks fields as invalid")


#: Said by forms that refuse what was sent.
REFUSED = _words(
    r"tidak (valid|sah|sesuai|benar|cocok|dapat)", r"(wajib|harus) di(isi|pilih)", r"gagal", r"salah",
    r"periksa kembali",
    r"sudah (terdaftar|digunakan)", r"ditolak", r"perbaiki", r"invalid", r"(is|are) required", r"incorrect", r"failed",
    r"rejected", r"must (be|have|contain)", r"already (registered|in use|exists)",
    r"not (valid|match|accepted)", r"error",
    r"please (check|correct|fix)", r"kesalahan", r"galat", r"belum (diisi|lengkap)",
)  # fmt: skip
