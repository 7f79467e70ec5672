"""Service level objectives: what was promised of each scenario, and how much of its error budget is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from exporters.store import Store
    from gapwatch.config import Job
    from gapwatch.config_file import SloFile

Sli = Literal["availability", "latency"]
SLIS: tuple[Sli, ...] = ("availability", "latency")

DEFAULT_AVAILABILITY = 0.99
DEFAULT_LATENCY_SHARE = 0.95
#: Attention leaves a task after about ten seconds of waiting (Nielsen, 1993).
DEFAULT_LATENCY_SECONDS = 10.0
#: Four whole weeks: every window holds the same number of each weekday.
DEFAULT_WINDOW_SECONDS = 28 * 86_400.0


@dataclass(frozen=True, slots=True)
class Objectives:
    """What was promised of a scenario: shares between 0 and 1, seconds, and the window over which it holds."""

    availability: float = DEFAULT_AVAILABILITY
    latency_share: float = DEFAULT_LATENCY_SHARE
    latency_seconds: float = DEFAULT_LATENCY_SECONDS
    window_seconds: float = DEFAULT_WINDOW_SECONDS

    def target(self, sli: Sli) -> float:
        """The share of good runs that was promised."""
        return self.availability if sli == "availability" else self.latency_share

    def budget(self, sli: Sli) -> float:
        """The share of bad runs that is allowed."""
        return allowed(self.target(sli))


def allowed(target: float) -> float:
    """1 - target, without the dust of binary fractions."""
    return round(1 - target, 9)


def resolve(levels: Iterable[SloFile | None], deadline_seconds: float) -> tuple[Objectives, str | None]:
    """The objectives that `levels` (most specific first) give together, and what is wrong with them.

    Where nobody says `under`, it is 10 s, or half the deadline where that is shorter: a run that timed out counts with
    its deadline and must never count as quick.
    """
    written = [level for level in levels if level is not None]
    latencies = [level.latency for level in written if level.latency is not None]
    availability = next((each.availability for each in written if each.availability is not None), DEFAULT_AVAILABILITY)
    window = next((each.window for each in written if each.window is not None), DEFAULT_WINDOW_SECONDS)
    share = next((each.share for each in latencies if each.share is not None), DEFAULT_LATENCY_SHARE)
    under = next((each.under for each in latencies if each.under is not None), None)
    trouble = None
    if under is not None and under >= deadline_seconds:
        trouble = (
            f"the latency objective ({under:g} s) is not below the deadline ({deadline_seconds:g} s), "
            "so a run that timed out would count as quick"
        )
    seconds = under if under is not None else min(DEFAULT_LATENCY_SECONDS, deadline_seconds / 2)
    return Objectives(availability, share, seconds, window), trouble


def bounds(jobs: Iterable[Job]) -> tuple[float, ...]:
    """Latency objectives in seconds: bucket bounds of the histograms, so that the share below each is exact."""
    return tuple(sorted({job.objectives.latency_seconds for job in jobs}))


@dataclass(frozen=True, slots=True)
class Budget:
    """How a scenario did over its window: `good` and `bad` runs, and what is left of its error budget.

    `remaining` is 1 untouched, 0 used up, below 0 overdrawn; None without a run that counts.
    """

    portal: str
    scenario: str
    sli: Sli
    target: float
    good: int
    bad: int

    @property
    def remaining(self) -> float | None:
        """1 - (share of bad runs) / (share of bad runs that was allowed)."""
        total = self.good + self.bad
        return 1 - (self.bad / total) / allowed(self.target) if total else None


def budgets(store: Store, jobs: Iterable[Job], now: datetime) -> list[Budget]:
    """The error budgets of the jobs' scenarios over their windows up to `now`, by the store.

    The same definitions as in the rules for Prometheus: blocked, maintenance and error runs count neither way; latency
    is judged over passed, degraded and failed runs with a valid timing, timed-out ones at their deadline.
    """
    seen: dict[tuple[str, str], Objectives] = {}
    for job in jobs:
        seen.setdefault((job.portal.name, job.scenario), job.objectives)
    found = []
    for (portal, scenario), objectives in seen.items():
        since = now - timedelta(seconds=objectives.window_seconds)
        counts = store.good_and_bad(
            portal=portal, scenario=scenario, since=since, until=now, under_seconds=objectives.latency_seconds
        )
        found += [
            Budget(portal, scenario, "availability", objectives.availability, counts.available, counts.unavailable),
            Budget(portal, scenario, "latency", objectives.latency_share, counts.quick, counts.slow),
        ]
    return found
