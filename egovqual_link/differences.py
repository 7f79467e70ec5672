"""Differences of two sides with their intervals: quantiles, means and dominance over drawn days, and shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.measuring import Settings
from egovqual_link.quantiles import LEVEL, Counted, Mix, expanded_tails

Floats = NDArray[np.float64]

#: The normal approximation of the rank test is poor below this many waits on a side (Mann and Whitney 1947).
MIN_RANKED = 8


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of a difference; an end may be infinite where the censored waits leave it open."""

    low: float
    high: float


@dataclass(frozen=True)
class DayDraws:
    """Whole days of both sides drawn anew: (replicates x days) counts in the order of `left` and `right`.

    With `paired` one draw serves both sides, so that what a day did to both cancels out; else each side has its own.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    paired: bool
    settings: Settings

    @property
    def blocks(self) -> int:
        """Days that carry the interval: those with data on both sides, or the fewer of the two."""
        if self.paired:
            return len(set(self.left) & set(self.right))
        return min(len(self.left), len(self.right))

    @property
    def enough(self) -> bool:
        """Whether so many days show how days differ."""
        return self.blocks >= self.settings.min_days

    @cached_property
    def drawn(self) -> tuple[Floats, Floats]:
        """The draws of the left and of the right side."""
        rng = np.random.default_rng(self.settings.seed)
        if not self.paired:
            return self._draw(rng, len(self.left)), self._draw(rng, len(self.right))
        days = sorted({*self.left, *self.right})
        place = {day: index for index, day in enumerate(days)}
        both = self._draw(rng, len(days))
        return both[:, [place[day] for day in self.left]], both[:, [place[day] for day in self.right]]

    def _draw(self, rng: np.random.Generator, count: int) -> Floats:
        return rng.multinomial(count, np.full(count, 1 / count), size=self.settings.resamples).astype(np.float64)

    def interval(self, least: Floats, most: Floats) -> Interval:
        """Expanded percentiles (Hesterberg 2015) of differences that lie between `least` and `most`."""
        lower, upper = expanded_tails(self.blocks, self.settings.level)
        last = len(least) - 1
        # Sorted order statistics, not interpolation: an infinite neighbour must not spread.
        return Interval(
            float(np.sort(least)[int(np.floor(lower * last))]), float(np.sort(most)[int(np.ceil(upper * last))])
        )


def quantile_interval(left: Mix, right: Mix, q: float, draws: DayDraws) -> Interval:
    """Interval of the right minus the left `q` quantile.

    A quantile among the censored is longer than any wait seen, so its difference is open on that side.
    """
    mine, theirs = left.resampled(draws.drawn[0], q), right.resampled(draws.drawn[1], q)
    with np.errstate(invalid="ignore"):
        found = theirs - mine
        # One side censored: it waited at least until its deadline, and how much longer nobody knows.
        least = np.where(np.isposinf(theirs) & np.isfinite(mine), (right.bound or 0.0) - mine, found)
        most = np.where(np.isposinf(mine) & np.isfinite(theirs), theirs - (left.bound or 0.0), found)
    # Both censored, or nothing drawn on a side: the replicate says nothing, so it may lie anywhere.
    unknown = np.isnan(found)
    return draws.interval(np.where(unknown, -np.inf, least), np.where(unknown, np.inf, most))


def mean_interval(
    left: Sequence[tuple[float, float]], right: Sequence[tuple[float, float]], draws: DayDraws
) -> Interval:
    """Interval of the right minus the left mean from days of (sum, count)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [
            (drawn @ np.asarray(days)[:, 0]) / (drawn @ np.asarray(days)[:, 1])
            for drawn, days in zip(draws.drawn, (left, right), strict=True)
        ]
    found = means[1] - means[0]
    unknown = np.isnan(found)
    return draws.interval(np.where(unknown, -np.inf, found), np.where(unknown, np.inf, found))


@dataclass(frozen=True, slots=True)
class Ranks:
    """Cliff's delta, P(right longer) - P(right shorter), with Mann and Whitney's test; `p` None: too few waits."""

    delta: float
    interval: Interval | None
    p: float | None
    n_left: int
    n_right: int
    strata: int


