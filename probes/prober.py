"""The one way to make a Run: a request goes in, a Run comes out, whatever the portal does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from probes.run import Run, StepResult
from scenarios.model import Flow, Portal


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, where, and with what; all that a probe needs to know.

    `deadline_seconds` None: the scenario's own. `run_id` None: a new one. `evidence_dir` None: keep no evidence.
    `har`: also record the network (HAR) and keep it where the run does not pass. Recording costs some milliseconds a
    page, so it is for runs that are no measurement, such as the second try of a failure.
    `on_step` is told of each finished step (index from 0, how many, result) and must return at once.
    """

    portal: Portal
    flow: Flow
    browser: str = "chromium"
    device: str = "desktop"
    network: str = "native"
    location: str = "local"
    deadline_seconds: float | None = None
    run_id: str | None = None
    evidence_dir: Path | None = None
    har: bool = False
    on_step: Callable[[int, int, StepResult], None] | None = None


class Prober(Protocol):
    """Runs requests. Only programming errors are raised: portal trouble and own trouble are outcomes of the Run."""

    async def run(self, request: RunRequest) -> Run:
        """Run it once, within its deadline."""
        ...
