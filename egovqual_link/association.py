"""Coefficients of association over portals or waves, each with n, interval and method, or null and the reason."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.quantiles import LEVEL, SEED, expanded_tails

Floats = NDArray[np.float64]
Method = Literal["spearman", "kendall"]

#: Fewer units than this give no coefficient; fewer than DESCRIPTIVE_BELOW give one that only describes.
MIN_UNITS = 5
DESCRIPTIVE_BELOW = 10
#: 8! = 40,320 orders are gone through one by one; above that, so many are drawn.
EXACT_UNITS = 8
PERMUTATIONS = 9_999
RESAMPLES = 1_999


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient over `n` units; `r` None has its `reason`, such as `n_units=1`."""

    method: str
    n: int
    r: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_method: str | None = None
    interval_method: str | None = None
    df: int | None = None
    reason: str | None = None

    @property
    def descriptive(self) -> bool:
        """Too few units to conclude from."""
        return self.n < DESCRIPTIVE_BELOW


def rank_correlation(
    x: Sequence[float],
    y: Sequence[float],
    *,
    method: Method = "spearman",
    blocks: Sequence[str] | None = None,
    seed: int = SEED,
    level: float = LEVEL,
) -> Coefficient:
    """Spearman's rho or Kendall's tau-b over units, with permutation p and bootstrap interval.

    p is two-sided, over all orders up to 8 units, else over 9,999 drawn ones (Phipson and Smyth 2010: the order at
    hand counts too). Units that share a block (waves of one portal) are drawn together; permutation then needs whole
    blocks to be exchangeable, so p is left out and the reason said.
    """
    if len(x) != len(y):
        raise ValueError("x and y differ in length")
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    n = len(a)
    if n < MIN_UNITS:
        return Coefficient(method, n, reason=f"n_units={n}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Coefficient(method, n, reason="no_variation")
    work = _KINDS[method]
    r = float(work(a[None], b[None])[0])
    groups = [str(each) for each in blocks] if blocks is not None else [str(index) for index in range(n)]
    repeated = len(set(groups)) < n
    p, p_method = (None, None) if repeated else _permutation_p(work, a, b, r, seed)
    low, high = _bootstrap(work, a, b, groups, seed=seed, level=level)
    return Coefficient(
        method,
        n,
        r=r,
        low=low,
        high=high,
        p=p,
        p_method="no p: waves of one portal are not exchangeable; see rm_corr" if repeated else p_method,
        interval_method=None
        if low is None
        else f"bootstrap of {'portals' if repeated else 'units'}, {RESAMPLES} resamples, expanded percentile",
    )


def _spearman(left: Floats, right: Floats) -> Floats:
    """Row by row; one row of `left` serves all rows of `right`. NaN where a row does not vary."""
    return _pearson(stats.rankdata(left, axis=1), stats.rankdata(right, axis=1))


def _pearson(left: Floats, right: Floats) -> Floats:
    left = left - left.mean(axis=1, keepdims=True)
    right = right - right.mean(axis=1, keepdims=True)
    return _ratio((left * right).sum(axis=1), (left**2).sum(axis=1) * (right**2).sum(axis=1))


def _kendall(left: Floats, right: Floats) -> Floats:
    """Kendall's tau-b row by row."""
    i, j = np.triu_indices(left.shape[1], 1)
    a, b = np.sign(left[:, i] - left[:, j]), np.sign(right[:, i] - right[:, j])
    return _ratio((a * b).sum(axis=1), (a**2).sum(axis=1) * (b**2).sum(axis=1))


def _ratio(top: Floats, squared: Floats) -> Floats:
    scale = np.broadcast_to(np.sqrt(squared), top.shape)
    found: Floats = np.divide(top, scale, out=np.full(top.shape, np.nan), where=scale > 0)
    return found


_KINDS: dict[str, Callable[[Floats, Floats], Floats]] = {"spearman": _spearman, "kendall": _kendall}


def _permutation_p(
    work: Callable[[Floats, Floats], Floats], a: Floats, b: Floats, r: float, seed: int
) -> tuple[float, str]:
    n = len(a)
    # Equal coefficients may differ in the last bit between orders; without the slack the exact p would miss ties.
    reach = abs(r) - 1e-9
    if n <= EXACT_UNITS:
        orders = np.array(list(itertools.permutations(range(n))))
        found = np.abs(work(a[None], b[orders])) >= reach
        return float(found.mean()), f"exact, all {len(orders)} orders"
    rng = np.random.default_rng(seed)
    hits, left = 0, PERMUTATIONS
    chunk = max(1, min(left, 4_000_000 // (n * n)))
    while left:
        size = min(chunk, left)
        drawn = rng.permuted(np.tile(b, (size, 1)), axis=1)
        hits += int((np.abs(work(a[None], drawn)) >= reach).sum())
        left -= size
    return (hits + 1) / (PERMUTATIONS + 1), f"permutation, {PERMUTATIONS} orders, seed {seed}"


def _bootstrap(
    work: Callable[[Floats, Floats], Floats], a: Floats, b: Floats, groups: list[str], *, seed: int, level: float
) -> tuple[float | None, float | None]:
    names = sorted(set(groups))
    if len(names) < MIN_UNITS:
        return None, None
    members = [np.array([index for index, each in enumerate(groups) if each == name]) for name in names]
    picks = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
    if len({len(each) for each in members}) == 1:
        rows = np.array(members)[picks].reshape(RESAMPLES, -1)
        kept = work(a[rows], b[rows])
    else:
        drawn = (np.concatenate([members[index] for index in pick]) for pick in picks)
        kept = np.array([work(a[rows][None], b[rows][None])[0] for rows in drawn])
    kept = kept[np.isfinite(kept)]
    lower, upper = expanded_tails(len(names), level)
    low, high = np.quantile(kept, [lower, upper])
    return float(low), float(high)


def rm_corr(x: Sequence[float], y: Sequence[float], unit: Sequence[str], *, level: float = LEVEL) -> Coefficient:
    """Repeated-measures correlation: the common slope within units (Bakdash and Marusich 2017, after Bland and Altman).

    df = N - units - 1; interval by Fisher's z with N_eff = df + 2, the form of rmcorr before 0.7 and of pingouin.
    Needs at least two waves in each of at least two units.
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    names = np.asarray([str(each) for each in unit])
    groups, sizes = np.unique(names, return_counts=True)
    if len(groups) < 2 or sizes.min() < 2:
        return Coefficient("rm_corr", len(a), reason="needs_two_waves_in_two_portals")
    df = len(a) - len(groups) - 1
    for name in groups:
        rows = names == name
        a = np.where(rows, a - a[rows].mean(), a)
        b = np.where(rows, b - b[rows].mean(), b)
    scale = math.sqrt(float((a**2).sum() * (b**2).sum()))
    if scale == 0 or df < 2:
        return Coefficient("rm_corr", len(names), reason="no_variation" if scale == 0 else f"df={df}")
    r = float((a * b).sum()) / scale
    t = r * math.sqrt(df / max(1e-300, 1 - r * r))
    half = float(stats.norm.ppf((1 + level) / 2)) / math.sqrt(df - 1)
    z = math.atanh(max(-1 + 1e-15, min(1 - 1e-15, r)))
    return Coefficient(
        "rm_corr",
        len(names),
        r=r,
        low=math.tanh(z - half),
        high=math.tanh(z + half),
        p=float(2 * stats.t.sf(abs(t), df)),
        p_method=f"t, df {df}",
        interval_method="Fisher z, N_eff = df + 2",
        df=df,
    )


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values (Benjamini and Hochberg 1995)."""
    if not p:
        return []
    return [float(each) for each in stats.false_discovery_control(list(p), method="bh")]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests: is |r| smaller than `margin`? `p` is the larger of the two."""

    margin: float
    p: float
    low: float
    high: float

    def equivalent(self, alpha: float = 0.05) -> bool:
        """Whether the correlation is smaller than the margin, at `alpha`."""
        return self.p < alpha


def tost_correlation(r: float, n: int, margin: float, alpha: float = 0.05) -> Equivalence:
    """Equivalence of a correlation to zero within a stated `margin` (Lakens 2017: Fisher z, SE 1/sqrt(n - 3)).

    `low`, `high` are the 1 - 2 alpha interval, which lies within the margin exactly when the test says equivalent.
    """
    if n < 4:
        raise ValueError("needs at least four units")
    se = 1 / math.sqrt(n - 3)
    z, bound = math.atanh(max(-1 + 1e-15, min(1 - 1e-15, r))), math.atanh(margin)
    p = max(float(stats.norm.sf((z + bound) / se)), float(stats.norm.cdf((z - bound) / se)))
    half = float(stats.norm.ppf(1 - alpha)) * se
    return Equivalence(margin, p, math.tanh(z - half), math.tanh(z + half))
