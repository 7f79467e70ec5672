"""How many respondents a gap needs, by the paired t test and by simulation with whole-number answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.plan_search import Trial, smallest, trial
from egovqual_link.sample_size import for_mean

Floats = NDArray[np.float64]

MOST_RESPONDENTS = 1_000_000
#: Answers are drawn in batches of about this many numbers.
_BATCH = 4_000_000
#: Rounding a normal gap to a whole number adds the variance of a uniform error.
ROUNDING = 1 / 12


def t_power(gap: float, sd: float, n: int, level: float) -> float:
    """Power of the two-sided paired t test at `n` respondents (noncentral t)."""
    df, shift = n - 1, abs(gap) / sd * math.sqrt(n)
    limit = float(stats.t.ppf((1 + level) / 2, df))
    found = float(stats.nct.sf(limit, df, shift)) + float(stats.nct.cdf(-limit, df, shift))
    # Far out, scipy's noncentral t underflows to NaN where the power is 1.
    return 1.0 if math.isnan(found) else found


def power_size(gap: float, sd: float, power: float, level: float, design_effect: float = 1.0) -> int | None:
    """Respondents so that the paired t test finds a true `gap` with `power`, times the design effect."""
    start = math.ceil(((stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(power)) * sd / gap) ** 2)
    n = smallest(lambda size: t_power(gap, sd, size, level) >= power, start, 2, MOST_RESPONDENTS)
    return None if n is None else math.ceil(n * design_effect - 1e-9)


def precision_size(sd: float, width: float, level: float, design_effect: float = 1.0) -> int:
    """Respondents so that the t interval of the gap is +- `width`, times the design effect."""
    return math.ceil(for_mean(sd, width, confidence=level).n * design_effect - 1e-9)


def correlation_in_clusters(design_effect: float, size: int) -> float:
    """Intraclass correlation from the design effect 1 + (size - 1) icc (Kish 1965)."""
    return (design_effect - 1) / (size - 1)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Gaps of respondents who come in groups of `size` (1: each by himself) that correlate by `icc` within."""

    gap: float
    sd: float
    size: int = 1
    icc: float = 0.0


def simulate(of: Gaps, clusters: int, level: float, *, sims: int, seed: int) -> tuple[Trial, Trial]:
    """Power of the t test, and half the length of its interval, over `clusters` groups.

    Gaps are whole numbers. With `size` 1 it is the paired t test; else the test is made on the means of the groups,
    since respondents of one group are alike.
    """
    gap, size, icc = of.gap, of.size, of.icc
    rng = np.random.default_rng([seed, clusters, size])
    means, sds = np.empty(sims), np.empty(sims)
    within = math.sqrt(max(0.0, of.sd**2 - ROUNDING))
    step = max(1, _BATCH // (clusters * size))
    for start in range(0, sims, step):
        stop = min(sims, start + step)
        shape = (stop - start, clusters, size)
        noise = math.sqrt(icc) * rng.standard_normal((*shape[:2], 1)) + math.sqrt(1 - icc) * rng.standard_normal(shape)
        groups = np.rint(gap + within * noise).mean(axis=2)
        means[start:stop], sds[start:stop] = groups.mean(axis=1), groups.std(axis=1, ddof=1)
    half = stats.t.ppf((1 + level) / 2, clusters - 1) * sds / math.sqrt(clusters)
    return trial((np.abs(means) > half).astype(np.float64)), trial(half, np.abs(means - gap) <= half)
