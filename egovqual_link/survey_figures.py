"""Figures of a survey alone: importance against performance with how sure each quadrant is, and gaps with intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from egovqual_link.figures import (
    FAINT,
    GREY,
    GROUP_COLOURS,
    IMPORTANCE,
    INK,
    PAPER,
    PERFORMANCE,
    WIDE,
    bare_figure,
    decimal_sign,
    new_figure,
)
from egovqual_link.instrument import Instrument, Language, load_instrument
from egovqual_link.ipa import CROSSHAIRS, quadrant_name
from egovqual_link.labels import label_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Shapes besides colours: a figure must survive a black-and-white printer.
_SHAPES: Final = ("o", "s", "^", "D", "v", "P", "X")
_SURE: Final = 0.8
_CORNERS: Final = {
    "concentrate": (0.015, 0.985, "left", "top"),
    "keep": (0.985, 0.985, "right", "top"),
    "low_priority": (0.015, 0.015, "left", "bottom"),
    "overkill": (0.985, 0.015, "right", "bottom"),
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "performance": "performance",
        "importance": "importance",
        "x": "Performance (mean)",
        "y": "Importance (mean)",
        "score": "Mean score",
        "gap": "Gap\n(performance \N{MINUS SIGN} importance)",
        "sure": "hollow: on a line, or in this quadrant in under {share} of resamples{told}",
        "told": " (share beside the name)",
        "line": "hollow: on a line",
        "cross": "crosshair: {name}",
        "diagonal": "performance = importance",
        "interval": "95% interval",
    },
    "id": {
        "performance": "kinerja",
        "importance": "kepentingan",
        "x": "Kinerja (rata-rata)",
        "y": "Kepentingan (rata-rata)",
        "score": "Skor rata-rata",
        "gap": "Kesenjangan\n(kinerja \N{MINUS SIGN} kepentingan)",
        "sure": "kosong: di garis, atau di kuadran ini pada kurang dari {share} sampel ulang{told}",
        "told": " (bagiannya di samping nama)",
        "line": "kosong: di garis",
        "cross": "garis silang: {name}",
        "diagonal": "kinerja = kepentingan",
        "interval": "selang 95%",
    },
}


def ipa_figure(
    table: pd.DataFrame,
    lang: Language = "en",
    *,
    crosshair: Literal["means", "medians", "midpoint"] = "means",
    instrument: Instrument | None = None,
    width: float = WIDE,
) -> Figure:
    """Importance (vertical) against performance (horizontal) from the table of `ipa`; `width` in inches.

    Shapes and colours tell dimensions; a hollow point stands on a line of the crosshair, or fell into its quadrant
    in fewer than 80 % of the resamples (on a wide figure the share stands beside its name). The dotted diagonal is
    where performance equals importance.

    Raises:
        ValueError: the table has no placed row for this crosshair.
    """
    rows = table[(table["crosshair"] == crosshair) & table["quadrant"].notna()].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"the table places nothing by {crosshair!r}")
    instrument, words = instrument or load_instrument(), _WORDS[lang]
    figure, axes = new_figure(width, width * (0.86 if width > 5 else 1.15))
    _dress(axes)
    _scatter(axes, rows, instrument, lang)
    _limits(axes, rows)
    _lines(axes, rows)
    corners = [
        axes.text(x, y, quadrant_name(code, lang), ha=ha, va=va, transform=axes.transAxes, color=GREY,
                  style="italic", fontsize=9, bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5})
        for code, (x, y, ha, va) in _CORNERS.items()
    ]  # fmt: skip
    axes.set_xlabel(words["x"])
    axes.set_ylabel(words["y"])
    decimal_sign(axes, lang)
    _ipa_legend(figure, rows, lang, crosshair)
    dimensions = (rows["level"] == "dimension").all()
    names = [instrument.dimension(key).title[lang] if dimensions else str(key) for key in rows["key"]]
    if width > 5:
        names = [f"{name} {p:.0%}" if p < _SURE else name for name, p in zip(names, rows["p_quadrant"], strict=True)]
    label_points(
        axes,
        rows[["performance", "importance"]].to_numpy(float),
        names,
        color=INK,
        size=8.5,
        avoid=[*corners, *axes.lines[:2]],
    )
    return figure


def gap_figure(
    table: pd.DataFrame,
    lang: Language = "en",
    *,
    level: Literal["item", "dimension"] | None = None,
    instrument: Instrument | None = None,
    width: float = WIDE,
) -> Figure:
    """Scores and gaps of each item or dimension from a table of `all_scores`; `width` in inches.

    Left, performance and importance as two marks on one line; right, the gap with its interval where there is one.
    On a figure narrower than 5 inches the right part stands below.

    Raises:
        ValueError: the table has no row with both means.
    """
    whole = table[table["performance"].notna() & table["importance"].notna()]
    level = level or ("item" if (whole["level"] == "item").any() else "dimension")
    rows = whole[whole["level"] == level].iloc[::-1].reset_index(drop=True)
    if rows.empty:
        raise ValueError("the table has no row with both performance and importance")
    instrument, words = instrument or load_instrument(), _WORDS[lang]
    names = [_name(instrument, level, str(key), lang, short=width < 5) for key in rows["key"]]
    stacked = width < 5
    high = 0.34 * len(rows) + 1.3
    figure, (scores, gaps) = _two_axes(width, 2 * high if stacked else high, stacked)
    places = np.arange(len(rows))
    scores.hlines(places, rows["performance"], rows["importance"], color=FAINT, linewidth=3, zorder=1)
    for kind, shape, colour in (("performance", "o", PERFORMANCE), ("importance", "D", IMPORTANCE)):
        scores.scatter(rows[kind], places, color=colour, marker=shape, s=42, label=words[kind], zorder=3)
    gaps.axvline(0, color=GREY, linewidth=1)
    reach = rows[["gap_low", "gap_high"]].to_numpy(float)
    known = np.isfinite(reach).all(axis=1)
    gaps.hlines(places[known], reach[known, 0], reach[known, 1], color=GREY, linewidth=2, label=words["interval"])
    gaps.scatter(rows["gap"], places, color=INK, s=30, zorder=3)
    scores.set_xlabel(words["score"])
    gaps.set_xlabel(words["gap"])
    for axes in (scores, gaps):
        axes.set_yticks(places, names)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.locator_params(axis="x", nbins=5)
        axes.margins(x=0.1)
        decimal_sign(axes, lang)
    if not stacked:
        gaps.tick_params(labelleft=False)
    figure.legend(
        *_handles(scores, *([gaps] if known.any() else [])), loc="outside upper center", ncols=3, frameon=False,
        labelcolor=INK, fontsize=9,
    )  # fmt: skip
    return figure


def _name(instrument: Instrument, level: str, key: str, lang: Language, *, short: bool) -> str:
    if level == "dimension":
        return instrument.dimension(key).title[lang]
    return key if short else f"{key}  {instrument.item(key).title[lang]}"


def _dress(axes: Axes) -> None:
    axes.tick_params(labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))


def _two_axes(width: float, height: float, stacked: bool) -> tuple[Figure, tuple[Axes, Axes]]:
    figure = bare_figure(width, height)
    first, second = figure.subplots(2, 1) if stacked else figure.subplots(1, 2, width_ratios=[3, 2])
    for axes in (first, second):
        _dress(axes)
    return figure, (first, second)


def _hollow(rows: pd.DataFrame) -> list[bool]:
    return [bool(on_line) or p < _SURE for on_line, p in zip(rows["on_line"], rows["p_quadrant"], strict=True)]


def _scatter(axes: Axes, rows: pd.DataFrame, instrument: Instrument, lang: Language) -> None:
    hollow = np.array(_hollow(rows))
    for number, dimension in enumerate(instrument.dimensions):
        mine = (rows["dimension"] == dimension.key).to_numpy()
        colour = GROUP_COLOURS[number % len(GROUP_COLOURS)]
        for empty in (False, True):
            chosen = mine & (hollow == empty)
            if chosen.any():
                axes.scatter(
                    rows["performance"][chosen], rows["importance"][chosen], s=54, linewidths=1.6, zorder=4,
                    marker=_SHAPES[number % len(_SHAPES)], edgecolors=colour,
                    facecolors=PAPER if empty else colour,
                )  # fmt: skip
        if mine.any():
            # An empty series, so that the legend shows the filled mark even where all of its points are hollow.
            axes.scatter([], [], s=54, marker=_SHAPES[number % len(_SHAPES)], color=colour, label=dimension.title[lang])


def _limits(axes: Axes, rows: pd.DataFrame) -> None:
    for name, cross, set_limits in (
        ("performance", "cross_performance", axes.set_xlim),
        ("importance", "cross_importance", axes.set_ylim),
    ):
        values = np.append(rows[name].to_numpy(float), rows[cross].to_numpy(float)[:1])
        # Room for the names of quadrants at the edges, and a frame even where all values are equal.
        room = max(0.16 * np.ptp(values), 0.05)
        set_limits(values.min() - room, values.max() + room)


def _lines(axes: Axes, rows: pd.DataFrame) -> None:
    axes.axvline(rows["cross_performance"].iloc[0], color=GREY, linestyle="--", linewidth=1, zorder=1)
    axes.axhline(rows["cross_importance"].iloc[0], color=GREY, linestyle="--", linewidth=1, zorder=1)
    low = max(axes.get_xlim()[0], axes.get_ylim()[0])
    high = min(axes.get_xlim()[1], axes.get_ylim()[1])
    if low < high:
        axes.plot([low, high], [low, high], color=GREY, linestyle=":", linewidth=1.2, zorder=1)


def _ipa_legend(figure: Figure, rows: pd.DataFrame, lang: Language, crosshair: str) -> None:
    from matplotlib.lines import Line2D

    axes, words = figure.axes[0], _WORDS[lang]
    handles: list[Any] = list(_handles(axes)[0])
    dashed = words["cross"].format(name=CROSSHAIRS[crosshair][lang])
    handles.append(Line2D([], [], color=GREY, linestyle="--", linewidth=1, label=dashed))
    if len(axes.lines) > 2:
        handles.append(Line2D([], [], color=GREY, linestyle=":", linewidth=1.2, label=words["diagonal"]))
    if any(_hollow(rows)):
        drawn = rows["p_quadrant"].notna().any()
        told = words["told"] if figure.get_figwidth() > 5 else ""
        text = words["sure"].format(share=f"{_SURE:.0%}", told=told) if drawn else words["line"]
        handles.append(Line2D([], [], color=INK, marker="o", markerfacecolor=PAPER, linestyle="", label=text))
    for handle in handles:
        handle.set_label(textwrap.fill(str(handle.get_label()), 44 if figure.get_figwidth() <= 5 else 60))
    figure.legend(
        handles=handles, loc="outside upper left", ncols=2 if figure.get_figwidth() > 5 else 1, frameon=False,
        labelcolor=INK, fontsize=8.5,
    )  # fmt: skip


def _handles(*axes: Axes) -> tuple[list[Any], list[Any]]:
    handles: list[Any] = []
    labels: list[Any] = []
    for each in axes:
        found, named = each.get_legend_handles_labels()
        handles += found
        labels += named
    return handles, labels
