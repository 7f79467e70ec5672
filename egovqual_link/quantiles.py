"""Quantiles of censored waits from counts by day, and their intervals from whole days drawn anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

#: A week holds each weekday once; fewer blocks say too little about how days differ.
MIN_DAYS = 7
LEVEL = 0.95
RESAMPLES = 999
SEED = 20120101


class Counted(NamedTuple):
    """`times` waits of `value` (None: censored, longer than `bound`) on one day in one stratum."""

    day: int
    stratum: tuple[str, ...]
    value: float | None
    times: int
    bound: float | None = None


class Seen(NamedTuple):
    """`times` waits of any length on one day in one stratum, of which `below` were at or below some limit."""

    day: int
    stratum: tuple[str, ...]
    times: int
    below: int


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile; where it falls among the censored waits, `value` is the bound and `at_least` is true."""

    value: float
    at_least: bool
    low: float | None
    high: float | None
    high_at_least: bool
    n: int
    censored: int
    days: int


class Mix:
    """Counts laid out as days x strata x distinct values; every stratum weighs the same, whatever its count.

    A page that is probed every minute would otherwise drown one that is probed every hour, and the figure would
    describe the schedule rather than the portal.
    """

    def __init__(self, counts: Sequence[Counted]) -> None:
        self.days = sorted({each.day for each in counts})
        self.strata = sorted({each.stratum for each in counts})
        self.values = sorted({each.value for each in counts if each.value is not None})
        bounds = [each.bound for each in counts if each.bound is not None]
        self.bound = min(bounds) if bounds else None
        self.n = sum(each.times for each in counts)
        self.censored = sum(each.times for each in counts if each.value is None)
        day = {key: index for index, key in enumerate(self.days)}
        stratum = {key: index for index, key in enumerate(self.strata)}
        place = {key: index for index, key in enumerate(self.values)}
        # The last column holds the censored: they rank above every value that was seen.
        self.table: Floats = np.zeros((len(self.days), len(self.strata), len(self.values) + 1))
        for each in counts:
            column = len(self.values) if each.value is None else place[each.value]
            self.table[day[each.day], stratum[each.stratum], column] += each.times

    def _shares(self) -> Floats:
        """Share of the mix at or below each distinct value; the last entry, with the censored, is 1."""
        totals = self.table.sum(axis=(0, 2))
        mixed = (self.table.sum(axis=0) / totals[:, None]).sum(axis=0) / len(self.strata)
        shares: Floats = mixed.cumsum()
        return shares

    def _index(self, shares: Floats, q: float) -> int:
        """Column of the `q` quantile."""
        return min(int(np.searchsorted(shares, q - 1e-12)), len(self.values))

    def _at(self, index: int) -> tuple[float, bool]:
        if index < len(self.values):
            return self.values[index], False
        return (self.bound if self.bound is not None else self.values[-1]), True

    def place(self, q: float) -> int:
        """Column of the `q` quantile; the last one is that of the censored."""
        return self._index(self._shares(), q)

    def point(self, q: float) -> tuple[float, bool]:
        """The `q` quantile alone, and whether it is only a lower bound."""
        return self._at(self._index(self._shares(), q))

    def quantile(
        self,
        q: float,
        *,
        seed: int = SEED,
        resamples: int = RESAMPLES,
        level: float = LEVEL,
        min_days: int = MIN_DAYS,
    ) -> Quantile:
        """The smallest value that at least a share `q` of the mix does not exceed, with its interval.

        Whole days are drawn with replacement, because waits within a day hang together. That gives the standard error
        of the share at or below the quantile; q and Student's t (days - 1) times it, read off as waits, are the ends
        (Woodruff 1952, JASA 47(260), 635-646). Over one or two weeks the percentiles of drawn quantiles cover 92 to
        93% where 95% are asked (docs/benchmarks.md). Below `min_days`: no interval.
        """
        below = self.table[:, :, : min(self.place(q), len(self.values) - 1) + 1].sum(axis=2)
        return self.with_days(
            q, below, self.table.sum(axis=2), seed=seed, resamples=resamples, level=level, min_days=min_days
        )

    def with_days(
        self,
        q: float,
        below: Floats,
        totals: Floats,
        *,
        seed: int = SEED,
        resamples: int = RESAMPLES,
        level: float = LEVEL,
        min_days: int = MIN_DAYS,
    ) -> Quantile:
        """As `quantile`, where the days are not in the mix: `below` and `totals` are waits by day x stratum.

        `below` counts the waits at or below the quantile. Where the quantile lies among the censored, the share of
        those that were seen stands in for it.
        """
        shares = self._shares()
        value, at_least = self._at(self._index(shares, q))
        days = len(totals)
        low = high = None
        beyond = False
        if days >= min_days:
            reach = float(stats.t.ppf((1 + level) / 2, days - 1)) * share_error(below, totals, seed, resamples)
            low, _ = self._at(self._index(shares, q - reach))
            high, beyond = self._at(self._index(shares, q + reach))
            # Where even the largest wait may lie below the quantile, the end is open.
            beyond = beyond or q + reach >= 1
        return Quantile(value, at_least, low, high, beyond, self.n, self.censored, days)

    def _indices(self, draws: Floats, q: float) -> NDArray[np.int64]:
        """Column of the `q` quantile for each row of `draws`; days not drawn leave their strata out."""
        flat = self.table.reshape(len(self.days), -1)
        # A chunk stays below about 64 MB however many values there are.
        chunk = max(1, min(len(draws), 8_000_000 // max(1, flat.shape[1])))
        parts = []
        for start in range(0, len(draws), chunk):
            tables = (draws[start : start + chunk] @ flat).reshape(-1, len(self.strata), len(self.values) + 1)
            totals = tables.sum(axis=2, keepdims=True)
            present = totals[:, :, 0] > 0
            shares = np.divide(tables, totals, out=np.zeros_like(tables), where=totals > 0)
            mixed = shares.sum(axis=1) / np.maximum(present.sum(axis=1), 1)[:, None]
            reached = mixed.cumsum(axis=1) >= q - 1e-12
            parts.append(np.where(reached.any(axis=1), reached.argmax(axis=1), len(self.values)))
        return np.concatenate(parts)

    def resampled(self, draws: Floats, q: float) -> Floats:
        """The `q` quantile for each row of `draws` (replicates x days: how often each day was drawn).

        Infinite where it falls among the censored, NaN where no day with data was drawn.
        """
        found = np.array([*self.values, np.inf])[self._indices(draws, q)]
        found[draws @ self.table.sum(axis=(1, 2)) == 0] = np.nan
        return found


def day_table(
    seen: Iterable[Seen], lost: Iterable[Counted], strata: Sequence[tuple[str, ...]]
) -> tuple[Floats, Floats]:
    """Waits at or below the limit and all waits, each by day x stratum; the lost ones are beyond every limit."""
    rows = [*seen, *(Seen(each.day, each.stratum, each.times, 0) for each in lost)]
    day = {key: index for index, key in enumerate(sorted({each.day for each in rows}))}
    stratum = {key: index for index, key in enumerate(strata)}
    below, totals = np.zeros((2, len(day), len(stratum)))
    for each in rows:
        below[day[each.day], stratum[each.stratum]] += each.below
        totals[day[each.day], stratum[each.stratum]] += each.times
    return below, totals


def share_error(below: Floats, totals: Floats, seed: int, resamples: int) -> float:
    """Standard error of the share at or below a value, every stratum weighing the same, over days drawn anew."""
    count = len(totals)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    drawn, under = draws @ totals, draws @ below
    present = drawn > 0
    shares = np.divide(under, drawn, out=np.zeros_like(under), where=present).sum(axis=1) / present.sum(axis=1)
    return float(shares.std(ddof=1)) * float(np.sqrt(count / (count - 1))) if resamples > 1 else 0.0


def expanded_tails(blocks: int, level: float = LEVEL) -> tuple[float, float]:
    """Tail shares to read a percentile interval at, widened for few blocks (Hesterberg 2015, section 5.3)."""
    t = stats.t.ppf((1 + level) / 2, blocks - 1)
    tail = float(stats.norm.cdf(-np.sqrt(blocks / (blocks - 1)) * t))
    return tail, 1 - tail


def mean_by_days(
    by_day: Sequence[tuple[float, float]],
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    min_days: int = MIN_DAYS,
) -> tuple[float | None, float | None]:
    """Interval of sum/weight from days of (sum, weight) drawn anew; (None, None) below `min_days` or without spread."""
    data = np.asarray(by_day, dtype=np.float64)
    if len(data) < min_days or np.ptp(data[:, 0] / data[:, 1]) == 0:
        return None, None
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(data), np.full(len(data), 1 / len(data)), size=resamples)
    sums = draws @ data
    lower, upper = expanded_tails(len(data), level)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [lower, upper])
    return float(low), float(high)


def clopper_pearson(bad: float, n: float, episodes: float, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the good share when `bad` of `n` tries failed in `episodes` separate streaks.

    Tries inside one outage are one event seen many times, so the exact binomial interval (Clopper and Pearson 1934)
    is taken over `episodes` failures in n x episodes / bad tries: the share stays, the certainty does not.
    Without any failure all tries count.
    """
    effective = n * episodes / bad if bad else n
    tail = (1 - level) / 2
    good = effective - episodes
    low = 0.0 if good <= 0 else float(stats.beta.ppf(tail, good, episodes + 1))
    high = 1.0 if episodes == 0 else float(stats.beta.ppf(1 - tail, good + 1, episodes))
    return low, high


def time_between(seconds: float, events: int, level: float = LEVEL) -> tuple[float, float | None]:
    """Interval of the mean time between `events` in `seconds` watched (exponential, time-terminated; chi-squared)."""
    tail = (1 - level) / 2
    low = 2 * seconds / float(stats.chi2.ppf(1 - tail, 2 * events + 2))
    high = 2 * seconds / float(stats.chi2.ppf(tail, 2 * events)) if events else None
    return low, high