def rank_difference(left: Sequence[Counted], right: Sequence[Counted], draws: DayDraws) -> Ranks | None:
    """Dominance of the right side's waits over the left's, within each page, every page weighing the same.

    Waits at or beyond the shorter of the two deadlines are ties at the top: nobody knows which of them was longer. The
    p-value is that of Mann and Whitney with the correction for ties, over all pages (for one page, exactly theirs); it
    takes runs for independent, which runs close in time are not. The interval draws whole days. None: nothing common.
    """
    pairs = _pairs(left, right, draws)
    if not pairs:
        return None
    deltas = np.array([pair.delta() for pair in pairs])
    variance = sum(pair.null_variance() for pair in pairs)
    fewest = min(min(pair.sizes) for pair in pairs)
    p = None
    if fewest >= MIN_RANKED:
        p = 1.0 if variance == 0 else float(2 * stats.norm.sf(abs(deltas.sum()) / math.sqrt(variance)))
    interval = None
    if draws.enough:
        # A page without a wait in a replicate is left out of that replicate.
        table = np.array([pair.resampled(*draws.drawn) for pair in pairs])
        seen = np.isfinite(table)
        found = np.where(seen, table, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        unknown = ~seen.any(axis=0)
        interval = draws.interval(np.where(unknown, -1.0, found), np.where(unknown, 1.0, found))
    return Ranks(
        float(deltas.mean()),
        interval,
        p,
        sum(pair.sizes[0] for pair in pairs),
        sum(pair.sizes[1] for pair in pairs),
        len(pairs),
    )


class _Pair:
    """One page on both sides: counts (days x values) over the same values, the last column those at the deadline."""

    def __init__(self, left: Floats, right: Floats) -> None:
        self.left, self.right = left, right

    @property
    def sizes(self) -> tuple[int, int]:
        return int(self.left.sum()), int(self.right.sum())

    def delta(self) -> float:
        return float(_dominance(self.left.sum(axis=0)[None], self.right.sum(axis=0)[None])[0])

    def resampled(self, left: Floats, right: Floats) -> Floats:
        return _dominance(left @ self.left, right @ self.right)

    def null_variance(self) -> float:
        """Variance of delta if both sides were alike: 4 / (m n)^2 times that of U, corrected for ties."""
        m, n = self.sizes
        total = m + n
        ties = self.left.sum(axis=0) + self.right.sum(axis=0)
        lost = float((ties**3 - ties).sum()) / (total * (total - 1)) if total > 1 else 0.0
        return max(0.0, (total + 1 - lost) / (3 * m * n))


def _dominance(left: Floats, right: Floats) -> Floats:
    """P(right > left) - P(right < left) for each row of counts; NaN where a row is empty."""
    below = left.cumsum(axis=1)
    surplus = 2 * below - left - below[:, -1:]  # those below minus those above each value
    pairs = below[:, -1] * right.sum(axis=1)
    found: Floats = np.divide((right * surplus).sum(axis=1), pairs, out=np.full(len(left), np.nan), where=pairs > 0)
    return found


def _pairs(left: Sequence[Counted], right: Sequence[Counted], draws: DayDraws) -> list[_Pair]:
    common = sorted({each.stratum for each in left} & {each.stratum for each in right})
    pairs = []
    for stratum in common:
        mine, theirs = ([each for each in side if each.stratum == stratum] for side in (left, right))
        bounds = [each.bound for each in (*mine, *theirs) if each.bound is not None]
        top = min(bounds, default=math.inf)
        values = sorted({each.value for each in (*mine, *theirs) if each.value is not None and each.value < top})
        place = {value: index for index, value in enumerate(values)}
        pairs.append(_Pair(_table(mine, draws.left, place), _table(theirs, draws.right, place)))
    return pairs


def _table(counts: Sequence[Counted], days: Sequence[int], place: Mapping[float, int]) -> Floats:
    table = np.zeros((len(days), len(place) + 1))
    row = {day: index for index, day in enumerate(days)}
    for each in counts:
        column = len(place) if each.value is None else place.get(each.value, len(place))
        table[row[each.day], column] += each.times
    return table


def wilson(good: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's (1927) interval of a share; `good` and `n` may be fractions of tries."""
    z = float(stats.norm.ppf((1 + level) / 2))
    share = good / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(left: tuple[float, float], right: tuple[float, float], level: float = LEVEL) -> Interval:
    """Newcombe's (1998) interval, method 10, of the right minus the left share from (good, tries) each."""
    shares = [good / n for good, n in (left, right)]
    (low_left, high_left), (low_right, high_right) = (wilson(good, n, level) for good, n in (left, right))
    difference = shares[1] - shares[0]
    down = math.hypot(shares[1] - low_right, high_left - shares[0])
    up = math.hypot(high_right - shares[1], shares[0] - low_left)
    return Interval(difference - down, difference + up)


def over_streaks(n: int, bad: int, streaks: int) -> tuple[float, float]:
    """(good, tries) that count: a streak of failures is one event seen many times, so it counts as one failure.

    The share stays as it is; the tries shrink to n x streaks / bad. Without any failure all tries count.
    """
    tries = n * streaks / bad if bad else float(n)
    return tries * (1 - bad / n), tries
