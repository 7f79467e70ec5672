"""Importance-performance analysis: in which quadrant each item falls, by four crosshairs, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from egovqual_link.instrument import Language, Text
from egovqual_link.published import PublishedTable
from egovqual_link.reasons import reason_columns
from egovqual_link.resampling import DEFAULT_RESAMPLES, DEFAULT_SEED, Floats, bootstrap_means
from egovqual_link.scale import Scale
from egovqual_link.scores import Source, dimension_scores, gap_scores

Level = Literal["item", "dimension"]

#: The lines that part high from low. Ties count as high with every one of them.
CROSSHAIRS: Final[Mapping[str, Text]] = {
    "means": Text(en="grand means over items", id="rata-rata seluruh butir"),
    "medians": Text(en="medians", id="median"),
    "midpoint": Text(en="midpoint of the scale", id="titik tengah skala"),
    "diagonal": Text(en="diagonal of equal rating", id="diagonal nilai setara"),
}
QUADRANTS: Final[Mapping[str, Text]] = {
    "concentrate": Text(en="concentrate here", id="prioritas utama"),
    "keep": Text(en="keep up the good work", id="pertahankan prestasi"),
    "low_priority": Text(en="low priority", id="prioritas rendah"),
    "overkill": Text(en="possible overkill", id="mungkin berlebihan"),
    "improve": Text(en="improve: performance below importance", id="perbaiki: kinerja di bawah kepentingan"),
    "meets": Text(en="performance meets importance", id="kinerja memenuhi kepentingan"),
}
_P: Final = tuple(f"p_{name}" for name in QUADRANTS)
#: Columns of the table of `ipa`; p_* are probabilities 0..1, null where the crosshair has no such quadrant;
#: p_quadrant is that of the quadrant the unit stands in.
IPA_COLUMNS: Final = (
    "crosshair", "level", "key", "dimension", "n", "performance", "importance",
    "cross_performance", "cross_importance", "ties", "quadrant", "quadrant_en", "quadrant_id", "on_line",
    "p_quadrant", *_P, "p_method", "reason", "reason_en", "reason_id",
)  # fmt: skip
#: Binary fractions: a mean of equal values may differ from them in the last bit, and is still a tie.
_EPSILON = 1e-9


@dataclass(frozen=True)
class _Units:
    """Points of the plane: (units,) means, (units,) weights, and their (resamples x units) draws."""

    performance: Floats
    importance: Floats
    weights: Floats
    draws: tuple[Floats, Floats] | None


def ipa(
    source: Source,
    *,
    level: Level | None = None,
    crosshairs: Sequence[str] = tuple(CROSSHAIRS),
    scale: Scale | None = None,
    tolerance: float = 0.005,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = DEFAULT_SEED,
) -> pd.DataFrame:
    """One row for each crosshair and item (or dimension), IPA_COLUMNS.

    Grand means over items (so dimensions weigh by their items), medians, the midpoint of the scale (needs the
    scale) and the diagonal performance = importance (Martilla and James 1977, Journal of Marketing 41(1),
    77-79, for the quadrants). Respondents are resampled and the crosshair is computed anew each time, so
    p_* is the share of resamples in which the unit falls into the quadrant. `on_line`: within `tolerance`
    of a line. `level` is by item where item means exist, else by dimension.

    Raises:
        KeyError: an unknown crosshair.
    """
    unknown = set(crosshairs) - set(CROSSHAIRS)
    if unknown:
        raise KeyError(f"unknown crosshair {min(unknown)!r}; known: {', '.join(CROSSHAIRS)}")
    level = level or _finest(source)
    options: dict[str, Any] = {"resamples": resamples, "seed": seed}
    scores = gap_scores(source, **options) if level == "item" else dimension_scores(source, **options)
    placed = scores[scores.performance.notna() & scores.importance.notna()].reset_index(drop=True)
    units = _units(source, level, placed, resamples, seed)
    scale = scale or source.scale
    tables = [_table(name, placed, units, scale, tolerance) for name in crosshairs]
    result = pd.concat(tables, ignore_index=True)
    result["ties"] = "count as high"
    result["p_quadrant"] = _own_probability(result)
    result["p_method"] = _method(source, resamples, seed) if units.draws else None
    return result[list(IPA_COLUMNS)]


def quadrant_name(code: str, lang: Language = "en") -> str:
    """The quadrant in words."""
    return QUADRANTS[code][lang]


def _own_probability(table: pd.DataFrame) -> list[float]:
    rows = table.to_dict("records")
    return [float(row[f"p_{row['quadrant']}"]) if row["quadrant"] in QUADRANTS else np.nan for row in rows]


def _finest(source: Source) -> Level:
    if isinstance(source, PublishedTable):
        whole = [each for each in source.items.values() if each.performance is not None and each.importance is not None]
        return "item" if len(whole) > 1 else "dimension"
    return "item"


def _method(source: Source, resamples: int, seed: int) -> str | None:
    draws = None if isinstance(source, PublishedTable) else bootstrap_means(source, resamples, seed)
    return f"{draws.method}; crosshair recomputed" if draws else None


def _units(source: Source, level: Level, placed: pd.DataFrame, resamples: int, seed: int) -> _Units:
    instrument = source.instrument
    weights = [1.0 if level == "item" else float(len(instrument.items_of(str(key)))) for key in placed["key"]]
    draws = None
    if not isinstance(source, PublishedTable):
        drawn = bootstrap_means(source, resamples, seed)
        if drawn is not None:
            groups = [
                [
                    index
                    for index, item in enumerate(instrument.items)
                    if key == (item.key if level == "item" else item.dimension) and source.paired[:, index].any()
                ]
                for key in placed["key"]
            ]
            draws = (_grouped(drawn.performance, groups), _grouped(drawn.importance, groups))
    return _Units(placed["performance"].to_numpy(float), placed["importance"].to_numpy(float), np.array(weights), draws)


def _grouped(means: Floats, groups: Sequence[Sequence[int]]) -> Floats:
    if not groups:
        return np.empty((len(means), 0))
    return np.column_stack([means[:, list(group)].mean(axis=1) for group in groups])


def _table(crosshair: str, placed: pd.DataFrame, units: _Units, scale: Scale | None, tolerance: float) -> pd.DataFrame:
    table = placed[["level", "key", "dimension", "n", "performance", "importance"]].copy()
    table.insert(0, "crosshair", crosshair)
    for name in ("cross_performance", "cross_importance", *_P):
        table[name] = np.nan
    for name in ("quadrant", "quadrant_en", "quadrant_id", "on_line", "reason", "reason_en", "reason_id"):
        table[name] = pd.Series([None] * len(table), dtype="object")
    if crosshair == "midpoint" and scale is None:
        return table.assign(**reason_columns("scale_not_declared"))
    if table.empty:
        return table
    points = units.performance[np.newaxis], units.importance[np.newaxis]
    lines = _lines(crosshair, *points, units.weights, scale)
    if crosshair != "diagonal":
        table["cross_performance"], table["cross_importance"] = float(lines[0][0, 0]), float(lines[1][0, 0])
    codes = _codes(crosshair, *points, lines)[0]
    table["quadrant"] = codes
    for lang in ("en", "id"):
        table[f"quadrant_{lang}"] = [quadrant_name(code, lang) for code in codes]
    table["on_line"] = _near(crosshair, *points, lines, tolerance)[0]
    if units.draws is None:
        return table.assign(**reason_columns("answers_not_published"))
    drawn = _codes(crosshair, *units.draws, _lines(crosshair, *units.draws, units.weights, scale))
    usable = np.isfinite(units.draws[0])
    for name in _quadrants_of(crosshair):
        table[f"p_{name}"] = ((drawn == name) & usable).sum(axis=0) / np.maximum(usable.sum(axis=0), 1)
    return table


def _quadrants_of(crosshair: str) -> tuple[str, ...]:
    names = tuple(QUADRANTS)
    return names[4:] if crosshair == "diagonal" else names[:4]


def _lines(
    crosshair: str, performance: Floats, importance: Floats, weights: Floats, scale: Scale | None
) -> tuple[Floats, Floats]:
    """Positions of the two lines for each resample, (resamples x 1)."""
    if crosshair == "midpoint":
        assert scale is not None
        middle = np.full((len(performance), 1), scale.midpoint)
        return middle, middle
    if crosshair == "medians":
        return np.nanmedian(performance, axis=1, keepdims=True), np.nanmedian(importance, axis=1, keepdims=True)
    return _weighted_mean(performance, weights), _weighted_mean(importance, weights)


def _weighted_mean(values: Floats, weights: Floats) -> Floats:
    present = np.isfinite(values)
    total = (present * weights).sum(axis=1, keepdims=True)
    mean: Floats = (np.where(present, values, 0.0) * weights).sum(axis=1, keepdims=True) / np.maximum(total, 1e-300)
    return mean


def _codes(crosshair: str, performance: Floats, importance: Floats, lines: tuple[Floats, Floats]) -> Any:
    with np.errstate(invalid="ignore"):
        if crosshair == "diagonal":
            return np.where(performance >= importance - _EPSILON, "meets", "improve")
        good = performance >= lines[0] - _EPSILON
        wanted = importance >= lines[1] - _EPSILON
    return np.where(wanted, np.where(good, "keep", "concentrate"), np.where(good, "overkill", "low_priority"))


def _near(
    crosshair: str, performance: Floats, importance: Floats, lines: tuple[Floats, Floats], tolerance: float
) -> Any:
    reach = tolerance + _EPSILON
    if crosshair == "diagonal":
        return np.abs(performance - importance) <= reach
    return (np.abs(performance - lines[0]) <= reach) | (np.abs(importance - lines[1]) <= reach)
