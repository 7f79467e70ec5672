"""Measured against perceived: one panel for each declared pair, a point for each unit that the coefficient counts."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from egovqual_link.beside import plain
from egovqual_link.figures import FAINT, GREY, PERFORMANCE, WIDE, bare_figure, decimal_sign
from egovqual_link.instrument import Language
from egovqual_link.link import LinkResult
from egovqual_link.study import Hypothesis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: More panels than these would each be too small to read; the table of units holds all pairs.
MOST: Final = 6
_UNITS: Final = {
    "seconds": ("s", "dtk"), "hours": ("h", "jam"), "days": ("days", "hari"), "bytes": ("MiB", "MiB"),
    "share": ("%", "%"), "count": ("", ""),
}  # fmt: skip
_SCALE: Final = {"bytes": 1 / 2**20, "share": 100.0}


def pairs_figure(result: LinkResult, lang: Language = "en", width: float = WIDE) -> Figure | None:
    """Panels of the declared pairs; None without one that has points.

    Only declared pairs are drawn: picking the most striking of many would flatter them. Hollow marks are waves, filled
    ones the mean of a unit's waves, which is what the coefficient counts.
    """
    hypotheses = result.study.hypotheses if result.study is not None else ()
    panels = [(each, rows) for each in hypotheses if len(rows := _rows(result, each))][:MOST]
    if not panels:
        return None
    columns = 1 if width < 5 or len(panels) == 1 else 2
    lines = math.ceil(len(panels) / columns)
    figure = bare_figure(width, 0.4 + 3.5 * lines)
    places = figure.subplots(lines, columns, squeeze=False).flatten().tolist()
    for axes, (hypothesis, rows) in zip(places, panels, strict=False):
        _draw(axes, hypothesis, rows, result, lang=lang, width=width / columns)
    for axes in places[len(panels) :]:
        figure.delaxes(axes)
    return figure


def _rows(result: LinkResult, pair: Hypothesis) -> pd.DataFrame:
    table = result.unit_values
    same = (table["item"] == pair.item) & (table["indicator"] == pair.indicator) & (table["score"] == pair.score)
    return table[same]


def _draw(
    axes: Axes, pair: Hypothesis, rows: pd.DataFrame, result: LinkResult, *, lang: Language, width: float
) -> None:
    indicator = next(each for _, each in result.instrument.indicators() if each.key == pair.indicator)
    factor = _SCALE.get(indicator.unit, 1.0)
    points = rows.assign(measured=rows["measured"].astype(float) * factor)
    for _, unit in points.groupby("unit", sort=True):
        if len(unit) > 1:
            axes.plot(unit["measured"], unit["said"], color=FAINT, linewidth=1, zorder=1)
            axes.plot(unit["measured"], unit["said"], "o", color=GREY, fillstyle="none", markersize=4, zorder=2)
    means = points.groupby("unit", sort=True)[["measured", "said"]].mean()
    axes.plot(means["measured"], means["said"], "o", color=PERFORMANCE, markersize=6.5, zorder=3)
    if means["measured"].min() > 0 and means["measured"].max() / means["measured"].min() > 20:
        axes.set_xscale("log")
    axes.grid(color=FAINT, linewidth=0.7)
    room = round(width * 13)
    unit_word = _UNITS.get(indicator.unit, ("", ""))[lang == "id"]
    label = indicator.title[lang] + (f" ({unit_word})" if unit_word else "")
    axes.set_xlabel("\n".join(textwrap.wrap(label, room)), fontsize="small")
    axes.set_ylabel(_SCORES[pair.score][lang], fontsize="small")
    title = f"{pair.item} {result.instrument.item(pair.item).title[lang]}"
    head = "\n".join(textwrap.wrap(title, room))
    axes.set_title(f"{head}\n{_coefficient(result, pair, lang, room)}", fontsize="small", loc="left")
    decimal_sign(axes, lang)


_SCORES: Final[dict[str, dict[str, str]]] = {
    "performance": {"en": "Performance (mean answer)", "id": "Kinerja (rata-rata jawaban)"},
    "gap": {
        "en": "Gap (performance \N{MINUS SIGN} importance)",
        "id": "Kesenjangan (kinerja \N{MINUS SIGN} kepentingan)",
    },
}
_OVER: Final = {"portals": "portal", "regions": "daerah", "waves": "gelombang"}


def _coefficient(result: LinkResult, pair: Hypothesis, lang: Language, room: int) -> str:
    """Spearman's rho with interval and n, or why there is none."""
    table = result.associations
    same = (table["item"] == pair.item) & (table["indicator"] == pair.indicator) & (table["score"] == pair.score)
    found = table[same & (table["method"] == "spearman")]
    if found.empty:
        return ""
    row: dict[Any, Any] = found.iloc[0].to_dict()
    n = f"n = {row['n_units']} {row['over'] if lang == 'en' else _OVER.get(row['over'], row['over'])}"
    if plain(row["r"]) is None:
        return "\n".join(textwrap.wrap(f"{n}: {plain(row[f'reason_{lang}']) or ''}", room))
    ends = "" if plain(row["low"]) is None else f" ({_signed(row['low'], lang)} … {_signed(row['high'], lang)})"
    return "\n".join(textwrap.wrap(f"Spearman {_signed(row['r'], lang)}{ends}, {n}", room))


def _signed(value: float, lang: Language) -> str:
    text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
    return text.replace(".", ",") if lang == "id" else text
