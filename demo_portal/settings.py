"""Settings of the demo portal and the named presets: the same portal in five states of health."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from demo_portal.faults import Fault, FaultKind

PresetName = Literal["healthy", "as_surveyed", "recommended", "light", "bad_day"]
PRESETS: tuple[PresetName, ...] = ("healthy", "as_surveyed", "recommended", "light", "bad_day")


class PortalSettings(BaseModel):
    """How one portal looks, what it asks and what goes wrong.

    ``registration`` is ``full`` (NIK, name, sex, birth date, address, contact, password) or ``short``
    (name and contact; log-in by one-time code). ``ask_identity_again`` makes the application ask what the
    registration asked. ``application`` is ``full`` (one subject a page) or ``compact``. ``imagery`` sets the
    weight of the pictures: ``heavy`` is several MB on the home page, ``normal`` some hundred kB, ``none``
    nothing but line art.
    ``home`` is ``full`` (everything on one page) or ``essential`` (tasks first, the rest behind links).
    ``day`` is the portal's today (dates are relative to it; the machine's date when None) and
    ``content_age_days`` makes all dated content that much older.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "healthy"
    seed: int = Field(default=7, ge=0)
    day: date | None = None
    content_age_days: int = Field(default=0, ge=0, le=5000)
    default_language: Literal["id", "en"] = "id"
    registration: Literal["full", "short"] = "full"
    ask_identity_again: bool = False
    application: Literal["full", "compact"] = "full"
    home: Literal["full", "essential"] = "full"
    imagery: Literal["heavy", "normal", "none"] = "normal"
    links_out: bool = False
    helpdesk_by_trade: bool = False
    helpdesk_reply_seconds: float = Field(default=1.0, ge=0.0, le=86_400.0)
    helpdesk_unanswered_rate: float = Field(default=0.0, ge=0.0, le=1.0)
    licence_issue_seconds: float = Field(default=0.0, ge=0.0, le=86_400.0)
    one_time_code: str | None = Field(default=None, pattern=r"^[0-9]{6}$")
    max_records: int = Field(default=2000, ge=10, le=1_000_000)
    control_token: str | None = Field(default=None, min_length=16)
    faults: tuple[Fault, ...] = ()


def _as_surveyed() -> dict[str, Any]:
    return {
        "ask_identity_again": True,
        "imagery": "heavy",
        "helpdesk_reply_seconds": 8.0,
        "helpdesk_unanswered_rate": 0.3,
        "licence_issue_seconds": 30.0,
        "faults": (
            Fault(kind=FaultKind.DELAY, path="/", seconds=1.5, jitter_seconds=1.0),
            Fault(kind=FaultKind.DELAY, path="/[brs]*", seconds=0.2, jitter_seconds=0.5, methods=("GET",)),
            Fault(kind=FaultKind.FORM_ERROR, path="/daftar", rate=0.2),
            Fault(kind=FaultKind.FORM_ERROR, path="/permohonan/skala", rate=0.3),
        ),
    }


def _recommended() -> dict[str, Any]:
    return {
        "registration": "short",
        "home": "essential",
        "imagery": "normal",
        "links_out": True,
        "helpdesk_by_trade": True,
        "helpdesk_reply_seconds": 0.5,
    }


def _light() -> dict[str, Any]:
    return {
        "registration": "short",
        "application": "compact",
        "home": "essential",
        "imagery": "none",
        "helpdesk_reply_seconds": 0.5,
    }


def _bad_day() -> dict[str, Any]:
    kind = FaultKind
    return {
        "ask_identity_again": True,
        "imagery": "heavy",
        "content_age_days": 420,
        "helpdesk_reply_seconds": 60.0,
        "helpdesk_unanswered_rate": 0.7,
        "licence_issue_seconds": 600.0,
        "faults": (
            Fault(kind=kind.DELAY, path="/*", seconds=0.3, jitter_seconds=1.5),
            Fault(kind=kind.JS_EXCEPTION, path="/"),
            Fault(kind=kind.FAILING_ASSET, path="/", status=500),
            Fault(kind=kind.CONSOLE_ERROR, path="/faq"),
            Fault(kind=kind.HTTP_STATUS, path="/berita*", status=500, rate=0.4),
            Fault(kind=kind.HTTP_STATUS, path="/statistik", status=502),
            Fault(kind=kind.SOFT_ERROR, path="/regulasi"),
            Fault(kind=kind.BLANK_PAGE, path="/kbli", rate=0.5),
            Fault(kind=kind.SLOW_BODY, path="/peta-situs", seconds=6.0),
            Fault(kind=kind.STALLED_BODY, path="/pengumuman/*", rate=0.5, seconds=60.0),
            Fault(kind=kind.RESET, path="/unduhan/*", rate=0.5),
            Fault(kind=kind.MAINTENANCE, path="/unduhan", rate=0.4),
            Fault(kind=kind.DIALOG, path="/pengumuman", rate=0.5),
            Fault(kind=kind.EMPTY_SEARCH, path="/cari", rate=0.35),
            Fault(kind=kind.IRRELEVANT_SEARCH, path="/cari", rate=0.35),
            Fault(kind=kind.WAF, path="/lacak", rate=0.4),
            Fault(kind=kind.FORM_ERROR, path="/daftar", rate=0.5),
            Fault(kind=kind.FORM_INPUT_LOST, path="/permohonan/*", rate=0.3),
            Fault(kind=kind.SESSION_LOSS, path="/permohonan/*", rate=0.15),
            Fault(kind=kind.STUCK_SUBMIT, path="/bantuan", rate=0.5),
        ),
    }


_PRESET_VALUES = {
    "healthy": dict,
    "as_surveyed": _as_surveyed,
    "recommended": _recommended,
    "light": _light,
    "bad_day": _bad_day,
}


def preset(name: str, seed: int = 7, **overrides: Any) -> PortalSettings:
    """The settings of a preset; ``overrides`` replace single values. ValueError names the presets there are.

    ``healthy`` is an ordinary portal with nothing wrong: the full registration, every subject on its own
    page, and an application that shows the identity from the account instead of asking it again.
    ``as_surveyed`` carries the complaints of the survey, ``recommended`` its advice, ``light`` keeps only
    what a citizen needs, and ``bad_day`` has many faults at once.
    """
    if name not in _PRESET_VALUES:
        raise ValueError(f"no preset {name!r}; use one of {', '.join(PRESETS)}")
    values: dict[str, Any] = _PRESET_VALUES[name]()
    return PortalSettings(**{**values, "name": name, "seed": seed, **overrides})
