"""Figures of the link: what was said against what went well, and the hours of the day."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from egovqual_link.beside import plain
from egovqual_link.figures import (
    FAINT,
    GREY,
    INK,
    PORTAL_COLOURS,
    WIDE,
    decimal_sign,
    new_figure,
    wrapped,
)
from egovqual_link.instrument import Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: With fewer hours of the day the figure would show a few dots and suggest a course of the day that nobody saw.
MIN_HOURS = 6
_MARKERS = ("o", "s", "D", "^", "v", "P")


def beside_rows(side_by_side: pd.DataFrame, lang: Language) -> list[dict[str, Any]]:
    """One row an item with a measured share: its gap, and the share that went well by portal (0..1).

    A share whose better direction is down is turned round, so that more is better in every row. Of several shares
    the first of the item is taken, in the order of the instrument.
    """
    rows: dict[str, dict[str, Any]] = {}
    shares = side_by_side[(side_by_side["unit"] == "share") & side_by_side["value"].notna()]
    for row in shares.to_dict("records"):
        item = rows.setdefault(
            row["item"],
            {
                "item": row["item"],
                "title": row[f"item_{lang}"],
                "indicator": row["indicator"],
                "name": row[f"indicator_{lang}"],
                "turned": row["better"] == "down",
                "gap": plain(row["gap"]),
                "own": row["score_level"] == "item",
                "portals": {},
            },
        )
        if row["indicator"] == item["indicator"]:
            low, high = plain(row["low"]), plain(row["high"])
            ends = (row["value"] if low is None else low, row["value"] if high is None else high)
            value = float(row["value"])
            item["portals"][row["portal"]] = (1 - value, 1 - ends[1], 1 - ends[0]) if item["turned"] else (value, *ends)
    return list(rows.values())


def beside_figure(side_by_side: pd.DataFrame, lang: Language = "en", width: float = WIDE) -> Figure | None:
    """Left the gap of each item (hollow: only its dimension's is known), right the share that went well by portal.

    None where no share was measured.
    """
    rows = beside_rows(side_by_side, lang)
    if not rows:
        return None
    portals = list(dict.fromkeys(name for row in rows for name in row["portals"]))
    # More portals than there are marks to tell them apart are drawn as a crowd; the tables name them.
    crowded = len(portals) > len(_MARKERS)
    figure, left = new_figure(width, 1.5 + 0.62 * len(rows))
    figure.delaxes(left)
    narrow = width < 5
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [1, 1.5]})
    places = list(range(len(rows)))[::-1]
    turned = {"en": " (turned round)", "id": " (dibalik)"}[lang]
    for place, row in zip(places, rows, strict=True):
        if row["gap"] is not None:
            left.plot([0, row["gap"]], [place, place], color=GREY, linewidth=2, zorder=1)
            face = INK if row["own"] else "none"
            left.plot(row["gap"], place, "o", color=INK, markerfacecolor=face, markersize=8, zorder=2)
        words = row["name"] + (turned if row["turned"] else "")
        right.text(0, place + 0.3, textwrap.fill(words, 36 if narrow else 60), color=GREY, fontsize=8)
        for number, (name, (value, low, high)) in enumerate(row["portals"].items()):
            colour = GREY if crowded else PORTAL_COLOURS[portals.index(name) % len(PORTAL_COLOURS)]
            shift = (number - (len(row["portals"]) - 1) / 2) * min(0.22, 0.5 / len(portals))
            right.plot([100 * low, 100 * high], [place - shift] * 2, color=colour, linewidth=2, alpha=0.45)
            marker = "." if crowded else _MARKERS[portals.index(name) % len(_MARKERS)]
            right.plot(100 * value, place - shift, marker, color=colour, markersize=7)
    labels = [row["item"] if narrow else wrapped(f"{row['item']} {row['title']}", width) for row in rows]
    left.set_yticks(places, labels)
    left.set_ylim(-0.6, len(rows) - 0.4)
    left.axvline(0, color=GREY, linewidth=1)
    reach = max([abs(row["gap"]) for row in rows if row["gap"] is not None], default=0.1) * 1.25
    left.set_xlim(-reach, reach * 0.25)
    left.locator_params(axis="x", nbins=2 if narrow else 5)
    right.set_xlim(-3, 103)
    words = {
        "en": ("said: gap", "measured: share that went well, %"),
        "id": ("dikatakan:\nkesenjangan", "terukur: bagian yang berjalan baik, %"),
    }[lang]
    left.set_xlabel(words[0])
    right.set_xlabel(textwrap.fill(words[1], 24) if narrow else words[1])
    for axes in (left, right):
        decimal_sign(axes, lang)
        axes.grid(axis="x", color=FAINT)
        axes.tick_params(axis="y", length=0)
    if not crowded:
        handles = [
            right.plot([], [], _MARKERS[i % len(_MARKERS)], color=PORTAL_COLOURS[i % len(PORTAL_COLOURS)], label=name)[
                0
            ]
            for i, name in enumerate(portals)
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=1 if narrow else 3, frameon=False)
    return figure


def hours_figure(hours: pd.DataFrame, lang: Language = "en", width: float = WIDE) -> Figure | None:
    """Availability (with intervals) and p75 of the largest contentful paint by local hour of the day and portal.

    Hollow markers lie at or beyond the deadline. None with fewer than six hours of data.
    """
    seen = hours[hours["available_share"].notna() | hours["lcp_p75_seconds"].notna()]
    if seen["hour"].nunique() < MIN_HOURS:
        return None
    figure, top = new_figure(width, 4.8)
    figure.delaxes(top)
    top, bottom = figure.subplots(2, 1, sharex=True)
    for number, (name, rows) in enumerate(seen.groupby("portal", sort=False)):
        colour, marker = PORTAL_COLOURS[number % len(PORTAL_COLOURS)], _MARKERS[number % len(_MARKERS)]
        shift = (number - (seen["portal"].nunique() - 1) / 2) * 0.16
        checks = rows[rows["available_share"].notna()]
        at = checks["hour"].astype(float) + shift
        low, high = 100 * checks["available_low"].astype(float), 100 * checks["available_high"].astype(float)
        top.vlines(at, low, high, color=colour, linewidth=2, alpha=0.35)
        top.plot(at, 100 * checks["available_share"].astype(float), marker, color=colour, markersize=4, label=str(name))
        waits = rows[rows["lcp_p75_seconds"].notna()]
        late = waits["lcp_bound"].notna()
        bottom.plot(waits["hour"], waits["lcp_p75_seconds"], "-", color=colour, linewidth=1.5, alpha=0.6)
        bottom.plot(waits["hour"][~late], waits["lcp_p75_seconds"][~late], marker, color=colour, markersize=4)
        bottom.plot(waits["hour"][late], waits["lcp_p75_seconds"][late], marker, color=colour, markerfacecolor="none")
    words = {
        "en": ("available, %", "largest paint\n(p75), s", "hour of the day"),
        "id": ("tersedia, %", "tampilan terbesar\n(p75), detik", "jam dalam sehari"),
    }[lang]
    top.set_ylabel(words[0])
    bottom.set_ylabel(words[1])
    bottom.set_xlabel(words[2])
    top.set_ylim(top=102)
    bottom.set_ylim(bottom=0)
    for axes in (top, bottom):
        decimal_sign(axes, lang)
        axes.grid(axis="y", color=FAINT)
    bottom.set_xticks(range(0, 24, 3 if width > 5 else 6))
    bottom.set_xlim(-0.7, 23.7)
    figure.legend(loc="outside upper center", ncols=1 if width < 5 else 3, frameon=False)
    return figure
