"""Do the items of a dimension measure one thing? Cronbach's alpha, McDonald's omega, corrected item-total r."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from egovqual_link.published import PublishedTable
from egovqual_link.reasons import reason_columns
from egovqual_link.scores import Source
from egovqual_link.survey import NO_ANSWER, Survey
from egovqual_link.survey_columns import KINDS

Floats = npt.NDArray[np.float64]

#: The steepest slope of the log likelihood (per respondent) that still counts as a maximum.
_FLAT: Final = 1e-4

RELIABILITY_COLUMNS: Final = (
    "level", "key", "kind", "items", "n", "n_incomplete",
    "alpha", "alpha_low", "alpha_high", "alpha_method", "alpha_standardised",
    "omega", "omega_low", "omega_high", "omega_method", "omega_standardised",
    "reason", "reason_en", "reason_id",
)  # fmt: skip
ITEM_TOTAL_COLUMNS: Final = (
    "level", "key", "dimension", "kind", "n", "r", "r_low", "r_high", "r_method", "alpha_without",
    "reason", "reason_en", "reason_id",
)  # fmt: skip


def reliability(source: Source, *, confidence: float = 0.95) -> pd.DataFrame:
    """One row for each dimension and kind (performance, importance), RELIABILITY_COLUMNS.

    From those who answered every item of the dimension (n). Alpha with Feldt's (1965) interval. Omega total
    of a one-factor model fitted by maximum likelihood: 1 - error variance / observed variance of the sum
    (McDonald 1999); its interval by the delta method from fourth moments, on log(1 - omega), which assumes
    no distribution of the answers. `*_standardised` are those of the correlation matrix.
    """
    rows = []
    for each in source.instrument.dimensions:
        for kind in KINDS:
            row: dict[str, Any] = {"level": "dimension", "key": each.key, "kind": kind}
            if isinstance(source, PublishedTable):
                rows.append(row | reason_columns("answers_not_published"))
            else:
                answers, incomplete = _complete(source, each.key, kind)
                rows.append(row | {"n_incomplete": incomplete} | _row(answers, confidence))
    return _typed(pd.DataFrame(rows, columns=list(RELIABILITY_COLUMNS)), {"items", "n", "n_incomplete"})


def item_total(source: Source, *, confidence: float = 0.95) -> pd.DataFrame:
    """One row for each item and kind, ITEM_TOTAL_COLUMNS: r of the item with the sum of the dimension's others.

    Interval by Fisher's z; `alpha_without` is alpha of the dimension without the item.
    """
    rows = []
    for each in source.instrument.dimensions:
        for kind in KINDS:
            keys = [item.key for item in source.instrument.items_of(each.key)]
            place: dict[str, Any] = {"level": "item", "dimension": each.key, "kind": kind}
            if isinstance(source, PublishedTable):
                rows += [place | {"key": key} | reason_columns("answers_not_published") for key in keys]
            else:
                answers, _ = _complete(source, each.key, kind)
                found = zip(keys, _item_total(answers, confidence), strict=True)
                rows += [place | {"key": key} | row for key, row in found]
    order = {key: index for index, key in enumerate(source.instrument.item_keys)}
    table = _typed(pd.DataFrame(rows, columns=list(ITEM_TOTAL_COLUMNS)), {"n"})
    return table.sort_values("key", key=lambda keys: keys.map(order), kind="stable").reset_index(drop=True)


def _complete(survey: Survey, dimension: str, kind: str) -> tuple[Floats, int]:
    columns = [index for index, item in enumerate(survey.instrument.items) if item.dimension == dimension]
    answers = getattr(survey, kind)[:, columns]
    answered = answers > NO_ANSWER
    whole = answered.all(axis=1)
    return answers[whole].astype(np.float64), int((answered.any(axis=1) & ~whole).sum())


def _row(answers: Floats, confidence: float) -> dict[str, Any]:
    n, items = answers.shape
    row: dict[str, Any] = {"items": items, "n": n}
    reason = _unfit(answers)
    if reason:
        return row | reason_columns(reason)
    covariance: Floats = np.atleast_2d(np.cov(answers, rowvar=False))
    correlation: Floats = np.atleast_2d(np.corrcoef(answers, rowvar=False))
    alpha = cronbach_alpha(covariance)
    low, high = feldt_interval(alpha, n, items, confidence)
    row |= {
        "alpha": alpha,
        "alpha_low": low,
        "alpha_high": high,
        "alpha_method": f"complete answers; Feldt's F, {confidence:.0%}, df {n - 1} and {(n - 1) * (items - 1)}",
        "alpha_standardised": cronbach_alpha(correlation),
    }
    return row | _omega_columns(answers, covariance, correlation, confidence)


def _unfit(answers: Floats) -> str | None:
    n, items = answers.shape
    if items < 2:
        return "one_item"
    if n == 0:
        return "not_answered"
    if n <= items:
        return "too_few_respondents"
    return "no_spread" if (np.ptp(answers, axis=0) == 0).any() else None


def cronbach_alpha(covariance: Floats) -> float:
    """Alpha = k / (k - 1) x (1 - sum of item variances / variance of the sum), from a (k x k) covariance matrix."""
    items = len(covariance)
    return float(items / (items - 1) * (1 - np.trace(covariance) / covariance.sum()))


def feldt_interval(alpha: float, n: int, items: int, confidence: float) -> tuple[float, float]:
    """Feldt's interval of alpha (1965, Psychometrika 30(3), 357-370)."""
    tail = (1 - confidence) / 2
    df = n - 1, (n - 1) * (items - 1)
    return (
        float(1 - (1 - alpha) * stats.f.ppf(1 - tail, *df)),
        float(1 - (1 - alpha) * stats.f.ppf(tail, *df)),
    )


def _omega_columns(answers: Floats, covariance: Floats, correlation: Floats, confidence: float) -> dict[str, Any]:
    items = len(covariance)
    if items < 3:
        return reason_columns("two_items")
    row: dict[str, Any] = {}
    try:
        omega = mcdonald_omega(covariance)
        row = {"omega": omega, "omega_standardised": mcdonald_omega(correlation)}
        error = _delta_error(answers, covariance, mcdonald_omega)
    except _NoSolutionError as refusal:
        # The estimate may stand where only a neighbouring matrix, needed for the interval, has no solution.
        return row | reason_columns(refusal.reason)
    half = stats.norm.ppf((1 + confidence) / 2) * error / (1 - omega)
    method = f"one factor, maximum likelihood; delta method from fourth moments on log(1 - omega), {confidence:.0%}"
    return row | {
        "omega_low": 1 - (1 - omega) * np.exp(half),
        "omega_high": 1 - (1 - omega) * np.exp(-half),
        "omega_method": f"complete answers; {method}",
        **reason_columns(None),
    }


class _NoSolutionError(Exception):
    """The one-factor model has no usable solution; `reason` is the code that says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def mcdonald_omega(covariance: Floats) -> float:
    """1 - error variance / observed variance of the sum, by a one-factor model of a (k x k) covariance matrix.

    Raises:
        _NoSolutionError: the fit did not converge, or an error variance fell to its bound (Heywood case).
    """
    from statsmodels.multivariate.factor import Factor
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, EstimationWarning

    spread = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(spread, spread)
    if covariance.sum() <= 0:
        raise _NoSolutionError("negative_covariance")
    factor = Factor(corr=correlation, n_factor=1, method="ml")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", EstimationWarning)
        try:
            fit = factor.fit(maxiter=500, tol=1e-8, start=_first_component(correlation))
        except (ValueError, np.linalg.LinAlgError):
            raise _NoSolutionError("not_converged") from None
    unique = np.asarray(fit.uniqueness, dtype=float)
    # An error variance that runs to zero also stops the optimiser early: the cause is told, not the symptom.
    if (unique < 0.005).any():
        raise _NoSolutionError("improper_solution")
    # The optimiser also calls itself lost where rounding alone keeps it from a smaller slope; the slope decides.
    if not np.isfinite(unique).all() or np.abs(factor.mle_retvals.jac).max() > _FLAT:
        raise _NoSolutionError("not_converged")
    return float(1 - (unique * spread**2).sum() / covariance.sum())


def _first_component(correlation: Floats) -> tuple[Floats, Floats]:
    """Where the fit starts: loadings of the first principal component. The library's own start is a random one."""
    values, vectors = np.linalg.eigh(correlation)
    loadings = vectors[:, -1:] * np.sqrt(values[-1])
    loadings *= np.sign(loadings.sum()) or 1.0
    return loadings, np.clip(1 - loadings[:, 0] ** 2, 0.1, 0.9)


def _delta_error(answers: Floats, covariance: Floats, statistic: Callable[[Floats], float]) -> float:
    """Standard error of a function of the covariance matrix, from the fourth moments of the answers."""
    n, items = answers.shape
    centred = answers - answers.mean(axis=0)
    influence = np.zeros(n)
    for row, column in _lower(items):
        step = 1e-4 * np.sqrt(covariance[row, row] * covariance[column, column])
        shift = np.zeros_like(covariance)
        shift[row, column] = shift[column, row] = step
        slope = (statistic(covariance + shift) - statistic(covariance - shift)) / (2 * step)
        influence += slope * (centred[:, row] * centred[:, column] - covariance[row, column])
    return float(influence.std(ddof=1) / np.sqrt(n))


def _lower(items: int) -> Iterator[tuple[int, int]]:
    for row in range(items):
        for column in range(row + 1):
            yield row, column


def _item_total(answers: Floats, confidence: float) -> list[dict[str, Any]]:
    n, items = answers.shape
    reason = _unfit(answers)
    if reason:
        return [{"n": n} | reason_columns(reason)] * items
    covariance = np.cov(answers, rowvar=False)
    rows = []
    for index in range(items):
        others = [other for other in range(items) if other != index]
        with_rest = covariance[index, others].sum()
        rest = covariance[np.ix_(others, others)]
        spread = np.sqrt(covariance[index, index] * rest.sum())
        r = float(with_rest / spread) if spread > 0 else np.nan
        half = stats.norm.ppf((1 + confidence) / 2) / np.sqrt(n - 3) if n > 3 else np.nan
        rows.append(
            {
                "n": n,
                "r": r,
                "r_low": float(np.tanh(np.arctanh(r) - half)),
                "r_high": float(np.tanh(np.arctanh(r) + half)),
                "r_method": f"complete answers; Pearson with the sum of the others; Fisher's z, {confidence:.0%}",
                "alpha_without": cronbach_alpha(rest) if items > 2 else None,
                **reason_columns(None),
            }
        )
    return rows


def _typed(table: pd.DataFrame, counts: set[str]) -> pd.DataFrame:
    for name in table.columns:
        if name in counts:
            table[name] = table[name].astype("Int64")
        elif name in ("level", "key", "dimension", "kind") or name.endswith(("method", "reason", "_en", "_id")):
            table[name] = table[name].astype("str")
        else:
            table[name] = table[name].astype("float64")
    return table
