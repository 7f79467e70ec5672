"""Runs and the daemon's state as JSON under /api/v1."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from exporters.store import StoreError
from exporters.store_history import Counts
from gapwatch.maintenance import upcoming
from gapwatch.version import version
from gapwatch.web.app import SERVICES, Services
from gapwatch.web.history import WINDOWS
from gapwatch.web.sections import AHEAD
from probes.run import OUTCOMES

MAX_RUNS = 500
DEFAULT_RUNS = 50


class BadQueryError(Exception):
    """A query parameter that cannot be used; the message says which and why."""


def bad_request(message: str, status: int = 400) -> web.Response:
    """An error in the shape that every error of the API has."""
    return web.json_response({"error": message}, status=status)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise BadQueryError(f"{name}: write a time such as 2026-11-24T00:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _filters(query: Mapping[str, str]) -> dict[str, Any]:
    known = {"portal", "scenario", "outcome", "since", "until", "limit"}
    if unknown := sorted(set(query) - known):
        raise BadQueryError(f"unknown parameter {unknown[0][:40]!r}; known: {', '.join(sorted(known))}")
    if (outcome := query.get("outcome")) is not None and outcome not in OUTCOMES:
        raise BadQueryError(f"outcome: one of {', '.join(OUTCOMES)}")
    limit = query.get("limit", str(DEFAULT_RUNS))
    if not limit.isdecimal() or not 1 <= int(limit[:6]) <= MAX_RUNS:
        raise BadQueryError(f"limit: a whole number from 1 to {MAX_RUNS}")
    return {
        "portal": query.get("portal"),
        "scenario": query.get("scenario"),
        "outcome": outcome,
        "since": _moment(query, "since"),
        "until": _moment(query, "until"),
        "limit": int(limit),
        "order": "newest",
    }


async def runs(request: web.Request) -> web.Response:
    """Runs from the store, newest first; filters: portal, scenario, outcome, since, until, limit (at most 500)."""
    try:
        filters = _filters(request.query)
    except BadQueryError as error:
        return bad_request(str(error))
    store = request.app[SERVICES].store

    def read() -> str:
        return json.dumps({"runs": [run.as_dict() for run in store.runs(**filters)]})

    try:
        # In a thread: a long answer must not hold up the event loop, which takes part in the timing of runs.
        return web.Response(text=await asyncio.to_thread(read), content_type="application/json")
    except StoreError as error:
        return bad_request(f"the store cannot be read: {error.reason}", status=503)


async def status(request: web.Request) -> web.Response:
    """The daemon and its jobs: the last outcome, when it was, when the next one is due."""
    services = request.app[SERVICES]
    state, due = services.state, services.next_due()
    reload = state.last_reload
    jobs = []
    for job in state.config.jobs:
        glances = state.latest(job)
        jobs.append(
            {
                "portal": job.portal.name,
                "scenario": job.scenario,
                "browser": job.browser if job.needs_browser else None,
                "device": job.device if job.needs_browser else None,
                "schedule": str(job.schedule),
                "outcome": glances[-1].outcome if glances else None,
                "run_id": glances[-1].run_id if glances else None,
                "started_at": _text(glances[-1].started_at) if glances else None,
                "next_due": _text(due[job.id]) if job.id in due else None,
            }
        )
    body = {
        "version": version(),
        "started_at": _text(state.started_at),
        "ready": state.ready,
        "running": services.runner.running,
        "last_reload": {"at": _text(reload.at), "good": not reload.problems} if reload else None,
        "jobs": jobs,
    }
    return web.json_response(body)


async def link(request: web.Request) -> web.Response:
    """The configured survey beside the measurements, as last worked out; 404 without one."""
    services = request.app[SERVICES]
    if services.state.config.survey is None:
        return bad_request("no survey is configured; see `survey` in the configuration", 404)
    found = services.survey()
    if found is None:
        return bad_request("not worked out yet; ask again in a minute", 503)
    return web.json_response(found)


async def run(request: web.Request) -> web.Response:
    """One run by its id; 404 for one that the store does not have."""
    try:
        found = await asyncio.to_thread(request.app[SERVICES].store.get, request.match_info["run_id"])
    except StoreError as error:
        return bad_request(f"the store cannot be read: {error.reason}", status=503)
    return bad_request("no such run", 404) if found is None else web.json_response(found.as_dict())


async def availability(request: web.Request) -> web.Response:
    """Availability of every configured scenario over 24 h, 7 d and 30 d, and by day (UTC)."""
    services = request.app[SERVICES]
    history = await services.history.get()
    if history.trouble:
        return bad_request(history.trouble, 503)
    scenarios = [
        {
            "portal": portal,
            "scenario": scenario,
            "windows": {name: _counts(history.counts(name, portal, scenario)) for name in WINDOWS},
            "days": [
                {"day": day.isoformat(), **_counts(counts)}
                for day, counts in sorted(history.days.get((portal, scenario), {}).items())
            ],
        }
        for portal, scenario in _pairs(services)
    ]
    return web.json_response({"computed_at": _text(history.at), "scenarios": scenarios})


async def incidents(request: web.Request) -> web.Response:
    """Incidents of the last 30 days, newest first; `ended_at` is null while one lasts."""
    services = request.app[SERVICES]
    history = await services.history.get()
    if history.trouble:
        return bad_request(history.trouble, 503)
    known = set(_pairs(services))
    found = [
        {
            **dataclasses.asdict(each),
            "began_at": _text(each.began_at),
            "last_at": _text(each.last_at),
            "ended_at": _text(each.ended_at) if each.ended_at else None,
        }
        for each in history.incidents
        if (each.portal, each.scenario) in known
    ]
    return web.json_response({"computed_at": _text(history.at), "incidents": found})


async def maintenance(request: web.Request) -> web.Response:
    """Maintenance under way and announced for the next two weeks; no portal named means all."""
    now = datetime.now(UTC)
    found = [
        {
            "portals": list(row.window.portals),
            "begin": _text(row.begin),
            "end": _text(row.end),
            "timezone": row.window.timezone,
            "note": row.window.note,
            "under_way": row.begin <= now,
        }
        for row in upcoming(request.app[SERVICES].state.config.maintenance, now, AHEAD)
    ]
    return web.json_response({"windows": found})


def _pairs(services: Services) -> list[tuple[str, str]]:
    """Configured portals and scenarios, each once, in the file's order."""
    return list(dict.fromkeys((job.portal.name, job.scenario) for job in services.state.config.jobs))


def _counts(counts: Counts) -> dict[str, float | int | None]:
    return {"availability": counts.share, **dataclasses.asdict(counts)}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
