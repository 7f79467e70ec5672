"""Browsers and HTTP checks ready for a configuration: what is missing is told before anything runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from gapwatch.config import Config, Job
from gapwatch.version import version
from probes import BrowserMissingError, Probes
from scenarios.source import InputError, Problem

log = logging.getLogger(__name__)

#: A browser that does not close in this time is ended with the process.
CLOSE_SECONDS = 10.0


@asynccontextmanager
async def ready_probes(
    config: Config, jobs: Iterable[Job], on_browser_restart: Callable[[str], None] | None = None
) -> AsyncIterator[Probes]:
    """Probes for `jobs`, closed at the end, however badly a browser behaves.

    Raises:
        InputError: no browser of an engine that a job needs is installed.
    """
    probes = Probes(
        headed=config.headed,
        executables=config.browser_executables,
        on_browser_restart=on_browser_restart,
        probe_version=version(),
    )
    await probes.__aenter__()
    try:
        await require_browsers(config, probes, jobs)
        yield probes
    finally:
        try:
            await asyncio.wait_for(probes.__aexit__(None, None, None), CLOSE_SECONDS)
        except TimeoutError:
            log.warning("the browsers did not close in %g s", CLOSE_SECONDS)


async def require_browsers(config: Config, probes: Probes, jobs: Iterable[Job]) -> None:
    """See that every browser that `jobs` need can be found; InputError with one problem for each that cannot."""
    await require_engines(probes, sorted({job.browser for job in jobs if job.needs_browser}), str(config.path))


async def require_engines(probes: Probes, engines: Iterable[str], source: str) -> None:
    """See that a browser of each engine can be found; InputError with one problem of `source` for each that cannot."""
    problems = []
    for engine in engines:
        try:
            await probes.pool.find(engine)
        except BrowserMissingError as error:
            message, _, hint = str(error).partition("; ")
            problems.append(Problem(source, None, message, hint or None))
    if problems:
        raise InputError(problems)
