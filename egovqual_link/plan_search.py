"""How many are enough: the smallest size that reaches a target, found by formula or by seeded simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a simulation at one size gave: a mean over `sims` data sets with its Monte Carlo standard error.

    Where intervals were made as the analysis makes them: `interval` is half their mean length, `coverage` the share of
    them that held the truth, `coverage_sims` how many there were.
    """

    value: float
    error: float
    sims: int
    coverage: float | None = None
    interval: float | None = None
    coverage_sims: int | None = None

    @property
    def coverage_error(self) -> float | None:
        """Monte Carlo standard error of the coverage."""
        if self.coverage is None or not self.coverage_sims:
            return None
        return math.sqrt(self.coverage * (1 - self.coverage) / self.coverage_sims)


def trial(values: Floats, covered: NDArray[np.bool_] | None = None) -> Trial:
    """A trial from one figure (or yes and no) a data set; with `covered` the figures are half lengths of intervals."""
    count, mean = len(values), float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    if covered is None:
        return Trial(mean, error, count)
    return Trial(mean, error, count, float(np.mean(covered)), mean, count)


def scatter(estimates: Floats, level: float) -> Trial:
    """Half the range that holds `level` of the estimates: z times their standard deviation, and its own error."""
    value = float(stats.norm.ppf((1 + level) / 2)) * float(np.std(estimates, ddof=1))
    return Trial(value, value / math.sqrt(2 * (len(estimates) - 1)), len(estimates))


@dataclass
class Search:
    """Tries sizes, each once, and remembers what they gave; `up` says that larger values are wanted (power)."""

    run: Callable[[int], Trial]
    target: float
    up: bool
    tried: dict[int, Trial] = field(default_factory=dict)

    def at(self, size: int) -> Trial:
        """What the simulation gives at `size`."""
        if size not in self.tried:
            self.tried[size] = self.run(size)
        return self.tried[size]

    def reached(self, size: int) -> bool:
        """Whether `size` is enough."""
        value = self.at(size).value
        return value >= self.target if self.up else value <= self.target

    def smallest(self, start: int, least: int, most: int) -> int | None:
        """The smallest size from `least` to `most` that reaches the target, looked for around `start`; None: none."""
        return smallest(self.reached, start, least, most)


def smallest(enough: Callable[[int], bool], start: int, least: int, most: int) -> int | None:
    """The smallest whole number from `least` to `most` for which `enough` holds, if it holds from some number on."""
    start = min(max(start, least), most)
    step = max(1, start // 8)
    if enough(start):
        high, low = start, start
        while low > least and enough(low):
            high, low = low, max(least, low - step)
            step *= 2
        if enough(low):
            return low
    else:
        low, high = start, start
        while not enough(high):
            if high == most:
                return None
            low, high = high, min(most, high + step)
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
