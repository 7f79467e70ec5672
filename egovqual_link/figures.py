"""Figures of the survey and of the link: gaps, importance against performance, and measured waits by portal."""

from __future__ import annotations

import io
import math
import re
import textwrap
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from egovqual_link.instrument import Instrument, Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe and Ito's palette: told apart by people with any common colour blindness.
PERFORMANCE, IMPORTANCE, ACCENT, GREY = "#0072b2", "#d55e00", "#009e73", "#6b7280"
PORTAL_COLOURS = (PERFORMANCE, IMPORTANCE, ACCENT, "#cc79a7", "#e69f00", "#56b4e9")
INK, FAINT = "#16202c", "#e5e7eb"
#: Inches: for a desk or paper, and for a phone.
WIDE, NARROW = 7.6, 4.0
#: Fixed, so that the same data give the same file to the byte.
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "gapwatch",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.axisbelow": True,
}


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of `width` x `height` inches in the house style, and its axes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # the stub lists every key as a literal
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


#: Names that matplotlib gives to every part of every figure; nothing refers to them, and a page holds several figures.
_PART_IDS = re.compile(r' id="(?:figure|axes|patch|line2d|text|xtick|ytick|matplotlib\.axis|legend|[A-Z]\w*?)_\d+"')
#: Colours that must follow the page between light and dark.
_THEME = {
    "#000000": "currentColor",
    INK: "currentColor",
    GREY: "var(--soft)",
    FAINT: "var(--line)",
    PERFORMANCE: "var(--blue)",
    IMPORTANCE: "var(--orange)",
}


