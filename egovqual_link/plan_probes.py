"""How long to probe for a given interval of a p75 wait or of availability, by formula and by simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.plan_search import Trial, scatter, smallest, trial
from egovqual_link.quantiles import clopper_pearson, share_error

Floats = NDArray[np.float64]

Q = 0.75
MOST_RUNS = 10_000_000
MOST_DAYS = 3_650
#: Draws of days for each simulated interval; the analysis itself draws more, which narrows nothing.
RESAMPLES = 299
#: Waits are counted in steps of half a percent, as the analysis counts them to three digits.
_STEP = 0.005
#: Waits are drawn in batches of about this many.
_BATCH = 4_000_000


def order_ranks(n: int, q: float, level: float) -> tuple[int, int]:
    """Ranks (from 1) of the order statistics that enclose the `q` quantile with at least `level`.

    Conover (1999), section 3.2: each tail of the binomial (n, q) is at most (1 - level) / 2. A rank of 0 or n + 1
    means that there is no such order statistic.
    """
    tail = (1 - level) / 2
    low = int(stats.binom.ppf(tail, n, q))
    if stats.binom.cdf(low, n, q) > tail:
        low -= 1
    high = int(stats.binom.ppf(1 - tail, n, q))
    return low + 1, high + 1


def runs_size(width: float, log_sd: float, level: float) -> int | None:
    """Independent lognormal runs so that the order statistics lie +- `width` (a share) around the p75."""
    truth = math.exp(log_sd * stats.norm.ppf(Q))

    def enough(n: int) -> bool:
        low, high = order_ranks(n, Q, level)
        if low < 1 or high > n:
            return False
        ends = np.exp(log_sd * stats.norm.ppf(np.array([low, high]) / (n + 1)))
        return bool((ends[1] - ends[0]) / 2 <= width * truth)

    return smallest(enough, 100, 10, MOST_RUNS)


def day_variance(days: int, phi: float) -> float:
    """Variance of the mean of `days` days over that of one day, when neighbours correlate by `phi` (AR(1))."""
    return ((1 + phi) / (1 - phi) - 2 * phi * (1 - phi**days) / (days * (1 - phi) ** 2)) / days


@dataclass(frozen=True, slots=True)
class Waits:
    """Lognormal waits: `log_sd` within a day, `day_sd` between days (both of log waits), neighbours alike by `phi`."""

    runs_per_day: int
    log_sd: float
    day_sd: float
    phi: float

    @property
    def p75(self) -> float:
        """The true p75 over all days, in units of the median."""
        return math.exp(float(stats.norm.ppf(Q)) * math.hypot(self.log_sd, self.day_sd))

    def draw(self, rng: np.random.Generator, sims: int, days: int) -> Floats:
        """Log waits, (sims x days x runs)."""
        found = autocorrelated(rng, (sims, days), self.phi)[:, :, None] * self.day_sd
        waits = found + self.log_sd * rng.standard_normal((sims, days, self.runs_per_day))
        return np.asarray(waits, dtype=np.float64)


def days_half_width(of: Waits, days: int, level: float) -> float:
    """Half the interval of the p75 as a share of it: z sqrt(day_sd^2 V + q (1 - q) / (n f^2)).

    V is `day_variance`, n the runs of all days, f the density of log waits at their p75.
    """
    density = stats.norm.pdf(stats.norm.ppf(Q)) / math.hypot(of.log_sd, of.day_sd)
    variance = of.day_sd**2 * day_variance(days, of.phi) + Q * (1 - Q) / (days * of.runs_per_day * density**2)
    return float(stats.norm.ppf((1 + level) / 2) * math.sqrt(variance))


def days_size(of: Waits, width: float, level: float, least: int) -> int | None:
    """Days so that `days_half_width` is `width`; at least `least`, since fewer give no interval."""
    return smallest(lambda days: days_half_width(of, days, level) <= width, 30, least, MOST_DAYS)


def simulate_days(of: Waits, days: int, level: float, *, sims: int, seed: int) -> Trial:
    """How far the p75 of `days` days scatters around the truth, as a share of it."""
    rng = np.random.default_rng([seed, days])
    step = max(1, _BATCH // (days * of.runs_per_day))
    place = math.ceil(Q * days * of.runs_per_day) - 1
    parts = []
    for start in range(0, sims, step):
        waits = of.draw(rng, min(step, sims - start), days)
        parts.append(np.partition(waits.reshape(len(waits), -1), place, axis=1)[:, place])
    return scatter(np.exp(np.concatenate(parts)) / of.p75, level)


def simulate_day_intervals(of: Waits, days: int, level: float, *, sims: int, seed: int) -> Trial:
    """Half the length of the analysis' interval, as a share of the p75, and how often it holds the p75."""
    rng = np.random.default_rng([seed, days, 1])
    student = float(stats.t.ppf((1 + level) / 2, days - 1))
    totals = np.full((days, 1), float(of.runs_per_day))
    edges = _grid(math.hypot(of.log_sd, of.day_sd))
    values = np.exp((edges[:-1] + edges[1:]) / 2)
    widths, held = np.empty(sims), np.empty(sims, dtype=bool)
    for index in range(sims):
        place = np.clip(np.searchsorted(edges, of.draw(rng, 1, days)[0]) - 1, 0, len(values) - 1)
        table = np.zeros((days, len(values)))
        np.add.at(table, (np.arange(days)[:, None], place), 1.0)
        shares = table.sum(axis=0).cumsum() / (days * of.runs_per_day)
        middle = int(np.searchsorted(shares, Q - 1e-9))
        below = table[:, : middle + 1].sum(axis=1, keepdims=True)
        reach = student * share_error(below, totals, int(rng.integers(2**31)), RESAMPLES)
        ends = np.searchsorted(shares, [Q - reach - 1e-9, Q + reach - 1e-9])
        low, high = values[np.minimum(ends, len(values) - 1)]
        # A step of the grid on either side is no error of the interval.
        widths[index], held[index] = (high - low) / 2 / of.p75, low * (1 - _STEP) <= of.p75 <= high * (1 + _STEP)
    return trial(widths, held)


