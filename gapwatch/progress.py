"""What is going on, on stderr: a moving picture on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

    from gapwatch.config import Job
    from probes.run import Run, StepResult


class Progress:
    """Counts runs up to `total`; use as a context manager."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._total = total
        self._done = 0
        self._console = Console(file=stream or sys.stderr, highlight=False)
        self._rich: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn())
            self._rich = RichProgress(*columns, TimeElapsedColumn(), console=self._console, transient=True)
            self._all = self._rich.add_task("all runs", total=total)

    def __enter__(self) -> Self:
        if self._rich is not None:
            self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich is not None:
            self._rich.stop()

    def started(self, run_id: str, job: Job) -> None:
        """The run `run_id` of `job` begins."""
        if self._rich is not None:
            self._tasks[run_id] = self._rich.add_task(job.id, total=None)

    def step(self, run_id: str, job: Job, index: int, count: int, result: StepResult) -> None:
        """One step of it is over."""
        if self._rich is not None and run_id in self._tasks:
            shown = f"{job.id}: {result.name}"
            self._rich.update(self._tasks[run_id], description=shown, total=count, completed=index + 1)

    def finished(self, job: Job, run: Run) -> None:
        """The run is over."""
        self._done += 1
        findings = f", {len(run.findings)} finding{'s' * (len(run.findings) != 1)}" if run.findings else ""
        why = f" ({run.error_reason})" if run.error_reason else ""
        self.say(f"[{self._done}/{self._total}] {job.id}: {run.outcome}{why} in {run.duration_seconds:.2f} s{findings}")
        if self._rich is not None:
            if (task := self._tasks.pop(run.run_id, None)) is not None:
                self._rich.remove_task(task)
            self._rich.update(self._all, completed=self._done)

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, markup=False, soft_wrap=True)
