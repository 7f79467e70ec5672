"""What the report shows, as plain data in one language: the template only lays it out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from egovqual_link.beside import DASH, format_value, items_by_fit, plain
from egovqual_link.instrument import Instrument, Item, Language
from egovqual_link.ipa import CROSSHAIRS
from egovqual_link.link import LinkResult
from egovqual_link.published import PublishedTable

FITS: Final = {
    "direct": ("direct", "langsung"),
    "partial": ("partly", "sebagian"),
    "none": ("not measurable", "tidak terukur"),
}
RATINGS: Final = {
    "good": ("good", "baik"),
    "fair": ("needs improvement", "perlu diperbaiki"),
    "poor": ("poor", "buruk"),
}
STATEMENTS: Final = {
    "exceeds": ("said to exceed what is expected", "dikatakan melampaui harapan"),
    "falls_short": ("said to fall short", "dikatakan belum memenuhi"),
    "works": ("said to work", "dikatakan berjalan baik"),
}
SEVERITIES: Final = {"critical": ("critical", "kritis"), "major": ("major", "besar"), "minor": ("minor", "kecil")}
CLASSES: Final = {
    "http_error": ("HTTP error", "galat HTTP"),
    "navigation_error": ("page did not open", "halaman tidak terbuka"),
    "timeout": ("took too long", "terlalu lama"),
    "tls": ("insecure or broken TLS", "TLS tidak aman atau rusak"),
    "js_exception": ("script error", "galat skrip"),
    "console_error": ("error in the console", "galat di konsol"),
    "failed_request": ("part of a page missing", "bagian halaman gagal dimuat"),
    "soft_error": ("error page that claims success", "halaman galat berstatus sukses"),
    "blank_page": ("blank page", "halaman kosong"),
    "form_rejected": ("form refused valid input", "formulir menolak isian benar"),
    "form_input_lost": ("form lost its input", "formulir kehilangan isian"),
    "form_stuck": ("form stuck at submit", "formulir macet saat dikirim"),
    "assertion": ("expected content missing", "isi yang diharapkan tidak ada"),
    "search_empty": ("search found nothing", "pencarian tanpa hasil"),
    "search_irrelevant": ("search missed the answer", "pencarian meleset"),
    "login_required": ("login demanded unexpectedly", "diminta masuk tanpa diduga"),
    "redirect_loop": ("redirect loop", "pengalihan berputar"),
    "unexpected_download": ("unexpected download", "unduhan tak terduga"),
    "dialog": ("dialog in the way", "dialog menghalangi"),
    "popup": ("pop-up window", "jendela sembul"),
    "mixed_content": ("mixed content", "konten campuran"),
    "stalled_response": ("answer stalled", "jawaban tersendat"),
    "slow": ("slow", "lambat"),
    "blocked": ("blocked", "diblokir"),
    "maintenance": ("maintenance", "pemeliharaan"),
    "stale_content": ("stale content", "isi usang"),
    "duplicate_fields": ("asked twice", "ditanya dua kali"),
    "accessibility": ("accessibility barrier", "hambatan aksesibilitas"),
}


def pick(pair: tuple[str, str] | None, lang: Language, default: str = "") -> str:
    """The word of a pair (English, Indonesian) in `lang`."""
    return default if pair is None else pair[1 if lang == "id" else 0]


def number_format(lang: Language) -> Callable[..., str]:
    """A function that writes a number with the decimal sign of the language, a dash for a missing one."""

    def number(value: object, form: str = ".2f") -> str:
        known = plain(value)
        if known is None or known is pd.NA:
            return DASH
        text = format(known, form).replace("-", "\N{MINUS SIGN}")
        return text.replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ",") if lang == "id" else text

    return number


def overall(result: LinkResult) -> dict[Any, Any]:
    """The row of the overall score."""
    return dict(result.scores[result.scores["level"] == "overall"].iloc[0])


def dimensions(result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    """Scores of the dimensions and overall, each with its interval or the reason why it has none."""
    rows, number = [], number_format(lang)
    titles = {each.key: each.title[lang] for each in result.instrument.dimensions}
    titles["overall"] = {"en": "Overall", "id": "Keseluruhan"}[lang]
    for row in result.scores[result.scores["level"] != "item"].to_dict("records"):
        low, high = plain(row["gap_low"]), plain(row["gap_high"])
        interval = f"{number(low, '+.2f')} … {number(high, '+.2f')}" if low is not None else None
        rows.append(
            {
                "title": titles[row["key"]],
                "n": number(row["n"], ".0f"),
                "performance": number(row["performance"]),
                "importance": number(row["importance"]),
                "gap": number(row["gap"], "+.2f"),
                "interval": interval or plain(row[f"reason_{lang}"]) or DASH,
            }
        )
    return rows


def quadrants(placed: pd.DataFrame, instrument: Instrument, lang: Language) -> dict[str, Any]:
    """Where each item (or dimension) stands by each crosshair, with its probability where answers give one."""
    names = [name for name in CROSSHAIRS if (placed["quadrant"].notna() & (placed["crosshair"] == name)).any()]
    rows: dict[str, dict[str, Any]] = {}
    for row in placed[placed["crosshair"].isin(names)].to_dict("records"):
        item = row["level"] == "item"
        place = instrument.item(row["key"]) if item else instrument.dimension(row["key"])
        found = rows.setdefault(
            row["key"], {"key": row["key"] if item else "", "title": place.title[lang], "cells": {}}
        )
        found["cells"][row["crosshair"]] = {
            "quadrant": row[f"quadrant_{lang}"],
            "p": "" if plain(row["p_quadrant"]) is None else f"{row['p_quadrant']:.0%}",
            "on_line": bool(row["on_line"]),
        }
    return {"heads": [CROSSHAIRS[name][lang] for name in names], "names": names, "rows": list(rows.values())}


def tiles(result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    """The map of what a browser can see: the items of each dimension, their fit, and which are priorities."""
    return [
        {
            "title": dimension.title[lang],
            "items": [
                {
                    "key": item.key,
                    "title": item.title[lang],
                    "fit": item.fit,
                    "word": pick(FITS[item.fit], lang),
                    "priority": item.key in result.priority,
                }
                for item in result.instrument.items_of(dimension.key)
            ],
        }
        for dimension in result.instrument.dimensions
    ]


def cards(result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    """One card an item: what was said, and what was measured at each portal."""
    number = number_format(lang)
    said: dict[str, list[str]] = {}
    if isinstance(result.source, PublishedTable):
        for each in result.source.said:
            words = pick(STATEMENTS[each.statement], lang)
            said.setdefault(each.item, []).append(f"{words}: {each.text[lang]}" if each.text else words)
    found = []
    for item in result.instrument.items:
        rows = result.side_by_side[result.side_by_side["item"] == item.key]
        first = rows.iloc[0]
        found.append(
            {
                "key": item.key,
                "title": item.title[lang],
                "statement": item.statement[lang],
                "fit": item.fit,
                "fit_word": pick(FITS[item.fit], lang),
                "limit": item.limit[lang] if item.limit else "",
                "priority": item.key in result.priority,
                "performance": number(first["performance"]),
                "importance": number(first["importance"]),
                "gap": number(first["gap"], "+.2f"),
                "note": plain(first[f"score_note_{lang}"]) or "",
                "said": said.get(item.key, []),
                "indicators": _indicators(item, rows, result, lang),
                "unmeasured": _unmeasured(item, rows, lang),
            }
        )
    return found


def _indicators(item: Item, rows: pd.DataFrame, result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    shown = []
    for each in item.indicators:
        mine = {row["portal"]: row for row in rows[rows["indicator"] == each.key].to_dict("records")}
        if all(plain(row["value"]) is None for row in mine.values()):
            continue
        shown.append(
            {
                "title": each.title[lang] + _origin("operator" if each.origin == "external" else "probe", lang),
                "better": each.better,
                "cells": [_cell(mine[portal], portal, lang) for portal in result.portals if portal in mine],
            }
        )
    return shown


def _cell(row: Mapping[Any, Any], portal: str, lang: Language) -> dict[str, str]:
    unit = plain(row["unit"])
    low, high = plain(row["low"]), plain(row["high"])
    interval = ""
    if low is not None and not (isinstance(high, float) and math.isinf(high)):
        ends = [format_value(low, unit, None, lang), format_value(high, unit, None, lang)]
        interval = f"{ends[0]} … {ends[1] if high is not None else '∞'}"
    rating = plain(row["rating"]) or ""
    return {
        "portal": portal,
        "value": format_value(row["value"], unit, plain(row["bound"]), lang),
        "interval": interval,
        "rating": rating,
        "rating_word": pick(RATINGS.get(rating), lang),
        "runs": f"{row['n_runs']:.0f}",
        "why": "" if plain(row["value"]) is not None else str(plain(row[f"reason_{lang}"]) or ""),
    }


def _unmeasured(item: Item, rows: pd.DataFrame, lang: Language) -> list[dict[str, Any]]:
    """Indicators without any value, gathered by the reason they share."""
    by_reason: dict[str, list[str]] = {}
    for each in item.indicators:
        mine = rows[rows["indicator"] == each.key]
        if mine["value"].notna().any():
            continue
        for reason in dict.fromkeys(mine[f"reason_{lang}"].dropna()):
            by_reason.setdefault(reason, []).append(each.title[lang])
    return [{"titles": titles, "reason": reason} for reason, titles in by_reason.items()]


def comparison(result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    """Indicators that at least two portals have, side by side; `best` where its interval lies clear of all others'."""
    if len(result.portals) < 2:
        return []
    rows = []
    titles = {each.key: each for _, each in result.instrument.indicators()}
    for key, group in result.indicators.groupby("indicator", sort=False):
        mine = {row["portal"]: row for row in group.to_dict("records") if plain(row["value"]) is not None}
        if len(mine) < 2:
            continue
        best = _clear_of_others(mine, titles[str(key)].better)
        cells = [
            _cell(mine[portal], portal, lang) | {"best": portal == best} if portal in mine else None
            for portal in result.portals
        ]
        item = plain(group.iloc[0]["item"])
        rows.append(
            {
                "item": item or "",
                "title": titles[str(key)].title[lang],
                "better": titles[str(key)].better,
                "cells": cells,
            }
        )
    return rows


def _clear_of_others(rows: Mapping[str, Mapping[Any, Any]], better: str) -> str | None:
    ends = {name: (plain(row["low"]), plain(row["high"])) for name, row in rows.items()}
    if any(low is None or high is None for low, high in ends.values()):
        return None
    for name, (low, high) in ends.items():
        others = [each for other, each in ends.items() if other != name]
        if all((low > each[1]) if better == "up" else (high < each[0]) for each in others):
            return name
    return None


def flows(result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    """The flows of each portal with their outcomes and waits."""
    shown = []
    for row in result.overview.flows.to_dict("records"):
        cells = {name: f"{row[name]:.0f}" for name in ("runs", "passed", "degraded", "failed", "error")}
        for name in ("median", "p75"):
            cells[name] = format_value(row[f"{name}_seconds"], "seconds", plain(row[f"{name}_bound"]), lang)
        shown.append({"portal": row["portal"], "scenario": row["scenario"], **cells})
    return shown


def slowest_pages(result: LinkResult, lang: Language, most: int = 8) -> list[dict[str, str]]:
    """The pages with the longest largest paint at the 75th percentile, the slowest first."""
    table = result.overview.pages.dropna(subset=["lcp_p75_seconds"])
    # A bound at the deadline is longer than it says, so it goes before any value that was seen.
    ranked = table.assign(late=table["lcp_bound"].notna()).sort_values(
        ["late", "lcp_p75_seconds"], ascending=False, kind="stable"
    )
    return [
        {
            "portal": row["portal"],
            "step": row["step"],
            "scenario": row["scenario"],
            "openings": f"{row['openings']:.0f}",
            "failed": f"{row['failed_openings']:.0f}",
            "lcp": format_value(row["lcp_p75_seconds"], "seconds", plain(row["lcp_bound"]), lang),
            "load": format_value(row["load_p75_seconds"], "seconds", plain(row["load_bound"]), lang),
            "weight": format_value(row["weight_median_bytes"], "bytes", None, lang),
        }
        for row in ranked.head(most).to_dict("records")
    ]


def findings(result: LinkResult, lang: Language, most: int = 12) -> list[dict[str, Any]]:
    """What went wrong, by kind, the most frequent first; counts of findings at each portal."""
    table = result.overview.findings
    rows: list[dict[str, Any]] = []
    for (name, severity), group in table.groupby(["class", "severity"], sort=False):
        counts = {row["portal"]: int(row["findings"]) for row in group.to_dict("records")}
        rows.append(
            {
                "title": pick(CLASSES.get(str(name)), lang, str(name)),
                "severity": str(severity),
                "word": pick(SEVERITIES.get(str(severity)), lang, str(severity)),
                "counts": [counts.get(portal, 0) for portal in result.portals],
                "sum": sum(counts.values()),
            }
        )
    order = list(SEVERITIES)
    rows.sort(key=lambda row: (order.index(row["severity"]) if row["severity"] in order else 9, -row["sum"]))
    return rows[:most]


def exposure(result: LinkResult, lang: Language) -> list[dict[str, str]]:
    """How much was run at each portal, and what was left out."""
    number = number_format(lang)
    return [
        {
            "portal": row["portal"],
            "runs": number(row["runs"], ",d"),
            "days": f"{row['days']} / {row['window_days']}",
            "error": number(row["excluded_error"], ",d"),
            "blocked": number(row["excluded_blocked"], ",d"),
            "maintenance": number(row["excluded_maintenance"], ",d"),
            "timing": number(row["excluded_timing"], ",d"),
        }
        for row in result.overview.exposure.to_dict("records")
    ]


def associations(result: LinkResult, lang: Language, most: int = 15) -> list[dict[str, str]]:
    """Coefficients, the declared ones first, then by item; at most `most` (the table of all is beside the report)."""
    number = number_format(lang)
    found = result.associations["r"].notna() | result.associations["slope"].notna()
    table = result.associations[found & (result.associations["method"] != "kendall")]
    table = table.sort_values("declared", ascending=False, kind="stable").head(most)
    return [
        {
            "pair": f"{row['indicator']} / {row['item']} ({row['score']})" + _origin(row["origin"], lang),
            "method": f"{row['method']}, {row['over']}" + (f", {row['slope_unit']}" if plain(row["slope"]) else ""),
            "n": f"{row['n_units']}",
            "r": number(row["r"] if plain(row["r"]) is not None else row["slope"], "+.2f"),
            "interval": f"{number(row['low'], '+.2f')} … {number(row['high'], '+.2f')}",
            "p": number(row["p_adjusted"], ".3f"),
            "declared": pick(("declared", "ditetapkan") if row["declared"] else ("exploratory", "eksploratif"), lang),
        }
        for row in table.to_dict("records")
    ]


def _origin(origin: str, lang: Language) -> str:
    """A mark behind what an operator's own records tell."""
    return pick((" [operator's records]", " [catatan pengelola]"), lang) if origin == "operator" else ""


def robustness(result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    """The declared pairs under other windows, quantiles, runs and respondents."""
    number = number_format(lang)
    varied = {
        "window": ("recall lag", "jeda ingatan"),
        "aggregate": ("quantile", "kuantil"),
        "runs": ("runs on a busy host", "uji di mesin sibuk"),
        "respondents": ("respondents", "responden"),
    }
    return [
        {
            "pair": f"{row['indicator']} / {row['item']} ({row['score']})",
            "varied": pick(varied[row["varied"]], lang),
            "choice": pick(CHOICES.get(row["choice"], (row["choice"], row["choice"].replace("days", "hari"))), lang),
            "base": row["base"],
            "n": f"{row['n_units']}",
            "r": number(row["r"], "+.2f") if plain(row["r"]) is not None else plain(row[f"reason_{lang}"]),
            "interval": f"{number(row['low'], '+.2f')} … {number(row['high'], '+.2f')}",
        }
        for row in result.robustness.to_dict("records")
    ]


CHOICES: Final = {
    "without contended": ("left out", "dikecualikan"),
    "with contended": ("kept in", "diikutkan"),
    "all": ("all", "semua"),
    "unflagged": ("without flagged ones", "tanpa yang ditandai"),
}


def counts_by_fit(result: LinkResult) -> dict[str, int]:
    """How many items are measured directly, partly, and not at all."""
    return {
        "direct": len(items_by_fit(result.instrument, "direct")),
        "partial": len(items_by_fit(result.instrument, "partial")),
        "none": len(items_by_fit(result.instrument, "none")),
    }