def svg(figure: Figure, label: str = "") -> str:
    """The figure as an `<svg>` element in the colours of the page around it; the same bytes for the same data."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = _PART_IDS.sub("", text[text.index("<svg") :])
    for colour, variable in _THEME.items():
        text = text.replace(colour, variable)
    return text.replace("<svg ", f'<svg fill="currentColor" role="img" aria-label="{escape(label, quote=True)}" ', 1)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write NAME.svg, NAME.png (160 dots an inch) and NAME.pdf."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
    # The layout that the first format worked out holds for the others; working it out takes as long as drawing.
    figure.set_layout_engine("none")
    figure.savefig(folder / f"{name}.png", dpi=160, metadata={"Software": None})
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})


def mark(figure: Figure, text: str) -> None:
    """Write `text` across the top of a figure, so that a copy of the figure says it too."""
    figure.suptitle(text, color=GREY, fontsize="small", ha="right", x=0.995)


def decimal_sign(axes: Axes, lang: Language) -> None:
    """Write the numbers of both axes with the decimal sign of the language; named ticks stay as they are."""
    from matplotlib.ticker import ScalarFormatter

    class Comma(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return super().__call__(x, pos).replace(".", ",")

    for axis in (axes.xaxis, axes.yaxis):
        if lang == "id" and type(axis.get_major_formatter()) is ScalarFormatter:
            axis.set_major_formatter(Comma())


def wrapped(text: str, width: float) -> str:
    """A label in lines that leave room for the figure."""
    return "\n".join(textwrap.wrap(text, 60 if width > 8 else 34 if width > 5 else 16))


def _named(scores: pd.DataFrame, instrument: Instrument, lang: Language) -> pd.DataFrame:
    """Rows with both means: items where they are known, else dimensions; with a name in `lang`."""
    whole = scores.dropna(subset=["performance", "importance"])
    level = "item" if (whole["level"] == "item").any() else "dimension"
    chosen = whole[whole["level"] == level].copy()
    titles = {each.key: each.title[lang] for each in instrument.dimensions}
    titles |= {each.key: f"{each.key} {each.title[lang]}" for each in instrument.items}
    chosen["name"] = [titles[key] for key in chosen["key"]]
    return chosen


def gap_figure(scores: pd.DataFrame, instrument: Instrument, lang: Language = "en", width: float = WIDE) -> Figure:
    """Performance and importance of each item or dimension as two dots on one line; the gap is written at its end."""
    rows = _named(scores, instrument, lang).iloc[::-1].reset_index(drop=True)
    figure, axes = new_figure(width, 1.4 + 0.42 * len(rows))
    places = list(range(len(rows)))
    axes.hlines(places, rows["performance"], rows["importance"], color=GREY, linewidth=2, zorder=1)
    words = {"en": ("performance", "importance", "mean score"), "id": ("kinerja", "kepentingan", "skor rata-rata")}[
        lang
    ]
    axes.scatter(rows["performance"], places, color=PERFORMANCE, s=60, label=words[0], zorder=2)
    axes.scatter(rows["importance"], places, color=IMPORTANCE, s=60, marker="D", label=words[1], zorder=2)
    right = float(rows[["performance", "importance"]].max().max())
    for place, gap in zip(places, rows["gap"], strict=True):
        text = f"{gap:+.2f}".replace("-", "\N{MINUS SIGN}")
        axes.annotate(
            text.replace(".", ",") if lang == "id" else text,
            (right, place),
            (14, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(places, [wrapped(name, width) for name in rows["name"]])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(words[2])
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=5 if width < 5 else 8)
    decimal_sign(axes, lang)
    axes.grid(axis="x", color=FAINT)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def ipa_figure(
    scores: pd.DataFrame, instrument: Instrument, cross: tuple[float, float], lang: Language = "en", width: float = WIDE
) -> Figure:
    """Importance (vertical) against performance (horizontal), crosshair at `cross` = (performance, importance)."""
    rows = _named(scores, instrument, lang)
    figure, axes = new_figure(width, 0.72 * width if width > 5 else width)
    axes.scatter(rows["performance"], rows["importance"], color=PERFORMANCE, s=64, zorder=3)
    axes.axvline(cross[0], color=GREY, linestyle="--", linewidth=1)
    axes.axhline(cross[1], color=GREY, linestyle="--", linewidth=1)
    axes.margins(0.28)
    # Twenty-one full names would hide each other; the key alone tells an item, and dimensions have short names.
    names = rows["key"] if (rows["level"] == "item").any() else rows["name"]
    edge = rows["performance"].min() + 0.8 * (rows["performance"].max() - rows["performance"].min())
    for name, x, y in zip(names, rows["performance"], rows["importance"], strict=True):
        # Away from the right edge, so that no name runs out of the frame.
        side = -1 if x > edge else 1
        axes.annotate(str(name), (x, y), (7 * side, 6), textcoords="offset points", ha="right" if side < 0 else "left")
    words = {
        "en": (
            "Performance (mean)",
            "Importance (mean)",
            ("Concentrate here", "Keep up the good work", "Low priority", "Possible overkill"),
        ),
        "id": (
            "Kinerja (rata-rata)",
            "Kepentingan (rata-rata)",
            ("Prioritas utama", "Pertahankan prestasi", "Prioritas rendah", "Mungkin berlebihan"),
        ),
    }[lang]
    axes.set_xlabel(words[0])
    axes.set_ylabel(words[1])
    corners = (
        (0.02, 0.97, "left", "top"),
        (0.98, 0.97, "right", "top"),
        (0.02, 0.03, "left", "bottom"),
        (0.98, 0.03, "right", "bottom"),
    )
    for text, (x, y, ha, va) in zip(words[2], corners, strict=True):
        shown = wrapped(text, width)
        axes.text(x, y, shown, transform=axes.transAxes, ha=ha, va=va, color=GREY, style="italic")
    axes.locator_params(nbins=5)
    decimal_sign(axes, lang)
    return figure


def waits_figure(
    indicators: pd.DataFrame, instrument: Instrument, lang: Language = "en", width: float = WIDE
) -> Figure | None:
    """Measured waits (p75) of each portal, bars side by side; None where no wait was measured."""
    keys = ("ttfb_p75_seconds", "fcp_p75_seconds", "lcp_p75_seconds", "load_p75_seconds")
    rows = indicators[indicators["indicator"].isin(keys)].dropna(subset=["value"])
    if rows.empty:
        return None
    titles = {indicator.key: indicator.title[lang] for _item, indicator in instrument.indicators()}
    portals = list(dict.fromkeys(rows["portal"]))
    shown = [key for key in keys if (rows["indicator"] == key).any()]
    figure, axes = new_figure(width, 1.2 + 0.32 * len(shown) * max(1, len(portals)))
    height = 0.8 / len(portals)
    for number, portal in enumerate(portals):
        mine = rows[rows["portal"] == portal].set_index("indicator")["value"]
        values = [float(mine.get(key, float("nan"))) for key in shown]
        places = [index + number * height for index in range(len(shown))]
        bars = axes.barh(
            places, values, height=height * 0.9, color=PORTAL_COLOURS[number % len(PORTAL_COLOURS)], label=portal
        )
        labels = ["" if math.isnan(value) else f"{value:.2f} s" for value in values]
        axes.bar_label(bars, [text.replace(".", ",") for text in labels] if lang == "id" else labels, padding=3)
    axes.set_yticks(
        [index + 0.4 - height / 2 for index in range(len(shown))], [wrapped(titles[key], width) for key in shown]
    )
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel({"en": "seconds", "id": "detik"}[lang])
    decimal_sign(axes, lang)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure
