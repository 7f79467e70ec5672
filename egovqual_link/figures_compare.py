"""The figure of a comparison: right minus left with intervals, one panel a unit."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from egovqual_link.beside import plain
from egovqual_link.compare_words import format_difference
from egovqual_link.figures import FAINT, GREY, IMPORTANCE, PERFORMANCE, WIDE, decimal_sign, new_figure
from egovqual_link.instrument import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Panels in this order: unit, what one unit of the axis is, and the axis in words.
_PANELS: tuple[tuple[str, float, dict[str, str]], ...] = (
    ("seconds", 1.0, {"en": "seconds", "id": "detik"}),
    ("share", 0.01, {"en": "percentage points", "id": "poin persen"}),
    ("bytes", 1e6, {"en": "megabytes", "id": "megabita"}),
    ("count", 1.0, {"en": "count", "id": "jumlah"}),
)
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "better": "right is better", "worse": "right is worse", "unclear": "cannot be told",
        "seen": "hollow: no interval", "axis": "right minus left, {unit}",
    },
    "id": {
        "better": "kanan lebih baik", "worse": "kanan lebih buruk", "unclear": "tidak dapat dipastikan",
        "seen": "berongga: tanpa selang", "axis": "kanan dikurangi kiri, {unit}",
    },
}  # fmt: skip
_LOOK = {"better": (PERFORMANCE, "o"), "worse": (IMPORTANCE, "D"), "unclear": (GREY, "s")}


def difference_figure(indicators: pd.DataFrame, lang: Language = "en", width: float = WIDE) -> Figure | None:
    """Differences that are not plainly zero, with their intervals; None where there is none.

    An arrow at the end of an interval says that it is open there: too many waits ran into the deadline.
    """
    rows = [
        row
        for row in indicators.to_dict("records")
        if plain(row["difference"]) is not None and row["verdict"] != "same"
    ]
    panels = [(each, found) for each in _PANELS if (found := [row for row in rows if row["unit"] == each[0]])]
    if not panels:
        return None
    heights = [len(found) + 1.1 for _, found in panels]
    narrow = width < 5
    figure, axes = new_figure(width, 0.9 + (0.62 if narrow else 0.42) * sum(heights))
    figure.delaxes(axes)
    grid = figure.subplots(len(panels), 1, gridspec_kw={"height_ratios": heights}, squeeze=False)
    for (panel, found), place in zip(panels, grid[:, 0], strict=True):
        _panel(place, panel, found, lang, narrow=narrow)
    words = _WORDS[lang]
    shown = [
        grid[0, 0].plot([], [], marker, color=colour, linestyle="", label=words[name])[0]
        for name, (colour, marker) in _LOOK.items()
    ]
    shown += grid[0, 0].plot([], [], "o", color=GREY, markerfacecolor="none", linestyle="", label=words["seen"])
    figure.legend(handles=shown, loc="outside upper center", ncols=1 if narrow else 4, frameon=False)
    return figure


def _panel(
    axes: Axes, panel: tuple[str, float, dict[str, str]], rows: list[dict[Any, Any]], lang: Language, *, narrow: bool
) -> None:
    unit, one, name = panel
    ends = [plain(row[key]) for row in rows for key in ("difference", "low", "high")]
    reach = [each / one for each in ends if each is not None] + [0.0]
    room = (max(reach) - min(reach)) or 1.0
    left, right = min(reach) - 0.08 * room, max(reach) + 0.08 * room
    for index, row in enumerate(rows):
        _point(axes, len(rows) - 1 - index, row, one, (left, right))
        axes.annotate(
            format_difference(row["difference"], unit, lang), (1, len(rows) - 1 - index), (4, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", va="center", fontsize=8 if narrow else 9,
        )  # fmt: skip
    axes.axvline(0, color=GREY, linewidth=1)
    labels = [
        textwrap.fill(row[f"indicator_{lang}"] + ("*" if row["like_for_like"] is False else ""), 19 if narrow else 44)
        for row in rows
    ]
    axes.set_yticks(range(len(rows) - 1, -1, -1), labels, fontsize=8 if narrow else 10)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(left, right)
    axes.locator_params(axis="x", nbins=4 if narrow else 8)
    axes.set_xlabel(_WORDS[lang]["axis"].format(unit=name[lang]), fontsize=8 if narrow else 10)
    decimal_sign(axes, lang)
    axes.grid(axis="x", color=FAINT)
    axes.tick_params(axis="y", length=0)


def _point(axes: Axes, place: int, row: dict[Any, Any], one: float, edges: tuple[float, float]) -> None:
    gap = row["difference"] / one
    verdict = row["verdict"]
    if verdict == "seen":
        verdict = "better" if (gap > 0) == (row["better"] == "up") else "worse"
    colour, marker = _LOOK[verdict]
    if plain(row["interval_method"]) is not None:
        for end, edge in ((plain(row["low"]), edges[0]), (plain(row["high"]), edges[1])):
            if end is None:
                axes.annotate(
                    "", (edge, place), (gap, place), arrowprops={"arrowstyle": "->", "color": colour, "lw": 2}
                )
            else:
                axes.plot([gap, end / one], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
    face = "none" if row["verdict"] == "seen" else colour
    axes.plot(gap, place, marker, color=colour, markerfacecolor=face, markersize=7, zorder=3)
