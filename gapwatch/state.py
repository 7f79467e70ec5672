"""What the daemon knows of itself right now: the configuration at work, the latest runs, the last reload."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gapwatch.config import Config, Job
from probes.run import Run

#: Runs remembered per scenario, browser and device: what the status page draws.
REMEMBERED = 40

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Glance:
    """What the status page needs of a run; whole runs, with their pages and fields, stay in the store.

    `outcome` is that of the run, or `flaky` where it failed and the retest passed.
    """

    run_id: str
    started_at: datetime
    outcome: str
    duration_seconds: float
    timing_valid: bool
    error_reason: str | None
    worst: str | None

    @classmethod
    def of(cls, run: Run) -> Glance:
        """The glance of a run; `worst` is its worst finding in words."""
        rank = {"critical": 0, "major": 1, "minor": 2}
        worst = min(run.findings, key=lambda finding: rank[finding.severity], default=None)
        return cls(
            run.run_id,
            run.started_at,
            run.outcome,
            run.duration_seconds,
            run.timing_valid,
            run.error_reason,
            f"{worst.class_}: {worst.message}"[:300] if worst else None,
        )


@dataclass(slots=True)
class Reload:
    """How the last reload went; `problems` is empty when it went well."""

    at: datetime
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """The daemon's own state; changed by the daemon, read by its web side."""

    config: Config
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ready: bool = False
    last_reload: Reload | None = None
    _latest: dict[Key, deque[Glance]] = field(default_factory=dict)
    _last: dict[Key, Run] = field(default_factory=dict)

    def remember(self, run: Run) -> None:
        """Keep a glance of a run, and the run itself as the last of its job; a retest changes the glance of its run."""
        key = (run.portal, run.scenario, run.browser, run.device, run.network)
        latest = self._latest.setdefault(key, deque(maxlen=REMEMBERED))
        self._last[key] = run
        if run.retest_of is None:
            latest.append(Glance.of(run))
        elif latest and latest[-1].run_id == run.retest_of and run.outcome in ("passed", "degraded"):
            # The failure stays in sight: the run did fail, but trying again helped.
            latest[-1] = replace(latest[-1], outcome="flaky")

    def recall(self, runs: Iterable[Run]) -> None:
        """Begin with runs that the store has, oldest first."""
        for run in runs:
            self.remember(run)

    def latest(self, job: Job) -> tuple[Glance, ...]:
        """The remembered runs of a job, oldest first."""
        return tuple(self._latest.get(key_of(job), ()))

    def last_run(self, job: Job) -> Run | None:
        """The last run of a job, None before the first."""
        return self._last.get(key_of(job))

    def adopt(self, config: Config) -> None:
        """Go on with another configuration; runs of what it does not have are forgotten."""
        self.config = config
        kept = {key_of(job) for job in config.jobs}
        self._latest = {key: glances for key, glances in self._latest.items() if key in kept}
        self._last = {key: run for key, run in self._last.items() if key in kept}


def key_of(job: Job) -> Key:
    """What the runs of a job have in common; an HTTP check has no browser and no device."""
    browser, device = (job.browser, job.device) if job.needs_browser else ("none", "none")
    return (job.portal.name, job.scenario, browser, device, job.network)
