"""The clock of the daemon: calls each job when due, never the same one twice at once, and tells what it missed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from apscheduler.events import (
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOB_SUBMITTED,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from gapwatch.config import Job

#: First runs are this far apart, so that a start of the daemon is no burst on host and portals.
SPREAD_SECONDS = 1.0
#: The first run waits this long: a start that is past when the clock looks at it would be a turn that was missed.
LEAD_SECONDS = 0.5

OnDue = Callable[[Job, datetime], Awaitable[None]]
OnMissed = Callable[[Job, str], None]


class Scheduler:
    """Keeps jobs on their schedules.

    `on_due` is awaited with the job and the time at which it was due. `on_missed` is told of each turn that was not
    taken: `overlap` (the same job was still running) or `late` (the process was held up past the next turn).
    """

    def __init__(self, on_due: OnDue, on_missed: OnMissed) -> None:
        self._on_due = on_due
        self._on_missed = on_missed
        self._jobs: dict[str, Job] = {}
        self._due: dict[str, datetime] = {}
        # Its own lines repeat what the run's line says; what was missed is told by `on_missed`.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        # Turns are not merged: each missed one is told apart. Of several that are due only the last is young enough.
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"coalesce": False, "max_instances": 1})
        self._scheduler.add_listener(self._submitted, EVENT_JOB_SUBMITTED)
        self._scheduler.add_listener(self._missed, EVENT_JOB_MISSED)
        self._scheduler.add_listener(self._overlapped, EVENT_JOB_MAX_INSTANCES)

    def start(self, jobs: Iterable[Job]) -> None:
        """Begin; to be called inside the event loop."""
        self._scheduler.start()
        self.replace(jobs)

    def replace(self, jobs: Iterable[Job]) -> None:
        """Go on with these jobs; those that keep their schedule keep their rhythm."""
        wanted = {job.id: job for job in jobs}
        for gone in self._jobs.keys() - wanted.keys():
            self._scheduler.remove_job(gone)
        fresh = [
            job for job in wanted.values() if job.id not in self._jobs or self._jobs[job.id].schedule != job.schedule
        ]
        self._jobs = wanted
        now = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS)
        for index, job in enumerate(fresh):
            gap = job.schedule.smallest_gap
            start = now + timedelta(seconds=min(index * SPREAD_SECONDS, gap * index / len(fresh)))
            self._scheduler.add_job(
                self._call,
                job.schedule.trigger(start),
                args=(job.id,),
                id=job.id,
                misfire_grace_time=max(1, int(min(gap, 86_400.0) * 0.9)),
                replace_existing=True,
            )

    def next_due(self) -> dict[str, datetime]:
        """When each job is due next, by job id."""
        return {job.id: job.next_run_time.astimezone(UTC) for job in self._scheduler.get_jobs() if job.next_run_time}

    def stop(self) -> None:
        """Call no job any more; those that are being called go on."""
        self._scheduler.remove_all_jobs()
        self._jobs = {}

    def close(self) -> None:
        """End; what is still being called is cancelled."""
        self._scheduler.shutdown(wait=False)

    async def _call(self, job_id: str) -> None:
        job = self._jobs.get(job_id)
        due = self._due.pop(job_id, None) or datetime.now(UTC)
        if job is not None:
            await self._on_due(job, due)

    def _submitted(self, event: JobSubmissionEvent) -> None:
        # Comes before the coroutine's first step: both are in the event loop, and the loop is here now.
        self._due[event.job_id] = event.scheduled_run_times[-1].astimezone(UTC)

    def _missed(self, event: JobExecutionEvent) -> None:
        if (job := self._jobs.get(event.job_id)) is not None:
            self._on_missed(job, "late")

    def _overlapped(self, event: JobSubmissionEvent) -> None:
        if (job := self._jobs.get(event.job_id)) is not None:
            for _ in event.scheduled_run_times:
                self._on_missed(job, "overlap")
