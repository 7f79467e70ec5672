"""The report: one self-contained page for each language, with its figures and tables as files beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from egovqual_link import figures
from egovqual_link.instrument import Language
from egovqual_link.link import DASH, LinkResult, format_value, plain

_FIT = {
    "direct": ("direct", "langsung"),
    "partial": ("partly", "sebagian"),
    "none": ("not measurable", "tidak terukur"),
}
_RATING = {"good": ("good", "baik"), "fair": ("needs improvement", "perlu diperbaiki"), "poor": ("poor", "buruk")}
#: Cells that a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_report(result: LinkResult, out_dir: Path) -> Path:
    """Write index.html (English), index.id.html (Indonesian), figures/ and tables/; gives the English page's path."""
    out_dir.mkdir(parents=True, exist_ok=True)
    for lang, name in (("en", "index.html"), ("id", "index.id.html")):
        (out_dir / name).write_text(render(result, lang), "utf-8")  # type: ignore[arg-type]  # literals in a tuple
    for name, figure in _figures(result, "en").items():
        figures.save(figure, out_dir / "figures", name)
    tables = out_dir / "tables"
    tables.mkdir(exist_ok=True)
    for name in ("scores", "indicators", "side_by_side"):
        neutral(getattr(result, name)).to_csv(tables / f"{name}.csv", index=False)
    (out_dir / "link.json").write_text(result.to_json() + "\n", "utf-8")
    return out_dir / "index.html"


def neutral(table: pd.DataFrame) -> pd.DataFrame:
    """The table with text cells that begin like a formula put behind an apostrophe."""

    def cell(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    return table.map(cell)


def _figures(result: LinkResult, lang: Language) -> dict[str, Any]:
    overall = _overall(result)
    cross = (float(overall["performance"]), float(overall["importance"]))
    made = {
        "gaps": figures.gap_figure(result.scores, result.instrument, lang),
        "ipa": figures.ipa_figure(result.scores, result.instrument, cross, lang),
        "waits": figures.waits_figure(result.indicators, result.instrument, lang),
    }
    return {name: figure for name, figure in made.items() if figure is not None}


def _overall(result: LinkResult) -> dict[Any, Any]:
    return dict(result.scores[result.scores["level"] == "overall"].iloc[0])


def render(result: LinkResult, lang: Language) -> str:
    """The page in one language. Everything from outside is escaped; only our own figures are put in as they are."""
    environment = Environment(
        loader=PackageLoader("egovqual_link"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    drawn = {name: figures.svg(figure) for name, figure in _figures(result, lang).items()}
    window = result.window
    survey = result.source
    return environment.get_template("report.html").render(
        lang=lang,
        t=lambda en, id_: id_ if lang == "id" else en,
        number=_number(lang),
        survey=str(getattr(survey, "portal", None) or getattr(survey, "study", None) or getattr(survey, "source", "")),
        overall=_overall(result),
        portals=result.portals,
        window=f"{window.start:%Y-%m-%d %H:%M} \N{EN DASH} {window.end:%Y-%m-%d %H:%M} {window.start:%Z}",
        basis=window.label()[lang],
        exploratory=result.exploratory,
        limits=[text[lang] for text in result.limits],
        association=result.association,
        association_text=result.association.reason_text[lang] if result.association.reason_text else "",
        gap_svg=drawn["gaps"],
        ipa_svg=drawn["ipa"],
        waits_svg=drawn.get("waits"),
        score_note="",
        dimensions=_dimensions(result, lang),
        exposure=_exposure(result),
        sides=[{"name": portal, "rows": side_rows(result, portal, lang)} for portal in result.portals],
        instrument=f"{result.instrument.title[lang]} ({result.instrument.source})",
        version=_version(),
        digest=result.digest,
    )


def _version() -> str:
    try:
        return version("gapwatch")
    except PackageNotFoundError:
        return "(not installed)"


def _number(lang: Language) -> Callable[..., str]:
    def number(value: object, form: str = ".2f") -> str:
        known = plain(value)
        if known is None:
            return DASH
        text = format(known, form).replace("-", "\N{MINUS SIGN}")
        return text.replace(".", ",") if lang == "id" else text

    return number


def _dimensions(result: LinkResult, lang: Language) -> list[dict[str, Any]]:
    rows = []
    titles = {each.key: each.title[lang] for each in result.instrument.dimensions}
    titles["overall"] = {"en": "Overall", "id": "Keseluruhan"}[lang]
    for row in result.scores[result.scores["level"] != "item"].to_dict("records"):
        low, high = plain(row["gap_low"]), plain(row["gap_high"])
        interval = f"{_number(lang)(low, '+.2f')} … {_number(lang)(high, '+.2f')}" if low is not None else None
        n = plain(row["n"])
        rows.append(
            {
                "title": titles[row["key"]],
                "n": DASH if n is None else f"{n:.0f}",
                "performance": row["performance"],
                "importance": row["importance"],
                "gap": row["gap"],
                "interval": interval or plain(row[f"reason_{lang}"]) or DASH,
            }
        )
    return rows


def _exposure(result: LinkResult) -> list[dict[str, Any]]:
    firsts = result.indicators.drop_duplicates("portal").to_dict("records")
    counts = result.run_counts
    return [
        {
            "portal": row["portal"],
            "runs": counts[row["portal"]],
            "days": row["days"],
            "window_days": row["window_days"],
            "error": row["excluded_error"],
            "timing": row["excluded_timing"],
        }
        for row in firsts
    ]


def side_rows(result: LinkResult, portal: str, lang: Language) -> list[dict[str, str]]:
    """The side-by-side rows of one portal as people read them; an item's name and gap stand in its first row only."""
    rows: list[dict[str, str]] = []
    number, previous = _number(lang), None
    place = 1 if lang == "id" else 0
    table = result.side_by_side
    for row in table[table["portal"] == portal].to_dict("records"):
        first = row["item"] != previous
        previous = row["item"]
        rating = plain(row["rating"])
        star = "" if row["score_level"] == "item" else " *"
        runs = plain(row["n_runs"])
        rows.append(
            {
                "item": f"{row['item']} {row[f'item_{lang}']}" if first else "",
                "fit": _FIT[str(row["fit"])][place] if first else "",
                "gap": number(row["gap"], "+.2f") + star if first else "",
                "indicator": str(plain(row[f"indicator_{lang}"]) or ""),
                "value": format_value(row["value"], plain(row["unit"]), plain(row["bound"]), lang)
                if plain(row["indicator"])
                else "",
                "runs": f"{runs:.0f}" if runs else "",
                "rating": _RATING[rating][place] if rating else "",
                "rating_class": rating or "",
                "why": _why(row, lang),
            }
        )
    return rows


def _why(row: dict[Any, Any], lang: Language) -> str:
    reason = plain(row[f"reason_{lang}"])
    if reason is not None:
        return str(reason)
    low, high = plain(row["low"]), plain(row["high"])
    if low is None or (isinstance(high, float) and math.isinf(high)):
        return ""
    unit, level = plain(row["unit"]), plain(row["level"]) or 0.95
    ends = f"{format_value(low, unit, None, lang)} … {format_value(high, unit, None, lang)}"
    return f"{level * 100:.0f} % {'selang' if lang == 'id' else 'interval'} {ends}"
