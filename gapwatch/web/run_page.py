"""One run as a page: how it went, its steps and findings, the screenshot and the trace of a failure."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from exporters.store import Store, StoreError
from gapwatch.evidence import NAME
from gapwatch.web.app import SERVICES
from gapwatch.web.status import environment, language, wait
from gapwatch.web.texts import TEXTS
from probes.run import Evidence, Run


async def page(request: web.Request) -> web.Response:
    """The page of the run in the address; 404 for a run that the store does not have."""
    services = request.app[SERVICES]
    try:
        run = await asyncio.to_thread(services.store.get, request.match_info["run_id"])
    except StoreError:
        run = None
    if run is None:
        raise web.HTTPNotFound(text="no such run\n")
    again = await asyncio.to_thread(_retest, services.store, run)
    lang = language(request)
    there = await asyncio.to_thread(_there, request, run)
    html = environment().get_template("run.html").render(**_context(run, lang), evidence=there, again=again)
    return web.Response(
        text=html, content_type="text/html", headers={"Content-Language": lang, "Vary": "Accept-Language"}
    )


def _retest(store: Store, run: Run) -> str | None:
    """The run that tried this one again."""
    try:
        return store.retest_of(run.run_id, since=run.started_at)
    except StoreError:
        return None


def _there(request: web.Request, run: Run) -> dict[str, str | None]:
    """Evidence that has not been pruned, by kind."""
    folder = request.app[SERVICES].state.config.evidence_dir
    kept = run.evidence or Evidence()
    named = {"screenshot": kept.screenshot, "trace": kept.trace, "har": f"{run.run_id}.har"}
    return {
        kind: name if name and NAME.fullmatch(name) and (folder / name).is_file() else None
        for kind, name in named.items()
    }


def _context(run: Run, lang: str) -> dict[str, Any]:
    texts = TEXTS[lang]
    steps = [
        {
            "name": step.name,
            "outcome": step.outcome,
            "said": texts.get(f"step_{step.outcome}", step.outcome),
            "seconds": "" if step.duration_seconds is None else wait(step.duration_seconds, texts),
        }
        for step in run.steps
    ]
    return {
        "t": texts,
        "lang": lang,
        "other": "en" if lang == "id" else "id",
        "run": run,
        "said": texts[run.outcome],
        "seconds": wait(run.duration_seconds, texts),
        "when": f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "steps": steps,
    }


async def evidence(request: web.Request) -> web.StreamResponse:
    """A file of evidence, by its name; nothing else of the folder can be had."""
    name = request.match_info["name"]
    if not NAME.fullmatch(name):
        raise web.HTTPNotFound(text="no such evidence\n")
    path = request.app[SERVICES].state.config.evidence_dir / name
    if path.is_symlink() or not await asyncio.to_thread(path.is_file):
        raise web.HTTPNotFound(text="no such evidence\n")
    kind = {".png": "image/png", ".zip": "application/zip"}.get(path.suffix, "application/json")
    return web.FileResponse(path, headers={"Content-Type": kind})
