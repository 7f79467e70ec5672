"""The status page: how each scenario of each portal is, for eye, keyboard and screen reader, without scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from egovqual_link.instrument import load_instrument
from gapwatch.config import Job
from gapwatch.state import Glance
from gapwatch.web import sections
from gapwatch.web.app import SERVICES, Services
from gapwatch.web.history import History
from gapwatch.web.texts import TEXTS

_WELL = ("passed", "degraded")
#: Height of the drawing of the last runs, in its own units.
_HEIGHT = 24.0


@dataclass(frozen=True, slots=True)
class Tick:
    """One bar of the drawing: a run."""

    x: float
    y: float
    height: float
    outcome: str
    title: str


async def page(request: web.Request) -> web.Response:
    """The status page; `?lang=en` or `?lang=id`, else by what the browser prefers; `?refresh=SECONDS` loads it again.

    Only who asks for it gets a page that changes while it is read (WCAG 2.2, 2.2.1).
    """
    lang = language(request)
    services = request.app[SERVICES]
    history = await services.history.get()
    # In a thread: it looks for files, and a big page takes long enough to be seen in the timing of a run.
    context = await asyncio.to_thread(_context, services, history, lang, datetime.now(UTC))
    html = environment().get_template("status.html").render(**context, refresh=_refresh(request))
    return web.Response(
        text=html, content_type="text/html", headers={"Content-Language": lang, "Vary": "Accept-Language"}
    )


def _refresh(request: web.Request) -> int | None:
    """Seconds after which the page loads itself again, from 10 to 3600; None where nobody asks for it."""
    text = request.query.get("refresh", "")
    return min(max(int(text[:6]), 10), 3600) if text.isdecimal() else None


def language(request: web.Request) -> str:
    """The language asked for by `lang`, else the first that the browser prefers and that we have."""
    wanted = request.query.get("lang")
    if wanted in TEXTS:
        return wanted
    for part in request.headers.get("Accept-Language", "")[:200].split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in TEXTS:
            return code
    return "en"


@cache
def environment() -> Environment:
    """Templates of the web side; everything that is put into them is escaped."""
    made = Environment(loader=PackageLoader("gapwatch.web"), autoescape=True, undefined=StrictUndefined)
    made.trim_blocks = made.lstrip_blocks = True
    return made


def _context(services: Services, history: History, lang: str, now: datetime) -> dict[str, Any]:
    state, texts = services.state, TEXTS[lang]
    due = services.next_due()
    portals = []
    outcomes: list[str] = []
    for portal in state.config.portals:
        rows = []
        for job in state.config.jobs:
            if job.portal.name != portal.name:
                continue
            row = _row(job, state.latest(job), texts)
            row["ago"] = _span(now - row["at"], "ago", texts) if row["at"] else ""
            row["shares"] = _shares(history, job, texts)
            row["next"] = _span(due[job.id] - now, "in", texts) if job.id in due else ""
            rows.append(row)
            outcomes.append(row["outcome"])
        targets = [job.objectives.availability for job in state.config.jobs if job.portal.name == portal.name]
        portals.append(
            {
                "name": portal.name,
                "title": portal.title or portal.name,
                "url": portal.base_url,
                "rows": rows,
                "strip": sections.strip(history, portal.name, max(targets, default=1.0), texts),
            }
        )
    perceived = _perceived(services.survey(), lang)
    level, headline = _headline(outcomes, texts)
    reload = state.last_reload
    return {
        "t": texts,
        "lang": lang,
        "other": "en" if lang == "id" else "id",
        "level": level,
        "headline": headline,
        "portals": portals,
        "perceived": perceived,
        "problems": reload.problems if reload else (),
        "trouble": history.trouble,
        "maintenance": sections.maintenance_rows(state.config, now, texts),
        "failures": sections.failures(history, state.config, texts),
        "incidents": sections.incident_rows(history, state.config, texts),
        "since": texts["since"].format(when=f"{state.started_at:%Y-%m-%d %H:%M}", location=state.config.location),
        "now": {**sections.moment(now), "clock": f"{now:%H:%M:%S}"},
        "height": _HEIGHT,
    }


def _shares(history: History, job: Job, texts: Mapping[str, str]) -> list[dict[str, str]]:
    """Availability over each window, as text, with what it is a share of."""
    found = []
    for window, label in (("24h", "h24"), ("7d", "d7"), ("30d", "d30")):
        counts = history.counts(window, job.portal.name, job.scenario)
        share = sections.percent(counts, texts)
        found.append({"label": texts[label], "share": share, "tried": f"n = {counts.counted}"})
    return found


#: Width of the drawing of gaps, in its own units.
_GAP_WIDTH = 200.0


def _perceived(found: Mapping[str, Any] | None, lang: str) -> dict[str, Any] | None:
    """The survey's dimensions (else items) with their gaps as bars from a middle line: left is less than is wanted."""
    if found is None:
        return None
    whole = [row for row in found["scores"] if row["gap"] is not None and row["performance"] is not None]
    level = "dimension" if any(row["level"] == "dimension" for row in whole) else "item"
    rows = [row for row in whole if row["level"] == level]
    if not rows:
        return None
    reach = max(abs(row["gap"]) for row in rows) or 1.0
    instrument = load_instrument()
    titles: dict[str, str] = {each.key: each.title[lang] for each in instrument.dimensions}  # type: ignore[index]
    titles |= {each.key: each.title[lang] for each in instrument.items}  # type: ignore[index]
    shown = []
    for row in rows:
        width = _GAP_WIDTH / 2 * abs(row["gap"]) / reach
        shown.append(
            {
                "name": titles.get(row["key"], row["key"]),
                "x": _GAP_WIDTH / 2 - width if row["gap"] < 0 else _GAP_WIDTH / 2,
                "width": max(width, 1.0),
                "lack": row["gap"] < 0,
                **{kind: _figure(row[kind], lang, sign=kind == "gap") for kind in ("performance", "importance", "gap")},
            }
        )
    return {"portal": found["portal"], "wave": found["wave"], "rows": shown, "middle": _GAP_WIDTH / 2}


