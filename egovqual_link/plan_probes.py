"""How long to probe for a given interval of a p75 wait or of availability, by formula and by simulation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.plan_search import Trial, smallest, trial
from egovqual_link.quantiles import clopper_pearson, expanded_tails

Floats = NDArray[np.float64]

Q = 0.75
MOST_RUNS = 10_000_000
MOST_DAYS = 3_650
#: Draws of days for each simulated interval; the analysis itself draws more, which narrows nothing.
RESAMPLES = 299
#: Waits are counted in steps of half a percent, as the analysis counts them to three digits.
_STEP = 0.005


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


def days_half_width(days: int, runs_per_day: int, log_sd: float, day_sd: float, phi: float, level: float) -> float:
    """Half the interval of the p75 as a share of it: z sqrt(day_sd^2 V + q (1 - q) / (n f^2)).

    V is `day_variance`, n the runs of all days, f the density of log waits at their p75.
    """
    density = stats.norm.pdf(stats.norm.ppf(Q)) / math.hypot(log_sd, day_sd)
    variance = day_sd**2 * day_variance(days, phi) + Q * (1 - Q) / (days * runs_per_day * density**2)
    return float(stats.norm.ppf((1 + level) / 2) * math.sqrt(variance))


def days_size(
    width: float, runs_per_day: int, log_sd: float, day_sd: float, phi: float, level: float, least: int
) -> int | None:
    """Days so that `days_half_width` is `width`; at least `least`, since fewer give no interval."""

    def enough(days: int) -> bool:
        return days_half_width(days, runs_per_day, log_sd, day_sd, phi, level) <= width

    return smallest(enough, 30, least, MOST_DAYS)


def simulate_days(
    days: int, runs_per_day: int, log_sd: float, day_sd: float, phi: float, level: float, *, sims: int, seed: int
) -> Trial:
    """Half the length of the day bootstrap's interval as a share of the p75, and how often it holds the p75."""
    rng = np.random.default_rng([seed, days])
    truth = math.exp(stats.norm.ppf(Q) * math.hypot(log_sd, day_sd))
    lower, upper = expanded_tails(days, level)
    edges = _grid(math.hypot(log_sd, day_sd))
    values = np.exp((edges[:-1] + edges[1:]) / 2)
    widths, held = np.empty(sims), np.empty(sims, dtype=bool)
    for index in range(sims):
        waits = autocorrelated(rng, days, phi)[:, None] * day_sd + log_sd * rng.standard_normal((days, runs_per_day))
        place = np.clip(np.searchsorted(edges, waits) - 1, 0, len(values) - 1)
        table = np.zeros((days, len(values)))
        np.add.at(table, (np.arange(days)[:, None], place), 1.0)
        draws = rng.multinomial(days, np.full(days, 1 / days), size=RESAMPLES).astype(np.float64)
        mixed = (draws @ table).cumsum(axis=1)
        found = np.sort(values[(mixed >= Q * mixed[:, -1:] - 1e-9).argmax(axis=1)])
        low, high = found[math.floor(lower * (RESAMPLES - 1))], found[math.ceil(upper * (RESAMPLES - 1))]
        # A step of the grid on either side is no error of the interval.
        widths[index], held[index] = (high - low) / 2 / truth, low * (1 - _STEP) <= truth <= high * (1 + _STEP)
    return trial(widths, held)


def _grid(sd: float) -> Floats:
    reach = math.ceil(5 * sd / _STEP)
    return np.arange(-reach, reach + 1) * _STEP


def autocorrelated(rng: np.random.Generator, count: int, phi: float) -> Floats:
    """`count` standard normal numbers of which neighbours correlate by `phi` (stationary AR(1))."""
    found = rng.standard_normal(count)
    for index in range(1, count):
        found[index] = phi * found[index - 1] + math.sqrt(1 - phi * phi) * found[index]
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
    """Half the length of the interval over separate outages, and how often it holds the true availability.

    Up and down alternate (two states, lengths geometric): outages are `outage_checks` checks long on average.
    """
    rng = np.random.default_rng([seed, checks])
    widths, held = np.empty(sims), np.empty(sims, dtype=bool)
    for index in range(sims):
        bad, streaks = _outages(rng, checks, share, outage_checks)
        low, high = clopper_pearson(bad, checks, streaks, level)
        widths[index], held[index] = (high - low) / 2, low <= share <= high
    return trial(widths, held)


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
