"""The parts of one running portal, and how a page is rendered for a visitor."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from demo_portal.catalogue import (
    TOPICS,
    Article,
    Catalogue,
    Language,
    Text,
    article_date,
    load_catalogue,
    long_date,
)
from demo_portal.faults import Fault, FaultKind, FaultSet, Struck
from demo_portal.fields import Judge
from demo_portal.search import SearchIndex
from demo_portal.settings import PortalSettings
from demo_portal.state import PortalState, Session

NAME = "Portal Perizinan Nusantara"
LANGUAGE_COOKIE = "bahasa"
MAX_LOG = 5000


@dataclass(frozen=True)
class LoggedRequest:
    """One answered request: what was asked, what came, which faults struck, its duration in seconds."""

    method: str
    path: str
    status: int
    faults: tuple[str, ...]
    duration_seconds: float


@dataclass
class Portal:
    """Everything one portal is made of; reached by ``request.app[PORTAL]``."""

    settings: PortalSettings
    catalogue: Catalogue
    index: SearchIndex
    faults: FaultSet
    state: PortalState
    judge: Judge
    day: date
    environment: Environment
    request_log: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=MAX_LOG))
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def session_cookie(self) -> str:
        """Cookies do not tell ports apart: portals side by side on one host need names of their own."""
        return f"sesi_{self.settings.name}"

    def date_of(self, article: Article) -> date:
        """The date an article carries today."""
        return article_date(article, self.day, self.settings.content_age_days)

    def news_path(self, path: str) -> str:
        """Where news or regulations are read: here, or at another site when ``links_out`` is set."""
        return f"https://informasi.portal-nusantara.example{path}" if self.settings.links_out else path


PORTAL: web.AppKey[Portal] = web.AppKey("portal", Portal)
SESSION: web.RequestKey[Session] = web.RequestKey("session", Session)
STRUCK: web.RequestKey[list[Struck]] = web.RequestKey("struck", list[Struck])


def build_portal(settings: PortalSettings) -> Portal:
    """Put a portal together from its settings."""
    catalogue = load_catalogue()
    day = settings.day or datetime.now(UTC).date()
    return Portal(
        settings=settings,
        catalogue=catalogue,
        index=SearchIndex(catalogue),
        faults=FaultSet(settings.seed, settings.faults),
        state=PortalState(settings),
        judge=Judge(catalogue, day),
        day=day,
        environment=_environment(),
    )


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("demo_portal"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def language_of(request: web.Request) -> Language:
    """The visitor's language: ``?lang=``, else the cookie, else the portal's default."""
    wanted = request.query.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    if wanted in ("id", "en"):
        return "en" if wanted == "en" else "id"
    return request.app[PORTAL].settings.default_language


def session_of(request: web.Request) -> Session:
    """The visitor's session, put on the request by the session middleware."""
    return request[SESSION]


def effects_of(request: web.Request) -> dict[FaultKind, Fault]:
    """The faults that strike this request, by kind."""
    return {item.fault.kind: item.fault for item in request.get(STRUCK, [])}


def effect(request: web.Request, kind: FaultKind) -> Fault | None:
    """The fault of this kind that strikes this request, or None."""
    return effects_of(request).get(kind)


def words(request: web.Request) -> Callable[[str, str], str]:
    """A function that picks the Indonesian or the English of two texts."""
    english = language_of(request) == "en"
    return lambda indonesian, other: other if english else indonesian


def _navigation(portal: Portal, logged_in: bool) -> list[tuple[str, Text]]:
    essential = portal.settings.home == "essential"
    entries = [("/", Text(id="Beranda", en="Home"))]
    if not essential:
        entries += [
            ("/berita", Text(id="Berita", en="News")),
            ("/regulasi", Text(id="Regulasi", en="Regulations")),
            ("/statistik", Text(id="Statistik", en="Statistics")),
        ]
    entries += [
        ("/cari", Text(id="Pencarian", en="Find")),
        ("/lacak", Text(id="Lacak permohonan", en="Track application")),
        ("/unduhan", Text(id="Unduhan", en="Downloads")),
        ("/faq", Text(id="Tanya jawab", en="FAQ")),
        ("/bantuan", Text(id="Pusat bantuan", en="Help desk")),
    ]
    if logged_in:
        return [*entries, ("/akun", Text(id="Akun saya", en="My account"))]
    return [
        *entries,
        ("/masuk", Text(id="Masuk ke akun", en="Log in to account")),
        ("/daftar", Text(id="Daftar akun", en="Open an account")),
    ]


def render(
    request: web.Request, template: str, status: int = 200, values: Mapping[str, Any] | None = None
) -> web.Response:
    """A page of the portal in the visitor's language, with the faults that belong on it."""
    portal = request.app[PORTAL]
    language = language_of(request)
    session = session_of(request)
    account = portal.state.account_of(session)
    notice, session.notice = session.notice, ""
    other = "id" if language == "en" else "en"
    context: dict[str, Any] = {
        "_": words(request),
        "tr": lambda text: text.get(language),
        "lang": language,
        "other_lang": other,
        "switch_href": str(request.rel_url.update_query(lang=other)),
        "site_name": NAME,
        "settings": portal.settings,
        "day": portal.day,
        "long_date": lambda value: long_date(value, language),
        "date_of": portal.date_of,
        "topic": lambda item: TOPICS[item.topic].get(language),
        "read_path": portal.news_path,
        "navigation": _navigation(portal, account is not None),
        "path": request.path,
        "account": account,
        "notice": notice,
        "effects": effects_of(request),
        "host": request.host,
        "heavy": portal.settings.imagery == "heavy",
        "pictures": portal.settings.imagery != "none",
        "catalogue": portal.catalogue,
    }
    html = portal.environment.get_template(template).render({**context, **(values or {})})
    response = web.Response(text=html, status=status, content_type="text/html")
    response.headers["Content-Language"] = language
    if request.query.get("lang") in ("id", "en"):
        response.set_cookie(LANGUAGE_COOKIE, language, samesite="Lax", path="/")
    return response


def error_page(request: web.Request, status: int, heading: str, advice: str) -> web.Response:
    """An error page in the portal's own dress."""
    return render(request, "error.html", status, {"heading": heading, "advice": advice, "status": status})
