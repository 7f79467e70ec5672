"""Incidents as an Atom feed (RFC 4287): one entry an incident, changed when it ends."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET

from aiohttp import web

from exporters.store_history import Incident
from gapwatch.web.app import SERVICES
from gapwatch.web.history import History
from gapwatch.web.sections import lasted, moment
from gapwatch.web.status import language
from gapwatch.web.texts import TEXTS

_ATOM = "http://www.w3.org/2005/Atom"
MAX_ENTRIES = 50


async def feed(request: web.Request) -> web.Response:
    """The newest incidents of the last 30 days, at most 50."""
    services = request.app[SERVICES]
    history = await services.history.get()
    if history.trouble:
        raise web.HTTPServiceUnavailable(text=f"{history.trouble}\n")
    lang, origin = language(request), str(request.url.origin())
    known = {(job.portal.name, job.scenario) for job in services.state.config.jobs}
    shown = [each for each in history.incidents if (each.portal, each.scenario) in known][:MAX_ENTRIES]
    body = atom(shown, history, origin, lang, services.state.started_at)
    return web.Response(body=body, content_type="application/atom+xml", charset="utf-8")


def atom(shown: list[Incident], history: History, origin: str, lang: str, started_at: datetime) -> bytes:
    """The document; `origin` is where readers found us (such as http://127.0.0.1:9464)."""
    texts = TEXTS[lang]
    ET.register_namespace("", _ATOM)
    root = ET.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": lang})
    newest = max((each.ended_at or each.last_at for each in shown), default=started_at)
    _add(root, "id", f"{origin}/incidents.atom")
    _add(root, "title", f"gapwatch: {texts['incidents']}")
    _add(root, "updated", moment(newest)["iso"])
    _add(root, "link", rel="self", href=f"{origin}/incidents.atom?lang={lang}", type="application/atom+xml")
    _add(root, "link", rel="alternate", href=f"{origin}/?lang={lang}", type="text/html")
    author = ET.SubElement(root, f"{{{_ATOM}}}author")
    _add(author, "name", "gapwatch")
    for each in shown:
        entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
        span = lasted(each, history.at, texts)
        said = texts["failed"] if each.ended_at is None else texts["lasted"].format(span=span)
        # The same incident keeps its id from one reading to the next: it is that of its first run.
        _add(entry, "id", f"urn:gapwatch:incident:{each.first_run}")
        _add(entry, "title", f"{each.portal} / {each.scenario}: {said}")
        _add(entry, "published", moment(each.began_at)["iso"])
        _add(entry, "updated", moment(each.ended_at or each.last_at)["iso"])
        _add(entry, "link", rel="alternate", href=f"{origin}/runs/{each.first_run}?lang={lang}", type="text/html")
        failed = texts["failed_run" if each.runs == 1 else "failed_runs"].format(n=each.runs)
        _add(entry, "summary", f"{moment(each.began_at)['text']} · {failed} · {each.browser}, {each.device}")
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes).text = text
