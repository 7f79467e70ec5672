"""Is a gap more than chance? Paired tests of performance against importance, and how large the shift is."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from egovqual_link.published import PublishedTable
from egovqual_link.reasons import reason_columns
from egovqual_link.resampling import DEFAULT_RESAMPLES, DEFAULT_SEED, percentile_interval
from egovqual_link.scores import Source
from egovqual_link.survey import Survey

#: Columns of the table of `gap_tests`. `zero_method` is that of `w` and `p_wilcoxon`; zeros_matter: the three
#: ways to treat zero gaps do not agree on which side of alpha the p-value lies, as it is or adjusted.
TEST_COLUMNS: Final = (
    "level", "key", "dimension", "n", "n_zero", "t", "df", "p_t", "t_method",
    "w", "p_wilcoxon", "zero_method", "p_pratt", "p_zsplit", "zeros_matter", "wilcoxon_method",
    "rank_biserial", "rank_biserial_low", "rank_biserial_high", "rank_biserial_method",
    "p_t_adjusted", "p_wilcoxon_adjusted", "p_pratt_adjusted", "p_zsplit_adjusted", "adjustment",
    "reason", "reason_en", "reason_id",
)  # fmt: skip
_ZERO_METHODS: Final = {"p_wilcoxon": "wilcox", "p_pratt": "pratt", "p_zsplit": "zsplit"}
#: Up to here every sign pattern is tried (2**13 = 8192); beyond, the normal approximation with ties corrected.
_EXACT_UP_TO: Final = 13

Whole = npt.NDArray[np.int64]


def gap_tests(
    source: Source,
    *,
    alpha: float = 0.05,
    confidence: float = 0.95,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = DEFAULT_SEED,
) -> pd.DataFrame:
    """One row an item, dimension and the whole, TEST_COLUMNS.

    Paired t; Wilcoxon's signed ranks with zero gaps dropped (Wilcoxon 1945), and beside it Pratt's (1959)
    and the split-zero p-values, since up to half the gaps on a short scale are zero; the matched-pairs
    rank-biserial correlation (Kerby 2014), positive where performance is higher, with a bootstrap interval.
    Benjamini and Hochberg (1995) over the items, and over the dimensions. A dimension is tested on the whole-
    number sums of those who answered all of it: means of items would lose their ties to binary fractions.
    A printed table cannot be tested: the same rows, with the reason.
    """
    places = _places(source)
    if isinstance(source, PublishedTable):
        rows = [place | reason_columns("answers_not_published") for place, _ in places]
    else:
        rows = [
            place | _tests(_differences(source, columns), alpha, confidence, resamples, seed)
            for place, columns in places
        ]
    table = _typed(pd.DataFrame(rows, columns=list(TEST_COLUMNS)))
    for level in ("item", "dimension"):
        _adjust(table, table["level"] == level, alpha)
    return table


def _places(source: Source) -> list[tuple[dict[str, Any], list[int]]]:
    items = source.instrument.items
    places: list[tuple[dict[str, Any], list[int]]] = [
        ({"level": "item", "key": item.key, "dimension": item.dimension}, [index]) for index, item in enumerate(items)
    ]
    for each in source.instrument.dimensions:
        columns = [index for index, item in enumerate(items) if item.dimension == each.key]
        places.append(({"level": "dimension", "key": each.key, "dimension": each.key}, columns))
    places.append(({"level": "overall", "key": "overall", "dimension": None}, list(range(len(items)))))
    return places


def _differences(survey: Survey, columns: list[int]) -> Whole:
    complete = survey.paired[:, columns].all(axis=1)
    gaps = survey.performance[:, columns].astype(np.int64) - survey.importance[:, columns]
    result: Whole = gaps[complete].sum(axis=1)
    return result


def _tests(gaps: Whole, alpha: float, confidence: float, resamples: int, seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"n": len(gaps), "n_zero": int((gaps == 0).sum())}
    if len(gaps) < 2:
        return row | reason_columns("one_answer" if len(gaps) else "not_answered")
    if not gaps.any():
        return row | reason_columns("no_differences")
    if np.ptp(gaps) > 0:
        t = stats.ttest_1samp(gaps, 0)
        row |= {"t": float(t.statistic), "df": len(gaps) - 1, "p_t": float(t.pvalue), "t_method": "paired t, two-sided"}
    row |= _wilcoxon(gaps)
    verdicts = {row[name] < alpha for name in _ZERO_METHODS}
    row["zeros_matter"] = len(verdicts) > 1
    row |= _rank_biserial_columns(gaps, confidence, resamples, seed)
    return row | reason_columns(None if np.ptp(gaps) > 0 else "no_spread")


def _wilcoxon(gaps: Whole) -> dict[str, Any]:
    exact = len(gaps) <= _EXACT_UP_TO
    row: dict[str, Any] = {
        "zero_method": "zero gaps dropped",
        "wilcoxon_method": "signed ranks, two-sided, "
        + ("every sign pattern" if exact else "normal approximation, ties corrected, no continuity correction"),
    }
    for name, zeros in _ZERO_METHODS.items():
        method = stats.PermutationMethod(n_resamples=2**_EXACT_UP_TO) if exact else "asymptotic"
        with warnings.catch_warnings():
            # Scipy advises against few values for the approximation it then does not use.
            warnings.simplefilter("ignore", UserWarning)
            result = stats.wilcoxon(gaps, zero_method=zeros, correction=False, method=method)
        row[name] = float(result.pvalue)
        if zeros == "wilcox":
            row["w"] = float(result.statistic)
    return row


def rank_biserial(gaps: npt.ArrayLike) -> float | None:
    """Matched-pairs rank-biserial correlation: (sum of positive - sum of negative ranks) / sum of all ranks.

    Zeros are dropped; None where nothing is left. Kerby (2014), Comprehensive Psychology 3, 11.IT.3.1.
    """
    values, counts = np.unique(np.asarray(gaps), return_counts=True)
    result = float(_rank_biserial(values, counts[np.newaxis])[0])
    return result if np.isfinite(result) else None


def _rank_biserial(values: npt.NDArray[Any], counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """One coefficient for each row of counts (resamples x distinct values)."""
    sizes = np.unique(np.abs(values[values != 0]))
    above, below = (
        np.column_stack([counts[:, values == sign * size].sum(axis=1) for size in sizes]).astype(float)
        if len(sizes)
        else np.zeros((len(counts), 1))
        for sign in (1, -1)
    )
    tied = above + below
    ranks = np.cumsum(tied, axis=1) - tied + (tied + 1) / 2
    whole = tied.sum(axis=1)
    with np.errstate(invalid="ignore"):
        result: npt.NDArray[np.float64] = ((above - below) * ranks).sum(axis=1) / (whole * (whole + 1) / 2)
    return result


def _rank_biserial_columns(gaps: Whole, confidence: float, resamples: int, seed: int) -> dict[str, Any]:
    values, counts = np.unique(gaps, return_counts=True)
    # Resampling respondents is drawing how often each distinct gap occurs: no cost in n.
    drawn = np.random.default_rng(seed).multinomial(len(gaps), counts / len(gaps), size=resamples)
    low, high = percentile_interval(_rank_biserial(values, drawn), len(gaps), confidence)
    return {
        "rank_biserial": rank_biserial(gaps),
        "rank_biserial_low": low,
        "rank_biserial_high": high,
        "rank_biserial_method": f"zero gaps dropped; expanded percentile, {confidence:.0%}, bootstrap over "
        f"respondents, {resamples} resamples, seed {seed}",
    }


def benjamini_hochberg(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjusted p-values (Benjamini and Hochberg 1995); a missing p-value stays missing and counts for nothing."""
    given = np.asarray(p_values, dtype=float)
    adjusted = np.full(given.shape, np.nan)
    known = np.isfinite(given)
    if known.any():
        adjusted[known] = stats.false_discovery_control(given[known], method="bh")
    return adjusted


def _adjust(table: pd.DataFrame, rows: pd.Series[bool], alpha: float) -> None:
    for name in ("p_t", *_ZERO_METHODS):
        table.loc[rows, f"{name}_adjusted"] = benjamini_hochberg(table.loc[rows, name].to_numpy(float))
    tested = rows & table["p_wilcoxon"].notna()
    if tested.any():
        verdicts = table.loc[tested, [f"{name}_adjusted" for name in _ZERO_METHODS]] < alpha
        table.loc[tested, "zeros_matter"] |= verdicts.nunique(axis=1) > 1
        table.loc[tested, "adjustment"] = f"Benjamini-Hochberg over {int(tested.sum())}"


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    for name in TEST_COLUMNS:
        if name.startswith("n_") or name in ("n", "df"):
            table[name] = table[name].astype("Int64")
        elif name == "zeros_matter":
            table[name] = table[name].astype("boolean")
        elif name in ("level", "key", "dimension", "zero_method", "adjustment") or name.endswith(
            ("method", "reason", "_en", "_id")
        ):
            table[name] = table[name].astype("str")
        else:
            table[name] = table[name].astype("float64")
    return table
