"""How many portals or waves a rank correlation needs, by Fisher's z and by simulation of the test in use."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.association import EXACT_UNITS, PERMUTATIONS
from egovqual_link.plan_search import Trial, smallest, trial
from egovqual_link.quantiles import expanded_tails

Floats = NDArray[np.float64]

#: No simulation goes beyond so many units: a country has some hundreds of districts.
MOST_UNITS = 5_000
#: Orders are drawn in batches of about this many numbers.
_BATCH = 4_000_000
#: Resamples of each simulated interval; the analysis itself draws more, which narrows nothing.
RESAMPLES = 399


def spread(r: float, *, ranks: bool = True) -> float:
    """Variance of Fisher's z times (n - 3): 1 + r^2 / 2 for Spearman (Bonett and Wright 2000), 1 for Pearson."""
    return 1 + r * r / 2 if ranks else 1.0


def power_size(r: float, power: float, level: float, *, ranks: bool = True) -> int:
    """Units so that a two-sided test of no correlation finds a true `r` with `power`.

    n = 3 + ((z_level + z_power sqrt(spread)) / atanh r)^2: Fisher's z, with variance 1 / (n - 3) under no correlation.
    """
    z_level, z_power = _z((1 + level) / 2), _z(power)
    return math.ceil(3 + ((z_level + z_power * math.sqrt(spread(r, ranks=ranks))) / math.atanh(abs(r))) ** 2 - 1e-9)


def half_width(r: float, n: int, level: float, *, ranks: bool = True) -> float:
    """Half the length of the interval tanh(atanh r +- z sqrt(spread / (n - 3))) (Bonett and Wright 2000)."""
    half = _z((1 + level) / 2) * math.sqrt(spread(r, ranks=ranks) / (n - 3))
    return (math.tanh(math.atanh(r) + half) - math.tanh(math.atanh(r) - half)) / 2


def precision_size(r: float, width: float, level: float, *, ranks: bool = True) -> int | None:
    """The smallest number of units whose interval around `r` is +- `width`."""
    return smallest(lambda n: half_width(r, n, level, ranks=ranks) <= width, 20, 4, 100 * MOST_UNITS)


def repeated_size(r: float, waves: int, power: float, level: float) -> int:
    """Portals with `waves` waves each so that the repeated-measures correlation finds a true `r` with `power`.

    It has df = portals (waves - 1) - 1 and is tested as a correlation of df + 2 independent pairs.
    """
    df = power_size(r, power, level, ranks=False) - 2
    return max(2, math.ceil((df + 1) / (waves - 1)))


def _z(share: float) -> float:
    return float(stats.norm.ppf(share))


def latent(r: float) -> float:
    """The Pearson correlation of normal variables whose Spearman correlation is `r` (Pearson 1907)."""
    return 2 * math.sin(math.pi * r / 6)


def _pairs(rng: np.random.Generator, rho: float, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    x = rng.standard_normal(shape)
    return x, rho * x + math.sqrt(1 - rho * rho) * rng.standard_normal(shape)


def _spearman(x: Floats, y: Floats) -> Floats:
    """Row by row, without ties."""
    n = x.shape[1]
    apart = x.argsort(axis=1).argsort(axis=1) - y.argsort(axis=1).argsort(axis=1)
    found: Floats = 1 - 6 * (apart.astype(np.float64) ** 2).sum(axis=1) / (n * (n * n - 1))
    return found


@lru_cache(maxsize=64)
def null_orders(n: int, seed: int) -> Floats:
    """|rho| over the orders of the permutation test, ascending; without ties they serve every data set."""
    if n <= EXACT_UNITS:
        return np.sort(_distances(np.array(list(itertools.permutations(range(n))))))
    rng, left, parts = np.random.default_rng(seed), PERMUTATIONS, []
    while left:
        size = min(left, max(1, _BATCH // n))
        parts.append(_distances(rng.permuted(np.tile(np.arange(n), (size, 1)), axis=1)))
        left -= size
    return np.sort(np.concatenate(parts))


def _distances(orders: NDArray[np.int64]) -> Floats:
    n = orders.shape[1]
    apart = (orders - np.arange(n)).astype(np.float64)
    found: Floats = np.abs(1 - 6 * (apart**2).sum(axis=1) / (n * (n * n - 1)))
    return found


def permutation_p(rho: Floats, n: int, seed: int) -> Floats:
    """Two-sided p of each `rho`, as `association.rank_correlation` finds it: exact up to 8 units, else drawn."""
    null = null_orders(n, seed)
    hits = len(null) - np.searchsorted(null, np.abs(rho) - 1e-9, side="left")
    found: Floats = hits / len(null) if n <= EXACT_UNITS else (hits + 1) / (len(null) + 1)
    return found


def simulate_power(r: float, n: int, level: float, *, sims: int, seed: int) -> Trial:
    """Share of data sets of `n` units with a true Spearman `r` in which the permutation test finds something."""
    x, y = _pairs(np.random.default_rng([seed, n]), latent(r), (sims, n))
    return trial((permutation_p(_spearman(x, y), n, seed) <= 1 - level).astype(np.float64))


def simulate_precision(r: float, n: int, level: float, *, sims: int, seed: int) -> Trial:
    """Half the length of the bootstrap interval over units (expanded percentile), and how often it holds `r`."""
    rng = np.random.default_rng([seed, n, 1])
    lower, upper = expanded_tails(n, level)
    widths, held = np.empty(sims), np.empty(sims, dtype=bool)
    x, y = _pairs(rng, latent(r), (sims, n))
    for index in range(sims):
        rows = rng.integers(0, n, (RESAMPLES, n))
        ranks = [stats.rankdata(side[index][rows], axis=1) for side in (x, y)]
        ranks = [each - each.mean(axis=1, keepdims=True) for each in ranks]
        scale = np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
        low, high = np.quantile((ranks[0] * ranks[1]).sum(axis=1)[scale > 0] / scale[scale > 0], [lower, upper])
        widths[index], held[index] = (high - low) / 2, low <= r <= high
    return trial(widths, held)


def simulate_repeated(r: float, portals: int, waves: int, level: float, *, sims: int, seed: int) -> Trial:
    """Share of studies of `portals` x `waves` in which the repeated-measures correlation finds a true `r`."""
    x, y = _pairs(np.random.default_rng([seed, portals, waves]), r, (sims, portals, waves))
    x, y = (side - side.mean(axis=2, keepdims=True) for side in (x, y))
    found = (x * y).sum(axis=(1, 2)) / np.sqrt((x**2).sum(axis=(1, 2)) * (y**2).sum(axis=(1, 2)))
    df = portals * (waves - 1) - 1
    t = np.abs(found) * np.sqrt(df / np.maximum(1e-300, 1 - found**2))
    return trial((2 * stats.t.sf(t, df) <= 1 - level).astype(np.float64))
