"""One pass over jobs for cron: every selected job gives exactly one run, and the pass ends when it must."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gapwatch.exits import ExitCode
from gapwatch.probing import ready_probes
from gapwatch.runner import CANCEL_SECONDS, Runner
from probes.probes import new_run_id
from probes.run import OUTCOMES, SEVERITIES, Run

if TYPE_CHECKING:
    from gapwatch.config import Config, Job
    from gapwatch.outlets import Outlets
    from gapwatch.progress import Progress

_WELL = ("passed", "degraded")


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass gave: its runs in the order of the configuration, when it began, how long it took in seconds.

    `trouble` says what could not be kept or exported.
    """

    runs: tuple[Run, ...]
    started_at: datetime
    duration_seconds: float
    trouble: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """0 all well; 1 a portal failed; 3 the probe's own trouble.

        A failure that a retest did not confirm is flaky: it is told in the summary, and the code is that of the retest.
        A proven failure of a portal is never hidden by trouble of our own elsewhere, so 1 goes before 3.
        """
        cleared = {run.retest_of for run in self.runs if run.retest_of is not None and run.outcome in _WELL}
        outcomes = {run.outcome for run in self.runs if run.run_id not in cleared}
        if outcomes - {*_WELL, "error"}:
            return ExitCode.PORTAL
        return ExitCode.OWN if "error" in outcomes or self.trouble else ExitCode.OK

    def as_dict(self) -> dict[str, Any]:
        """The object that `--format json` prints."""
        return {"runs": [run.as_dict() for run in self.runs], "summary": self.summary()}

    def summary(self) -> dict[str, Any]:
        """Counts over the runs; every outcome and severity is there, also where it is 0."""
        outcomes = Counter(run.outcome for run in self.runs)
        severities = Counter(finding.severity for run in self.runs for finding in run.findings)
        return {
            "started_at": self.started_at.isoformat().replace("+00:00", "Z"),
            "duration_seconds": self.duration_seconds,
            "runs": len(self.runs),
            "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES},
            "findings": {severity: severities[severity] for severity in SEVERITIES},
            "flaky": sum(run.retest_of is not None and run.outcome in _WELL for run in self.runs),
            "timing_invalid": sum(not run.timing_valid for run in self.runs),
            "trouble": list(self.trouble),
            "exit_code": int(self.exit_code),
        }


async def run_pass(
    config: Config,
    jobs: Sequence[Job],
    *,
    open_outlets: Callable[[], Outlets],
    progress: Progress,
    deadline_seconds: float | None = None,
    retests: bool = False,
) -> Pass:
    """Run each job once. What has not ended by `deadline_seconds`, or at a signal, becomes an `error` run.

    Raises:
        InputError: a browser that is needed is not installed. Whatever `open_outlets` raises; it is called after the
            browsers were found, so that a call that cannot run leaves nothing behind.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    runs: dict[str, Run] = {}
    async with ready_probes(config, jobs) as probes:
        outlets = open_outlets()

        async def publish(run: Run) -> None:
            # The first verdict on a run is the one that counts: a cancellation may come while it is being kept.
            if runs.setdefault(run.run_id, run) is run:
                await outlets.publish(run)

        runner = Runner(
            probes,
            location=config.location,
            publish=publish,
            evidence_dir=config.evidence_dir,
            journeys_at_once=config.concurrency,
            maintenance=config.maintenance,
            retests=retests,
        )
        named = {new_run_id(started_at): job for job in jobs}
        room = asyncio.Semaphore(config.concurrency)
        tasks = [
            asyncio.create_task(_repeated(runner, group, room, progress, publish)) for group in _by_job(named).values()
        ]
        try:
            with _ended_by_signals(tasks):
                left = None if deadline_seconds is None else max(0.1, deadline_seconds - (time.monotonic() - began))
                await _wait(tasks, left)
            for run_id, job in named.items():
                if run_id not in runs:
                    await publish(runner.own_trouble(job, "stuck", started_at, time.monotonic() - began, run_id))
        finally:
            trouble = await outlets.close()
    again = {run.retest_of: run for run in runs.values() if run.retest_of is not None}
    ordered = tuple(run for run_id in named for run in (runs[run_id], again.get(run_id)) if run is not None)
    return Pass(ordered, started_at, time.monotonic() - began, tuple(trouble))


def _by_job(named: Mapping[str, Job]) -> dict[str, list[tuple[str, Job]]]:
    """Runs of the same job together, in the order in which the jobs first stand."""
    groups: dict[str, list[tuple[str, Job]]] = {}
    for run_id, job in named.items():
        groups.setdefault(job.id, []).append((run_id, job))
    return groups


async def _repeated(
    runner: Runner,
    runs: Sequence[tuple[str, Job]],
    room: asyncio.Semaphore,
    progress: Progress,
    publish: Callable[[Run], Awaitable[None]],
) -> None:
    """Run a job once for each of `runs`, one after the other without giving up its place among the journeys.

    Queued anew each time, the longest job would come last and run alone at the end.
    """
    began = datetime.now(UTC)
    try:
        async with room if runs[0][1].needs_browser else nullcontext():
            for run_id, job in runs:
                await _one(runner, job, run_id, progress)
    except asyncio.CancelledError as error:
        reason = str(error.args[0]) if error.args else "cancelled"
        # What has a verdict keeps it; the others never began.
        for run_id, job in runs:
            await publish(runner.own_trouble(job, reason, began, 0.0, run_id))
        raise


async def _one(runner: Runner, job: Job, run_id: str, progress: Progress) -> None:
    run = await runner.run(
        job,
        run_id=run_id,
        on_start=lambda: progress.started(run_id, job),
        on_step=lambda index, count, result: progress.step(run_id, job, index, count, result),
    )
    progress.finished(job, run)


async def _wait(tasks: Sequence[asyncio.Task[None]], seconds: float | None) -> None:
    """Until all have ended, at most `seconds`, and then a little for them to clean up."""
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel("call_deadline")
    if late:
        await asyncio.wait(late, timeout=CANCEL_SECONDS)
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


@contextmanager
def _ended_by_signals(tasks: Sequence[asyncio.Task[Any]]) -> Iterator[None]:
    """Cron's and the user's way to end it: what was done so far is still told and kept."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        for task in tasks:
            task.cancel("interrupted")

    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
            stack.callback(loop.remove_signal_handler, number)
        yield
