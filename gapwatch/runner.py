"""Runs jobs: few journeys at once, HTTP checks without waiting for them, and every run published whatever happened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gapwatch.config import Job
from gapwatch.maintenance import MaintenanceWindow, settle
from probes.prober import Prober, RunRequest
from probes.probes import new_run_id
from probes.run import Run, StepResult

log = logging.getLogger(__name__)

#: HTTP checks at once: each is a socket and some kilobytes.
HTTP_CHECKS_AT_ONCE = 64
#: A prober that has not ended this long after the deadline is stuck, and its run is given up. Starting a browser and
#: preparing its page are outside the deadline and may take half a minute each.
STUCK_AFTER_SECONDS = 75.0
CANCEL_SECONDS = 10.0

OnStep = Callable[[int, int, StepResult], None]


class Runner:
    """Runs jobs with a prober and hands each finished run to `publish`, which must not raise nor take long.

    With `retests`, a run that failed is followed by one more try, published as a retest of the first.
    """

    def __init__(
        self,
        prober: Prober,
        *,
        location: str,
        publish: Callable[[Run], Awaitable[None]],
        evidence_dir: Path | None = None,
        journeys_at_once: int = 1,
        maintenance: Sequence[MaintenanceWindow] = (),
        retests: bool = False,
    ) -> None:
        self._prober = prober
        self._retests = retests
        self._publish = publish
        self._http = asyncio.Semaphore(HTTP_CHECKS_AT_ONCE)
        self._tasks: set[asyncio.Task[object]] = set()
        self._alone: dict[str, asyncio.Lock] = {}
        self.adopt(location, evidence_dir, journeys_at_once, maintenance)

    def adopt(
        self,
        location: str,
        evidence_dir: Path | None,
        journeys_at_once: int,
        maintenance: Sequence[MaintenanceWindow] = (),
    ) -> None:
        """What holds for the runs from now on; those under way end as they began."""
        self._maintenance = tuple(maintenance)
        self._location = location
        self._evidence_dir = evidence_dir
        self._journeys = asyncio.Semaphore(journeys_at_once)

    @property
    def running(self) -> int:
        """Runs that are waiting or at work."""
        return len(self._tasks)

    async def run(
        self,
        job: Job,
        *,
        run_id: str | None = None,
        deadline_seconds: float | None = None,
        on_start: Callable[[], None] | None = None,
        on_step: OnStep | None = None,
        retest: bool = True,
    ) -> Run:
        """Run `job` once and publish the run.

        A cancelled run is published as the probe's own trouble, with the message of `Task.cancel` as its reason.

        `deadline_seconds` shortens the job's own; without `retest` a failure is not tried again here.
        `on_start` is told when the run begins, after any wait.
        """
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        asked = datetime.now(UTC)
        run_id = run_id or new_run_id(asked)
        began = time.monotonic()
        told = False
        try:
            # One run of a job at a time, whoever asks: two at once would meet each other's forms and sessions.
            async with self._alone.setdefault(job.id, asyncio.Lock()), self._room(job):
                asked, began = datetime.now(UTC), time.monotonic()
                if on_start is not None:
                    on_start()
                run = settle(await self._probe(job, run_id, deadline_seconds, on_step), self._maintenance)
            await self._publish(run)
            told = True
            if retest and self._retests and job.retest and run.outcome == "failed":
                await self._again(job, run, deadline_seconds)
        except asyncio.CancelledError as error:
            reason = str(error.args[0]) if error.args else "cancelled"
            # A run that was cancelled while it was being published is in good hands already: its id is the same.
            # A retest that was cut off says nothing, so nothing is said of it.
            if told:
                raise
            await self._publish(self.own_trouble(job, reason, asked, time.monotonic() - began, run_id))
            raise
        finally:
            if task is not None:
                self._tasks.discard(task)
        return run

    def _room(self, job: Job) -> asyncio.Semaphore:
        return self._journeys if job.needs_browser else self._http

    async def _again(self, job: Job, first: Run, deadline_seconds: float | None) -> None:
        """One more try of what failed, published as such, to see whether the failure stands."""
        run_id = new_run_id(datetime.now(UTC))
        async with self._alone.setdefault(job.id, asyncio.Lock()), self._room(job):
            run = settle(await self._probe(job, run_id, deadline_seconds, None, har=True), self._maintenance)
        await self._publish(replace(run, retest_of=first.run_id))

    async def _probe(
        self, job: Job, run_id: str, deadline_seconds: float | None, on_step: OnStep | None, *, har: bool = False
    ) -> Run:
        deadline = min(job.deadline_seconds, deadline_seconds or job.deadline_seconds)
        request = RunRequest(
            portal=job.portal,
            flow=job.flow,
            browser=job.browser,
            device=job.device,
            network=job.network,
            location=self._location,
            deadline_seconds=deadline,
            run_id=run_id,
            evidence_dir=self._evidence_dir,
            har=har,
            on_step=on_step,
        )
        started, began = datetime.now(UTC), time.monotonic()
        try:
            return await asyncio.wait_for(self._prober.run(request), deadline + STUCK_AFTER_SECONDS)
        except TimeoutError:
            log.error("run %s of %s was stuck and has been given up", run_id, job.id)  # noqa: TRY400 - no news in it
            return self.own_trouble(job, "stuck", started, time.monotonic() - began, run_id)
        except Exception:
            # A mistake in the prober or in a flow's script must not end the daemon, nor count against the portal.
            log.exception("run %s of %s broke the prober", run_id, job.id)
            return self.own_trouble(job, "internal", started, time.monotonic() - began, run_id)

    def own_trouble(
        self, job: Job, reason: str, started_at: datetime, duration_seconds: float, run_id: str | None = None
    ) -> Run:
        """The Run that says that the probe itself did not get through."""
        return Run(
            run_id=run_id or new_run_id(started_at),
            portal=job.portal.name,
            scenario=job.scenario,
            kind=job.flow.scenario.kind,
            location=self._location,
            browser=job.browser if job.needs_browser else "none",
            device=job.device if job.needs_browser else "none",
            network=job.network,
            started_at=started_at,
            duration_seconds=duration_seconds,
            deadline_seconds=job.deadline_seconds,
            outcome="error",
            error_reason=reason,
            timing_valid=False,
            invalid_reasons=(reason,),
        )

    async def drain(self, grace_seconds: float) -> int:
        """Wait for what is running, cancel what takes longer than `grace_seconds`; how many were cancelled."""
        tasks = set(self._tasks)
        if not tasks:
            return 0
        _, late = await asyncio.wait(tasks, timeout=grace_seconds)
        for task in late:
            task.cancel("shutdown")
        if late:
            await asyncio.wait(late, timeout=CANCEL_SECONDS)
        return len(late)
