"""Badges (SVG): the state of a portal or scenario, or its availability, for pages and readmes elsewhere."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from exporters.store_history import Counts
from gapwatch.state import State
from gapwatch.web.app import SERVICES
from gapwatch.web.history import WINDOWS
from gapwatch.web.sections import percent
from gapwatch.web.status import language
from gapwatch.web.texts import TEXTS

#: White text on each has a contrast of at least 4.5 (WCAG 2.2, 1.4.3).
_COLOURS = {
    "passed": "#17794a", "degraded": "#8a5c00", "flaky": "#8a5c00", "failed": "#b3261e", "blocked": "#6f42c1",
    "maintenance": "#1f5fae", "error": "#566272", "none": "#566272",
}  # fmt: skip
#: From bad to good: a portal is as well as its worst scenario. The probe's own trouble says nothing of the portal.
_WORST = ("failed", "blocked", "maintenance", "flaky", "degraded", "passed", "error", "none")


async def badge(request: web.Request) -> web.Response:
    """`?show=state` (the default) or `?show=availability&window=24h|7d|30d`; 404 for what is not configured."""
    services = request.app[SERVICES]
    portal, scenario = request.match_info["portal"], request.match_info.get("scenario")
    jobs = [job for job in services.state.config.jobs if job.portal.name == portal and scenario in (None, job.scenario)]
    if not jobs:
        raise web.HTTPNotFound(text="no such portal or scenario\n")
    show, window = request.query.get("show", "state"), request.query.get("window", "30d")
    if show not in ("state", "availability") or window not in WINDOWS:
        raise web.HTTPBadRequest(text=f"show: state or availability; window: one of {', '.join(WINDOWS)}\n")
    texts = TEXTS[language(request)]
    label = jobs[0].portal.title or portal if scenario is None else f"{portal} / {scenario}"
    if show == "state":
        level = _state(services.state, portal, scenario)
        said = texts[level]
    else:
        counts = (await services.history.get()).counts(window, portal, scenario)
        level = _level(counts, max(job.objectives.availability for job in jobs))
        said = f"{percent(counts, texts)} · {texts[{'24h': 'h24', '7d': 'd7', '30d': 'd30'}[window]]}"
    return web.Response(text=draw(label[:60], said, _COLOURS[level]), content_type="image/svg+xml")


def _state(state: State, portal: str, scenario: str | None) -> str:
    seen = {
        glances[-1].outcome if (glances := state.latest(job)) else "none"
        for job in state.config.jobs
        if job.portal.name == portal and scenario in (None, job.scenario)
    }
    return next(each for each in _WORST if each in seen)


def _level(counts: Counts, target: float) -> str:
    share = counts.share
    return "none" if share is None else "passed" if share >= target else "failed"


def draw(label: str, said: str, colour: str) -> str:
    """The picture; widths are guessed from the number of letters and then kept by `textLength`."""
    left, right = (round(len(text) * 6.6) + 16 for text in (label, said))
    texts = "".join(
        f'<text x="{x}" y="14" textLength="{width - 16}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for x, width, text in ((8, left, label), (left + 8, right, said))
    )
    name = f"{label}: {said}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f"aria-label={quoteattr(name)}>"
        f"<title>{escape(name)}</title>"
        f'<rect width="{left + right}" height="20" rx="3" fill="#3a424d"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>'
    )
