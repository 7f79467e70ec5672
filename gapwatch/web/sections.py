"""Sections of the status page on what was and what will be: strips of days, failures, incidents, maintenance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from exporters.store_history import Counts, Incident
from gapwatch.config import Config
from gapwatch.evidence import NAME
from gapwatch.maintenance import Announcement, upcoming
from gapwatch.web.history import DAYS, History
from probes.run import SEVERITIES, Run

#: How far ahead maintenance is told.
AHEAD = timedelta(days=14)
#: Incidents that the page lists; the feed and the API have all.
INCIDENTS = 8


def percent(counts: Counts, texts: Mapping[str, str]) -> str:
    """Availability as people read it; never 100% where a run failed, never 0% where one got through."""
    share = counts.share
    if share is None:
        return texts["unmeasured"]
    if 0 < share < 1:
        share = min(max(share, 0.0001), 0.9999)
    digits = 2 if 0.99 < share < 1 or 0 < share < 0.001 else 1 if 0 < share < 1 else 0
    return f"{share:.{digits}%}".replace(".", texts["decimal"])


def strip(history: History, portal: str, target: float, texts: Mapping[str, str]) -> dict[str, Any]:
    """One bar a day: the best colour where nothing failed, the middle one while the objective is met."""
    bars, clean, marred = [], 0, 0
    today = history.at.date()
    for index in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - index)
        counts = history.day(day, portal)
        share = counts.share
        level = "none" if share is None else "passed" if share == 1 else "degraded" if share >= target else "failed"
        clean, marred = clean + (level == "passed"), marred + (level in ("degraded", "failed"))
        # Trouble is drawn from above, as deep as its share, at least so that it can be seen: not by colour alone.
        lost = 0.0 if share is None or share == 1 else max(4.0, 24.0 * (1 - share))
        title = texts["day_tick"].format(
            day=f"{day:%Y-%m-%d}", share=percent(counts, texts), failed=counts.unavailable, n=counts.counted
        )
        bars.append({"x": index * 8, "level": level, "lost": lost, "title": title})
    said = texts["day_strip"].format(clean=clean, marred=marred, unknown=DAYS - clean - marred)
    return {"bars": bars, "said": said, "width": DAYS * 8}


def failures(history: History, config: Config, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """The last failed runs: when, where, at which step, the worst finding, and a screenshot that is still there."""
    known = {(job.portal.name, job.scenario) for job in config.jobs}
    return [
        {
            "run_id": run.run_id,
            "portal": run.portal,
            "scenario": run.scenario,
            "when": moment(run.started_at),
            "step": next((step.name for step in run.steps if step.outcome == "failed"), ""),
            "why": worst_of(run),
            "shot": screenshot_of(run, config.evidence_dir),
            "alt": texts["shot_of"].format(portal=run.portal, scenario=run.scenario),
        }
        for run in history.failures
        if (run.portal, run.scenario) in known
    ]


def worst_of(run: Run) -> str:
    """The run's worst finding in words."""
    worst = min(run.findings, key=lambda each: SEVERITIES.index(each.severity), default=None)
    return f"{worst.class_}: {worst.message}" if worst else ""


def screenshot_of(run: Run, folder: Path) -> str | None:
    """Name of the run's screenshot, where it has not been pruned."""
    name = run.evidence.screenshot if run.evidence else None
    return name if name and NAME.fullmatch(name) and (folder / name).is_file() else None


def incident_rows(history: History, config: Config, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """The newest incidents of the scenarios that the configuration has."""
    known = {(job.portal.name, job.scenario) for job in config.jobs}
    found = [each for each in history.incidents if (each.portal, each.scenario) in known]
    return [
        {
            "run_id": each.first_run,
            "title": f"{each.portal} / {each.scenario}",
            "detail": "" if each.browser == "none" else f"{each.browser}, {each.device}",
            "began": moment(each.began_at),
            "lasted": lasted(each, history.at, texts),
            "open": each.ended_at is None,
            "runs": texts["failed_run" if each.runs == 1 else "failed_runs"].format(n=each.runs),
        }
        for each in found[:INCIDENTS]
    ]


def lasted(incident: Incident, now: datetime, texts: Mapping[str, str]) -> str:
    """How long it was, from the first failed run to the first that got through."""
    seconds = int(((incident.ended_at or now) - incident.began_at).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size * 2:
            return texts[f"span_{unit}"].format(n=seconds // size)
    return texts["span_s"].format(n=seconds)


def maintenance_rows(config: Config, now: datetime, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Maintenance under way and announced for the next two weeks, in the window's own time zone."""
    titles = {portal.name: portal.title or portal.name for portal in config.portals}
    return [
        {
            "portals": ", ".join(titles.get(each, each) for each in row.window.portals) or texts["all_portals"],
            "when": _span_of(row),
            "zone": row.window.timezone,
            "note": row.window.note,
            "now": row.begin <= now,
        }
        for row in upcoming(config.maintenance, now, AHEAD)
    ]


def _span_of(row: Announcement) -> str:
    begin, end = (each.astimezone(ZoneInfo(row.window.timezone)) for each in (row.begin, row.end))
    closing = f"{end:%H:%M}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{begin:%Y-%m-%d %H:%M}\N{EN DASH}{closing}"


def moment(when: datetime) -> dict[str, str]:
    """A time for machines and for people."""
    when = when.astimezone(UTC)
    return {"iso": f"{when:%Y-%m-%dT%H:%M:%SZ}", "text": f"{when:%Y-%m-%d %H:%M} UTC"}
