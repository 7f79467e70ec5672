"""Runs and the daemon's state as JSON under /api/v1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from exporters.store import StoreError
from gapwatch.version import version
from gapwatch.web.app import SERVICES
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


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
