"""The daemon: schedule, probes, store, metrics and web side together, from start to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from aiohttp import web

from gapwatch.config import Config, Job, load_config
from gapwatch.evidence import EVERY_SECONDS, prune_once
from gapwatch.logs import LineFormatter
from gapwatch.outlets import Outlets
from gapwatch.perceived import SurveyWatch
from gapwatch.probing import ready_probes, require_browsers
from gapwatch.runner import Runner
from gapwatch.schedule import Scheduler
from gapwatch.slo import bounds
from gapwatch.state import REMEMBERED, Reload, State
from gapwatch.web.app import Services, make_app
from gapwatch.web.history import HistoryWatch
from probes import Probes
from probes.run import Run
from scenarios.source import InputError, Problem

log = logging.getLogger(__name__)

#: Answers that are under way when the daemon ends get this long.
WEB_CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a reload reaches."""

    probes: Probes
    outlets: Outlets
    runner: Runner
    scheduler: Scheduler
    state: State
    survey: SurveyWatch


class Daemon:
    """Runs a configuration until it is told to stop; `serve` does it all."""

    def __init__(self, config: Config, formatter: LineFormatter | None = None) -> None:
        self._config = config
        self._formatter = formatter
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._hide_secrets(config)

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    async def serve(self) -> None:
        """From start to end.

        Raises:
            InputError: the port is taken, a browser is missing. StoreError: the store cannot be used.
        """
        config = self._config
        listener = bind(config.listen, str(config.path))
        async with AsyncExitStack() as stack:
            stack.callback(listener.close)
            # Browsers are looked for before the store is made: a start that fails leaves nothing behind.
            outlets_later: list[Outlets] = []
            probes = await stack.enter_async_context(
                ready_probes(config, config.jobs, lambda reason: _restarted(outlets_later, reason))
            )
            outlets = open_outlets(config)
            outlets_later.append(outlets)
            stack.push_async_callback(outlets.close)
            await self._work(config, probes, outlets, listener)

    async def _work(self, config: Config, probes: Probes, outlets: Outlets, listener: socket.socket) -> None:
        state = State(config)
        state.recall(await asyncio.to_thread(_recent, outlets))

        async def publish(run: Run) -> None:
            state.remember(run)
            _log_run(run)
            await outlets.publish(run)

        runner = Runner(
            probes,
            location=config.location,
            publish=publish,
            evidence_dir=config.evidence_dir,
            journeys_at_once=config.concurrency,
            maintenance=config.maintenance,
            retests=True,
        )

        async def on_due(job: Job, due: datetime) -> None:
            await runner.run(job, on_start=lambda: _tell_lateness(outlets, state.config, job, due))

        def on_missed(job: Job, reason: str) -> None:
            outlets.metrics.probe_error(f"schedule_{reason}")
            log.warning("%s: a turn was missed: %s", job.id, reason)

        scheduler = Scheduler(on_due, on_missed)
        survey = SurveyWatch(outlets.metrics, config.store_url)
        services = Services(
            state,
            outlets.metrics,
            outlets.store,
            runner,
            scheduler.next_due,
            HistoryWatch(outlets.store),
            lambda: survey.latest,
        )
        async with (
            AsyncExitStack() as stack,
            contextlib.aclosing(survey),
            _web(services, listener),
            self._signals(_Parts(probes, outlets, runner, scheduler, state, survey)),
        ):
            await survey.adopt(config.survey)
            pruning = asyncio.create_task(_prune(state), name="evidence")
            stack.callback(pruning.cancel)
            _begin_series(outlets, config)
            scheduler.start(config.jobs)
            state.ready = True
            host, port = listener.getsockname()[:2]
            log.info("ready: %d jobs, http://%s:%d/", len(config.jobs), f"[{host}]" if ":" in host else host, port)
            await self._stop.wait()
            state.ready = False
            scheduler.stop()
            log.info("stopping: %d runs are under way", runner.running)
            cancelled = await runner.drain(state.config.grace_seconds)
            scheduler.close()
            log.info("stopped: %d runs were cancelled", cancelled)

    @asynccontextmanager
    async def _signals(self, parts: _Parts) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def reload() -> None:
            task = loop.create_task(self._reload(parts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        handlers = {signal.SIGTERM: self.stop, signal.SIGINT: self.stop, signal.SIGHUP: reload}
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    async def _reload(self, parts: _Parts) -> None:
        """Go on with the file as it is now; a file that cannot be used changes nothing, and that is told."""
        async with self._reloading:
            if self._stop.is_set():
                return
            path = parts.state.config.path
            try:
                # In a thread: reading takes long enough to be seen in the timing of a run.
                config = await asyncio.to_thread(load_config, path)
                await require_browsers(config, parts.probes, config.jobs)
            except InputError as error:
                problems = tuple(str(problem) for problem in error.problems)
                parts.state.last_reload = Reload(datetime.now(UTC), problems)
                parts.outlets.metrics.probe_error("config_reload")
                for problem in problems:
                    log.error("reload refused, the old configuration stays: %s", problem)  # noqa: TRY400 - no news in it
                return
            for what in needs_restart(parts.state.config, config):
                log.warning("%s was changed: that takes effect with a restart", what)
            self._hide_secrets(config)
            parts.state.adopt(config)
            parts.runner.adopt(config.location, config.evidence_dir, config.concurrency, config.maintenance)
            _begin_series(parts.outlets, config)
            parts.scheduler.replace(config.jobs)
            await parts.survey.adopt(config.survey)
            parts.state.last_reload = Reload(datetime.now(UTC))
            log.info("reloaded: %d jobs", len(config.jobs))

    def _hide_secrets(self, config: Config) -> None:
        if self._formatter is not None:
            headers = config.exports.otlp.headers.values() if config.exports.otlp else ()
            secrets = (secret for portal in config.portals for secret in portal.secrets.values())
            self._formatter.set_secrets(chain(secrets, headers))


def needs_restart(old: Config, new: Config) -> list[str]:
    """Keys that a running daemon cannot change."""
    pairs = {
        "listen": (old.listen, new.listen),
        "store": (old.store_url, new.store_url),
        "exporters": (old.exports, new.exports),
        "slo (a latency objective)": (bounds(old.jobs), bounds(new.jobs)),
        "browser": ((old.headed, old.browser_executables), (new.headed, new.browser_executables)),
    }
    return [name for name, (before, after) in pairs.items() if before != after]


def open_outlets(config: Config) -> Outlets:
    """Where the daemon's runs go; StoreError when the store cannot be used."""
    return Outlets(
        config.store_url,
        textfile=config.exports.textfile,
        jsonlines=config.exports.jsonlines,
        otlp=config.exports.otlp,
        objectives=bounds(config.jobs),
        location=config.location,
    )


def _begin_series(outlets: Outlets, config: Config) -> None:
    """Forget the series of what is gone, and begin those of what is there."""
    outlets.metrics.retain((job.portal.name, job.scenario) for job in config.jobs)
    outlets.metrics.probe_error("config_reload", 0)
    for job in config.jobs:
        browser = job.browser if job.needs_browser else "none"
        outlets.metrics.begin(portal=job.portal.name, scenario=job.scenario, location=config.location, browser=browser)


def bind(address: tuple[str, int], source: str) -> socket.socket:
    """The listening socket for host and port; InputError of `source` when it cannot be had."""
    host, port = address
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "the port is taken" if taken else error.strerror or str(error)
        hint = "end the other process or give another port in `listen`" if taken else "see `listen`"
        raise InputError([Problem(source, None, f"cannot listen on {host}:{port}: {reason}", hint)]) from error
    return listener


@asynccontextmanager
async def _web(services: Services, listener: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(make_app(services), access_log=None, shutdown_timeout=WEB_CLOSE_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(runner.cleanup(), WEB_CLOSE_SECONDS + 2)


def _recent(outlets: Outlets) -> list[Run]:
    """Runs of the last day for the status page, oldest first."""
    return outlets.store.latest(n=REMEMBERED, since=datetime.now(UTC) - timedelta(days=1))[::-1]


async def _prune(state: State) -> None:
    """Keep the evidence folder within the bounds of the configuration at work."""
    while True:
        await prune_once(state.config.evidence_dir, state.config.evidence_keep)
        await asyncio.sleep(EVERY_SECONDS)


def _restarted(outlets: list[Outlets], reason: str) -> None:
    for each in outlets:
        each.metrics.browser_restart(reason)


def _tell_lateness(outlets: Outlets, config: Config, job: Job, due: datetime) -> None:
    late = (datetime.now(UTC) - due).total_seconds()
    outlets.metrics.lateness(late, portal=job.portal.name, scenario=job.scenario, location=config.location)


def _log_run(run: Run) -> None:
    why = f" reason={run.error_reason}" if run.error_reason else ""
    log.info(
        "run=%s portal=%s scenario=%s browser=%s outcome=%s%s duration=%.3f findings=%d timing_valid=%s",
        run.run_id, run.portal, run.scenario, run.browser, run.outcome, why, run.duration_seconds, len(run.findings),
        run.timing_valid,
    )  # fmt: skip


async def run_daemon(path: Path, formatter: LineFormatter | None = None) -> None:
    """Serve the configuration at `path` until SIGTERM or SIGINT."""
    await Daemon(load_config(path), formatter).serve()
