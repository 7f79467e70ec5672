"""Bootstrap over respondents: item means of resampled answers, shared by every table that needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from egovqual_link.survey import Survey

Floats = npt.NDArray[np.float64]

DEFAULT_RESAMPLES = 2000
DEFAULT_SEED = 20120101
#: Drawn indices at most: bounds the time at large n, where fewer resamples already give stable intervals.
_MAX_DRAWS = 200_000_000
_MIN_RESAMPLES = 500
_EXACT_FLOAT32 = 2**24


@dataclass(frozen=True, eq=False)
class Draws:
    """Item means of each resample, (resamples x items), over those who answered both questions."""

    performance: Floats
    importance: Floats
    seed: int

    @property
    def resamples(self) -> int:
        """How many resamples were drawn."""
        return len(self.performance)

    @property
    def method(self) -> str:
        """Resampling in words, for a method column."""
        return f"bootstrap over respondents, {self.resamples} resamples, seed {self.seed}"


def bootstrap_means(survey: Survey, resamples: int = DEFAULT_RESAMPLES, seed: int = DEFAULT_SEED) -> Draws | None:
    """Means of every item in resamples of whole respondents; None with fewer than two respondents.

    Above 100,000 respondents fewer resamples are drawn (at least 500); `Draws.resamples` tells.
    """
    if survey.n < 2:
        return None
    resamples = max(min(resamples, _MAX_DRAWS // survey.n), min(resamples, _MIN_RESAMPLES))
    key = ("draws", resamples, seed)
    if key not in survey.cache:
        survey.cache[key] = _draw(survey, resamples, seed)
    draws: Draws = survey.cache[key]
    return draws


def _draw(survey: Survey, resamples: int, seed: int) -> Draws:
    paired = survey.paired
    n, items = paired.shape
    largest = max(abs(survey.scale.low), abs(survey.scale.high), 1)
    # Sums of whole numbers below 2**24 are exact in single precision: the same on every machine, and faster.
    dtype: Any = np.float32 if n * largest < _EXACT_FLOAT32 else np.float64
    columns = np.empty((n, 3 * items), dtype=dtype)
    columns[:, :items] = np.where(paired, survey.performance, 0)
    columns[:, items : 2 * items] = np.where(paired, survey.importance, 0)
    columns[:, 2 * items :] = paired
    rng = np.random.default_rng(seed)
    sums = np.empty((resamples, 3 * items), dtype=np.float64)
    batch = max(1, min(resamples, 8_000_000 // n))
    for start in range(0, resamples, batch):
        stop = min(start + batch, resamples)
        counts = np.empty((stop - start, n), dtype=dtype)
        for row in counts:
            row[:] = np.bincount(rng.integers(0, n, size=n), minlength=n)
        sums[start:stop] = counts @ columns
    answered = sums[:, 2 * items :]
    with np.errstate(invalid="ignore"):
        return Draws(sums[:, :items] / answered, sums[:, items : 2 * items] / answered, seed)


def percentile_interval(draws: Floats, n: int, confidence: float) -> tuple[float | None, float | None]:
    """Expanded percentile interval (Hesterberg 2015, The American Statistician 69(4), 371-386).

    The percentiles are widened as Student's t and the factor n/(n-1) widen a normal interval, without which
    the percentile interval of a mean is too narrow at small n.
    """
    usable = draws[np.isfinite(draws)]
    if n < 2 or usable.size < len(draws) // 2 or usable.size == 0:
        return None, None
    tail = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf((1 + confidence) / 2, n - 1))
    low, high = np.quantile(usable, [tail, 1 - tail])
    return float(low), float(high)