def _grid(sd: float) -> Floats:
    reach = math.ceil(5 * sd / _STEP)
    return np.arange(-reach, reach + 1, dtype=np.float64) * _STEP


def autocorrelated(rng: np.random.Generator, shape: tuple[int, int], phi: float) -> Floats:
    """Standard normal numbers, (series x length), of which neighbours correlate by `phi` (stationary AR(1))."""
    found: Floats = rng.standard_normal(shape)
    for index in range(1, shape[1]):
        found[:, index] = phi * found[:, index - 1] + math.sqrt(1 - phi * phi) * found[:, index]
    return found


def availability_half_width(checks: float, share: float, outage_checks: float, level: float) -> float:
    """Half the Clopper-Pearson interval at the expected number of outages, each `outage_checks` checks long."""
    bad = checks * (1 - share)
    low, high = clopper_pearson(bad, checks, bad / outage_checks, level)
    return (high - low) / 2


def checks_size(share: float, width: float, outage_checks: float, level: float) -> int | None:
    """Checks so that the availability is known to +- `width`."""

    def enough(checks: int) -> bool:
        return availability_half_width(checks, share, outage_checks, level) <= width

    return smallest(enough, 1000, 10, MOST_RUNS)


def simulate_checks(checks: int, share: float, outage_checks: float, level: float, *, sims: int, seed: int) -> Trial:
    """How far the availability scatters around the truth, and the interval over separate outages.

    Up and down alternate (two states, lengths geometric): outages are `outage_checks` checks long on average.
    """
    rng = np.random.default_rng([seed, checks])
    found, widths, held = np.empty(sims), np.empty(sims), np.empty(sims, dtype=bool)
    for index in range(sims):
        bad, streaks = _outages(rng, checks, share, outage_checks)
        low, high = clopper_pearson(bad, checks, streaks, level)
        found[index], widths[index], held[index] = 1 - bad / checks, (high - low) / 2, low <= share <= high
    made = trial(widths, held)
    return replace(scatter(found, level), coverage=made.coverage, interval=made.interval, coverage_sims=sims)


def _outages(rng: np.random.Generator, checks: int, share: float, outage_checks: float) -> tuple[int, int]:
    """Failed checks and separate streaks of them among `checks` checks."""
    up_length = outage_checks * share / (1 - share)
    cycles = math.ceil(checks / (up_length + outage_checks))
    cycles += 10 + math.ceil(6 * math.sqrt(cycles))
    lengths = np.empty(2 * cycles, dtype=np.int64)
    first = int(rng.random() >= share)  # 0: up first, 1: down first
    lengths[first::2] = rng.geometric(min(1.0, 1 / up_length), len(lengths[first::2]))
    lengths[1 - first :: 2] = rng.geometric(1 / outage_checks, len(lengths[1 - first :: 2]))
    ends = np.minimum(lengths.cumsum(), checks)
    seen = np.diff(ends, prepend=0)[1 - first :: 2]
    return int(seen.sum()), int((seen > 0).sum())