def _figure(value: float, lang: str, *, sign: bool) -> str:
    shown = f"{value:+.2f}" if sign else f"{value:.2f}"
    return shown.replace("-", "\N{MINUS SIGN}").replace(".", "," if lang == "id" else ".")


def _headline(outcomes: Sequence[str], texts: Mapping[str, str]) -> tuple[str, str]:
    seen = [outcome for outcome in outcomes if outcome != "none"]
    bad = [outcome for outcome in seen if outcome not in (*_WELL, "flaky", "error")]
    if not seen:
        return "none", texts["waiting"]
    if bad:
        return "failed", texts["some_fail"].format(n=len(bad), total=len(outcomes))
    if flaky := seen.count("flaky"):
        return "degraded", texts["some_flaky"].format(n=flaky, total=len(outcomes))
    if "error" in seen:
        return "error", texts["own_trouble"]
    return "passed", texts["all_well"]


def _row(job: Job, glances: Sequence[Glance], texts: Mapping[str, str]) -> dict[str, Any]:
    """What the runs of a job say of it."""
    last = glances[-1] if glances else None
    row: dict[str, Any] = {
        "scenario": job.scenario,
        "detail": f"{job.browser}, {job.device}" if job.needs_browser else "http",
        "outcome": "none",
        "why": "",
        "run_id": None,
        "at": None,
        "seconds": "",
        "ticks": _ticks(glances, texts),
    }
    if last is not None:
        row["outcome"], row["at"], row["run_id"] = last.outcome, last.started_at, last.run_id
        row["why"] = "" if last.outcome == "passed" else last.error_reason or last.worst or ""
        # How quickly a portal failed is no citizen's wait for the service.
        row["seconds"] = wait(last.duration_seconds, texts) if last.outcome in _WELL else ""
    row["said"] = texts[row["outcome"]]
    return row


def wait(seconds: float, texts: Mapping[str, str]) -> str:
    """A wait as people read it, with the language's decimal mark."""
    shown = f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.2f} {texts['second']}"
    return shown.replace(".", texts["decimal"])


def _span(span: timedelta, way: str, texts: Mapping[str, str]) -> str:
    seconds = int(span.total_seconds())
    if seconds < 1:
        return texts["soon"]
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size * 2:
            return texts[f"{way}_{unit}"].format(n=seconds // size)
    return texts[f"{way}_s"].format(n=seconds)


def _ticks(glances: Sequence[Glance], texts: Mapping[str, str]) -> list[Tick]:
    """Bars as high as the wait, the longest filling the height; a run without a wait is a bar of full height."""
    longest = max((glance.duration_seconds for glance in glances if glance.outcome in _WELL), default=0.0)
    ticks = []
    for index, glance in enumerate(glances):
        full = glance.outcome not in _WELL or longest <= 0
        height = _HEIGHT if full else max(3.0, _HEIGHT * glance.duration_seconds / longest)
        title = texts["tick"].format(
            when=f"{glance.started_at:%Y-%m-%d %H:%M:%S}",
            outcome=texts[glance.outcome],
            wait=wait(glance.duration_seconds, texts),
        )
        ticks.append(Tick(index * 5.0, _HEIGHT - height, height, glance.outcome, title))
    return ticks
