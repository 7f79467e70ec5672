"""Means and gaps of items, dimensions and the whole, with n and interval, from answers or a printed table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from egovqual_link.published import Printed, PublishedTable
from egovqual_link.reasons import reason_columns
from egovqual_link.resampling import (
    DEFAULT_RESAMPLES,
    DEFAULT_SEED,
    Draws,
    bootstrap_means,
    percentile_interval,
)
from egovqual_link.survey import DONT_KNOW, MISSING, NO_ANSWER, NOT_CONTACTED, OUT_OF_RANGE, Survey

Source = Survey | PublishedTable

#: Columns of every score table. Counts are of respondents; means, SD and gaps are on the answer scale;
#: tk is sum(performance) / sum(importance) x 100.
SCORE_COLUMNS: Final = (
    "level",
    "key",
    "dimension",
    "n",
    "n_performance",
    "n_importance",
    "n_missing",
    "n_dont_know",
    "n_not_contacted",
    "n_out_of_range",
    "performance",
    "performance_sd",
    "importance",
    "importance_sd",
    "gap",
    "gap_sd",
    "gap_low",
    "gap_high",
    "gap_method",
    "boot_low",
    "boot_high",
    "boot_method",
    "tk",
    "tk_low",
    "tk_high",
    "tk_method",
    "reason",
    "reason_en",
    "reason_id",
    "note_en",
    "note_id",
)
_TEXTS: Final = tuple(name for name in SCORE_COLUMNS if name.endswith(("method", "_en", "_id", "reason")))
_COUNTS: Final = tuple(name for name in SCORE_COLUMNS if name == "n" or name.startswith("n_"))
_NUMBERS: Final = (*SCORE_COLUMNS[10:18], "boot_low", "boot_high", "tk", "tk_low", "tk_high")
_CODES: Final = {
    "n_missing": MISSING,
    "n_dont_know": DONT_KNOW,
    "n_not_contacted": NOT_CONTACTED,
    "n_out_of_range": OUT_OF_RANGE,
}


def gap_scores(
    source: Source,
    *,
    confidence: float = 0.95,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = DEFAULT_SEED,
) -> pd.DataFrame:
    """One row an item, SCORE_COLUMNS; over those who answered both questions of the item (n).

    `gap_low`/`gap_high` are Student's t on the paired differences; `boot_*` and `tk_*` bootstrap over
    respondents. A printed table gives the same columns, with null and the reason where it does not tell.
    """
    if isinstance(source, PublishedTable):
        rows = [
            _printed_row(source, ("item", item.key, item.dimension), source.items.get(item.key), confidence)
            for item in source.instrument.items
        ]
        return _frame(rows)
    draws = bootstrap_means(source, resamples, seed)
    return _frame([_raw_row(source, _Group.item(source, index), draws, confidence) for index in _items(source)])


def dimension_scores(
    source: Source,
    *,
    confidence: float = 0.95,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = DEFAULT_SEED,
) -> pd.DataFrame:
    """One row a dimension, SCORE_COLUMNS: the mean of its items' means; n has answered at least one pair.

    The t interval uses the linearised variance of a mean of item means, which for complete answers is the
    variance of the respondents' own dimension means.
    """
    if isinstance(source, PublishedTable):
        rows = [
            _printed_row(source, ("dimension", each.key, each.key), _dimension_printed(source, each.key), confidence)
            for each in source.instrument.dimensions
        ]
        return _frame(rows)
    draws = bootstrap_means(source, resamples, seed)
    return _frame(
        [
            _raw_row(source, _Group.dimension(source, each.key), draws, confidence)
            for each in source.instrument.dimensions
        ]
    )


def overall_scores(
    source: Source,
    *,
    confidence: float = 0.95,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = DEFAULT_SEED,
) -> pd.DataFrame:
    """One row, SCORE_COLUMNS: the mean over all items, not over dimensions."""
    if isinstance(source, PublishedTable):
        return _frame([_printed_row(source, ("overall", "overall", None), overall_of(source), confidence)])
    draws = bootstrap_means(source, resamples, seed)
    return _frame([_raw_row(source, _Group.overall(source), draws, confidence)])


def all_scores(source: Source, **options: Any) -> pd.DataFrame:
    """Items, dimensions and the overall in one table; options as for `gap_scores`."""
    tables = [
        gap_scores(source, **options),
        dimension_scores(source, **options),
        overall_scores(source, **options),
    ]
    return _frame([row for table in tables for row in _records(table)])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def with_and_without_flagged(survey: Survey, **options: Any) -> pd.DataFrame:
    """`all_scores` twice: column `respondents` says `all`, or `unflagged` (those who carry no flag)."""
    tables = []
    for name, each in (("all", survey), ("unflagged", survey.unflagged())):
        table = all_scores(each, **options)
        table.insert(0, "respondents", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


# --- from answers


class _Group:
    """Items that are averaged into one score."""

    def __init__(self, level: str, key: str, dimension: str | None, columns: Sequence[int]) -> None:
        self.level = level
        self.key = key
        self.dimension_key = dimension
        self.columns = list(columns)

    @classmethod
    def item(cls, survey: Survey, index: int) -> _Group:
        item = survey.instrument.items[index]
        return cls("item", item.key, item.dimension, [index])

    @classmethod
    def dimension(cls, survey: Survey, key: str) -> _Group:
        columns = [index for index in _items(survey) if survey.instrument.items[index].dimension == key]
        return cls("dimension", key, key, columns)

    @classmethod
    def overall(cls, survey: Survey) -> _Group:
        return cls("overall", "overall", None, list(_items(survey)))


def _items(survey: Survey) -> range:
    return range(len(survey.instrument.items))


def _raw_row(survey: Survey, group: _Group, draws: Draws | None, confidence: float) -> dict[str, Any]:
    row: dict[str, Any] = {"level": group.level, "key": group.key, "dimension": group.dimension_key}
    performance = survey.performance[:, group.columns]
    importance = survey.importance[:, group.columns]
    paired = (performance > NO_ANSWER) & (importance > NO_ANSWER)
    row |= _counts(performance, importance, paired)
    answered = paired.sum(axis=0)
    if not answered.any():
        return row | reason_columns("not_answered")
    asked = answered > 0
    paired = paired[:, asked]
    means = {
        "performance": _Mean(performance[:, asked], paired),
        "importance": _Mean(importance[:, asked], paired),
        "gap": _Mean(performance[:, asked].astype(np.int32) - importance[:, asked], paired),
    }
    for name, mean in means.items():
        row[name] = mean.value
        row[f"{name}_sd"] = mean.sd
    row["tk"] = _ratio(means["performance"].value, means["importance"].value)
    n = row["n"]
    if n < 2:
        return row | reason_columns("one_answer")
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * means["gap"].standard_error
    row["gap_low"], row["gap_high"] = row["gap"] - half, row["gap"] + half
    row["gap_method"] = f"paired t, {confidence:.0%}, df {n - 1}"
    if draws is not None:
        row |= _bootstrap_columns(
            draws, [column for column, each in zip(group.columns, asked, strict=True) if each], n, confidence
        )
    if not asked.all():
        return row | reason_columns("items_not_answered")
    return row | reason_columns("no_spread" if means["gap"].standard_error == 0 else None)


def _counts(performance: Any, importance: Any, paired: Any) -> dict[str, int]:
    counts = {
        "n": int(paired.any(axis=1).sum()),
        "n_performance": int((performance > NO_ANSWER).any(axis=1).sum()),
        "n_importance": int((importance > NO_ANSWER).any(axis=1).sum()),
    }
    if performance.shape[1] > 1:
        # Over several items a code counts those who gave it to every item: "never contacted" the help desk.
        for name, code in _CODES.items():
            counts[name] = int(((performance == code).all(axis=1) | (importance == code).all(axis=1)).sum())
        return counts
    for name, code in _CODES.items():
        counts[name] = int(((performance == code) | (importance == code)).any(axis=1).sum())
    return counts


class _Mean:
    """Mean of item means over pairwise-complete answers, its standard error, and the spread of persons."""

    def __init__(self, values: Any, paired: Any) -> None:
        answered = paired.sum(axis=0)
        kept = np.where(paired, values, 0)
        item_means = kept.sum(axis=0) / answered
        self.value = float(item_means.mean())
        per_person = paired.sum(axis=1)
        someone = per_person > 0
        n = int(someone.sum())
        person_means = kept.sum(axis=1)[someone] / per_person[someone]
        self.sd = float(person_means.std(ddof=1)) if n > 1 else None
        influence = (np.where(paired, values - item_means, 0.0) * (n / answered)).mean(axis=1)[someone]
        self.standard_error = float(np.sqrt((influence**2).sum() / (n * (n - 1)))) if n > 1 else 0.0


def _bootstrap_columns(draws: Draws, columns: Sequence[int], n: int, confidence: float) -> dict[str, Any]:
    performance = draws.performance[:, columns].mean(axis=1)
    importance = draws.importance[:, columns].mean(axis=1)
    low, high = percentile_interval(performance - importance, n, confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        tk_low, tk_high = percentile_interval(100 * performance / importance, n, confidence)
    method = f"expanded percentile, {confidence:.0%}, {draws.method}"
    return {
        "boot_low": low,
        "boot_high": high,
        "boot_method": method,
        "tk_low": tk_low,
        "tk_high": tk_high,
        "tk_method": method,
    }


def _ratio(performance: float | None, importance: float | None) -> float | None:
    if performance is None or importance is None or importance == 0:
        return None
    return 100 * performance / importance


# --- from a printed table


def overall_of(table: PublishedTable) -> Printed | None:
    """The mean over all items: from item means, else from dimensions weighted by their items, unrounded.

    Where neither is complete, the overall as printed.
    """
    items = [table.items.get(item.key) for item in table.instrument.items]
    weighted = [(scores, 1.0) for scores in items]
    if not _complete(weighted):
        weighted = [
            (table.dimensions.get(each.key), float(len(table.instrument.items_of(each.key))))
            for each in table.instrument.dimensions
        ]
    return _weighted(weighted, table.overall) if _complete(weighted) else table.overall


def _dimension_printed(table: PublishedTable, key: str) -> Printed | None:
    if key in table.dimensions:
        return table.dimensions[key]
    items = [(table.items.get(item.key), 1.0) for item in table.instrument.items_of(key)]
    return _weighted(items, None) if _complete(items) else None


def _complete(weighted: Sequence[tuple[Printed | None, float]]) -> bool:
    return all(
        scores is not None and scores.performance is not None and scores.importance is not None
        for scores, _ in weighted
    )


def _weighted(weighted: Sequence[tuple[Printed | None, float]], printed: Printed | None) -> Printed:
    total = sum(weight for _, weight in weighted)
    means: dict[str, float] = {}
    for name in ("performance", "importance"):
        means[name] = sum(weight * getattr(scores, name) for scores, weight in weighted) / total
    kept = {} if printed is None else printed.model_dump(include={"n", "performance_sd", "importance_sd", "gap_sd"})
    means["gap"] = means["performance"] - means["importance"]
    return Printed.model_validate(means | kept)


def _printed_row(
    table: PublishedTable, place: tuple[str, str, str | None], scores: Printed | None, confidence: float
) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(("level", "key", "dimension"), place, strict=True))
    if scores is None:
        return row | reason_columns("not_published")
    n = scores.n or table.n
    gap = scores.gap
    if gap is None and scores.performance is not None and scores.importance is not None:
        gap = scores.performance - scores.importance
    row |= {
        "n": n,
        "performance": scores.performance,
        "importance": scores.importance,
        "gap": gap,
        "performance_sd": scores.performance_sd,
        "importance_sd": scores.importance_sd,
        "gap_sd": scores.gap_sd,
        "tk": _ratio(scores.performance, scores.importance),
    }
    if scores.note is not None:
        note = scores.note
        row |= {"note_en": note, "note_id": note} if isinstance(note, str) else {"note_en": note.en, "note_id": note.id}
    if gap is not None and n is not None and scores.gap_sd is not None:
        half = stats.t.ppf((1 + confidence) / 2, n - 1) * scores.gap_sd / np.sqrt(n)
        row |= {"gap_low": gap - half, "gap_high": gap + half}
        row["gap_method"] = f"paired t from the printed SD of the gap, {confidence:.0%}, df {n - 1}"
        return row | reason_columns("answers_not_published")
    return row | reason_columns(_why_no_interval(n, scores.gap_sd))


def _why_no_interval(n: int | None, gap_sd: float | None) -> str:
    if n is None:
        return "n_not_published" if gap_sd is not None else "n_and_sd_not_published"
    return "sd_not_published"


def _frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(SCORE_COLUMNS))
    for name in _COUNTS:
        table[name] = table[name].astype("Int64")
    for name in _NUMBERS:
        table[name] = table[name].astype("float64")
    for name in ("level", "key", "dimension", *_TEXTS):
        table[name] = table[name].astype("str")
    return table
