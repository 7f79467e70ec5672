"""Coefficients of association over portals or waves, each with n, interval and method, or null and the reason."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
#: 9! = 362,880 orders are gone through one by one; above that, so many are drawn.
EXACT_UNITS = 9
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
    """Spearman's rho or Kendall's tau-b over units, with permutation p and interval.

    p is two-sided, over all orders up to 9 units, else over 9,999 drawn ones (Phipson and Smyth 2010: the order at
    hand counts too). The interval is Fisher's z with the standard error of Bonett and Wright (2000, Psychometrika
    65(1), 23-28) for rho, of Fieller, Hartley and Pearson (1957) for tau: over a dozen units a bootstrap of units
    covers 98 to 100% where 95% are asked (docs/benchmarks.md). Where the orders agree perfectly there is none.
    Units that share a block (waves of one portal) are drawn together; the interval is then a bootstrap of blocks,
    and since permutation needs whole blocks to be exchangeable, p is left out and the reason said.
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
    p, p_method = (None, NO_BLOCK_P) if repeated else _permutation_p(method, a, b, r, seed)
    if repeated:
        low, high = _bootstrap(work, a, b, groups, seed=seed, level=level)
        interval: str | None = f"bootstrap of portals, {RESAMPLES} resamples, expanded percentile"
    else:
        low, high = rank_interval(method, r, n, level)
        interval = f"Fisher z, standard error of {_SE_NAMES[method]}"
    if low is None:
        interval = PERFECT_ORDER if abs(r) > _PERFECT else None
    return Coefficient(method, n, r=r, low=low, high=high, p=p, p_method=p_method, interval_method=interval)


NO_BLOCK_P = "no p: waves of one portal are not exchangeable; see rm_corr"
PERFECT_ORDER = "no interval: the orders agree perfectly"
_PERFECT = 1 - 1e-9
_SE_NAMES = {"spearman": "Bonett and Wright", "kendall": "Fieller, Hartley and Pearson, Student's t"}


def standard_error(method: str, r: float, n: int) -> float:
    """Standard error of atanh(r) over `n` units, for `spearman`, `kendall` or `pearson`."""
    if method == "spearman":
        return math.sqrt((1 + r * r / 2) / (n - 3))
    return math.sqrt(0.437 / (n - 4)) if method == "kendall" else 1 / math.sqrt(n - 3)


def rank_interval(method: Method, r: float, n: int, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Interval of a rank correlation over `n` independent units (at least five); none where |r| is 1."""
    if abs(r) > _PERFECT or n < MIN_UNITS:
        return None, None
    # Fieller's standard error is too small for strong tau over few units; Student's quantile makes up for it.
    reach = stats.t.ppf((1 + level) / 2, n - 2) if method == "kendall" else stats.norm.ppf((1 + level) / 2)
    half = float(reach) * standard_error(method, r, n)
    z = math.atanh(r)
    return math.tanh(z - half), math.tanh(z + half)


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


def _permutation_p(method: Method, a: Floats, b: Floats, r: float, seed: int) -> tuple[float, str]:
    # Equal coefficients may differ in the last bit between orders; without the slack the exact p would miss ties.
    null = _null(method, *(tuple(np.sort(stats.rankdata(each)).tolist()) for each in (a, b)), seed)
    hits = len(null) - int(np.searchsorted(null, abs(r) - 1e-9))
    if len(a) <= EXACT_UNITS:
        return hits / len(null), f"exact, all {len(null)} orders"
    return (hits + 1) / (PERMUTATIONS + 1), f"permutation, {PERMUTATIONS} orders, seed {seed}"


@lru_cache(maxsize=256)
def _null(method: Method, left: tuple[float, ...], right: tuple[float, ...], seed: int) -> Floats:
    """|r| under no relation, sorted: it hangs on the ranks alone, so pairs without ties share one."""
    a, b = np.array(left), np.array(right)
    n = len(a)
    if n <= EXACT_UNITS:
        orders = _orders(n)
    else:
        orders = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (PERMUTATIONS, 1)), axis=1)
    if method == "spearman":
        top = b[orders] @ (a - a.mean())
        scale = math.sqrt(float(((a - a.mean()) ** 2).sum() * ((b - b.mean()) ** 2).sum()))
    else:
        # Pair by pair: all pairs of all orders at once would not fit into memory.
        signs = np.sign(b[:, None] - b[None, :])
        top = np.zeros(len(orders))
        pairs = [(i, j) for i, j in itertools.combinations(range(n), 2) if a[i] != a[j]]
        for i, j in pairs:
            top += signs[orders[:, j], orders[:, i]]
        scale = math.sqrt(len(pairs) * float((signs != 0).sum() / 2))
    return np.sort(np.abs(top / scale))


@lru_cache(maxsize=2)
def _orders(n: int) -> NDArray[np.int8]:
    return np.array(list(itertools.permutations(range(n))), dtype=np.int8)


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


def tost_correlation(r: float, n: int, margin: float, alpha: float = 0.05, method: str = "pearson") -> Equivalence:
    """Equivalence of a correlation to zero within a stated `margin` (Goertzen and Cribbie 2010; Lakens 2017).

    Fisher's z with the standard error of the `method`, for which see `standard_error`. `low`, `high` are the
    1 - 2 alpha interval, which lies within the margin exactly when the test says equivalent.

    Raises:
        ValueError: fewer than four units (five for `kendall`), or a margin not within 0 and 1.
    """
    if n < (5 if method == "kendall" else 4):
        raise ValueError("needs at least four units")
    if not 0 < margin < 1:
        raise ValueError("the margin must lie between 0 and 1")
    se = standard_error(method, r, n)
    z, bound = math.atanh(max(-1 + 1e-15, min(1 - 1e-15, r))), math.atanh(margin)
    p = max(float(stats.norm.sf((z + bound) / se)), float(stats.norm.cdf((z - bound) / se)))
    half = float(stats.norm.ppf(1 - alpha)) * se
    return Equivalence(margin, p, math.tanh(z - half), math.tanh(z + half))
