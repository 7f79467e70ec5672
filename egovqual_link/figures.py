"""Figures of the survey and of the link: gaps, importance against performance, and measured waits by portal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from egovqual_link.instrument import Instrument, Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe and Ito's palette: told apart by people with any common colour blindness.
PERFORMANCE, IMPORTANCE, ACCENT, GREY = "#0072B2", "#D55E00", "#009E73", "#6b7280"
#: Fixed, so that the same data give the same file to the byte.
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "gapwatch",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # the stub lists every key as a literal
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def svg(figure: Figure) -> str:
    """The figure as an `<svg>` element, the same bytes for the same data."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write NAME.svg, NAME.png (160 dots an inch) and NAME.pdf."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(folder / f"{name}.png", dpi=160, metadata={"Software": None})
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})


def _named(scores: pd.DataFrame, instrument: Instrument, lang: Language) -> pd.DataFrame:
    """Rows with both means: items where they are known, else dimensions; with a name in `lang`."""
    whole = scores.dropna(subset=["performance", "importance"])
    level = "item" if (whole["level"] == "item").any() else "dimension"
    chosen = whole[whole["level"] == level].copy()
    titles = {each.key: each.title[lang] for each in instrument.dimensions}
    titles |= {each.key: f"{each.key} {each.title[lang]}" for each in instrument.items}
    chosen["name"] = [titles[key] for key in chosen["key"]]
    return chosen


def gap_figure(scores: pd.DataFrame, instrument: Instrument, lang: Language = "en") -> Figure:
    """Performance and importance of each item or dimension as two dots on one line; the gap is written at its end."""
    rows = _named(scores, instrument, lang).iloc[::-1].reset_index(drop=True)
    figure, axes = _figure(7.2, 1.4 + 0.42 * len(rows))
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
    axes.set_yticks(places, list(rows["name"]))
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(words[2])
    axes.margins(x=0.12)
    axes.grid(axis="x", color="#e5e7eb")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def ipa_figure(
    scores: pd.DataFrame, instrument: Instrument, cross: tuple[float, float], lang: Language = "en"
) -> Figure:
    """Importance (vertical) against performance (horizontal), crosshair at `cross` = (performance, importance)."""
    rows = _named(scores, instrument, lang)
    figure, axes = _figure(7.2, 5.2)
    axes.scatter(rows["performance"], rows["importance"], color=PERFORMANCE, s=64, zorder=3)
    axes.axvline(cross[0], color=GREY, linestyle="--", linewidth=1)
    axes.axhline(cross[1], color=GREY, linestyle="--", linewidth=1)
    axes.margins(0.28)
    for row in rows.itertuples():
        axes.annotate(str(row.name), (row.performance, row.importance), (7, 7), textcoords="offset points")
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
        axes.text(x, y, text, transform=axes.transAxes, ha=ha, va=va, color=GREY, style="italic")
    return figure


def waits_figure(indicators: pd.DataFrame, instrument: Instrument, lang: Language = "en") -> Figure | None:
    """Measured waits (p75) of each portal, bars side by side; None where no wait was measured."""
    keys = ("ttfb_p75_seconds", "fcp_p75_seconds", "lcp_p75_seconds", "load_p75_seconds")
    rows = indicators[indicators["indicator"].isin(keys)].dropna(subset=["value"])
    if rows.empty:
        return None
    titles = {indicator.key: indicator.title[lang] for _item, indicator in instrument.indicators()}
    portals = list(dict.fromkeys(rows["portal"]))
    shown = [key for key in keys if (rows["indicator"] == key).any()]
    figure, axes = _figure(7.2, 1.2 + 0.32 * len(shown) * max(1, len(portals)))
    height = 0.8 / len(portals)
    colours = (PERFORMANCE, IMPORTANCE, ACCENT, "#CC79A7", "#E69F00")
    for number, portal in enumerate(portals):
        mine = rows[rows["portal"] == portal].set_index("indicator")["value"]
        values = [float(mine.get(key, float("nan"))) for key in shown]
        places = [index + number * height for index in range(len(shown))]
        bars = axes.barh(places, values, height=height * 0.9, color=colours[number % len(colours)], label=portal)
        labels = [f"{value:.2f} s" for value in values]
        axes.bar_label(bars, [text.replace(".", ",") for text in labels] if lang == "id" else labels, padding=3)
    axes.set_yticks([index + 0.4 - height / 2 for index in range(len(shown))], [titles[key] for key in shown])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel({"en": "seconds", "id": "detik"}[lang])
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure
