"""A comparison in files: one self-contained page for each language, the figure, the tables, and JSON."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from egovqual_link import figures
from egovqual_link.compare import Comparison
from egovqual_link.compare_view import WORDS, cells, grouped, headings, not_alike, reasons, side_line
from egovqual_link.figures_compare import difference_figure
from egovqual_link.instrument import Language
from egovqual_link.table_files import neutral

_PAGES: tuple[tuple[Language, str], ...] = (("en", "index.html"), ("id", "index.id.html"))


def write_pages(result: Comparison, out: Path) -> Path:
    """Write index.html, index.id.html, figures/, tables/ and compare.json; the path of the English page.

    The same comparison gives the same bytes. Texts that a spreadsheet would take for a formula are neutralised.

    Raises:
        OSError: the folder cannot be written.
    """
    tables = out / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    for lang, name in _PAGES:
        (out / name).write_text(render(result, lang), "utf-8")
        figure = difference_figure(result.seen, lang)
        if figure is not None:
            figures.save(figure, out / "figures", "differences" if lang == "en" else f"differences.{lang}")
    for name, table in (("indicators", result.indicators), ("pages", result.pages), ("sides", result.sides)):
        neutral(table).to_csv(tables / f"{name}.csv", index=False)
    (out / "compare.json").write_text(result.to_json() + "\n", "utf-8")
    return out / "index.html"


def render(result: Comparison, lang: Language) -> str:
    """The page in `lang`; every text from outside is escaped."""
    environment = Environment(
        loader=PackageLoader("egovqual_link"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    words = WORDS[lang]
    left, right = (name[lang] for name in result.names)
    drawn = {
        name: figures.svg(figure, words["figure"])
        for name, width in (("wide", figures.WIDE), ("narrow", figures.NARROW))
        if (figure := difference_figure(result.seen, lang, width)) is not None
    }
    return environment.get_template("compare.html").render(
        lang=lang,
        words=words,
        heads=headings(result, lang),
        left=left,
        right=right,
        figures=drawn,
        rows=[
            {"cells": cells(row, lang), "verdict": row["verdict"], "starred": row["like_for_like"] is False}
            for row in result.seen.to_dict("records")
        ],
        groups=list(grouped(result, lang)),
        unlike=list(not_alike(result, lang)),
        sides=[side_line(each, lang) for each in result.sides.to_dict("records")],
        remarks=[each[lang] for each in result.remarks],
        limits=[*reasons(result, lang), *(each[lang] for each in result.limits)],
    )
