"""A comparison printed and written: what `compare` and `demo` share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from egovqual_link.compare import Comparison
from egovqual_link.compare_view import WORDS, cells, grouped, headings, neither, not_alike, reasons, side_line
from egovqual_link.instrument import Language
from gapwatch.tables import print_table
from scenarios.source import InputError, Problem


def print_comparison(result: Comparison, lang: Language, *, short: bool = False) -> None:
    """The indicators of both sides, what is not like for like, and what cannot be told; `short`: no sentences."""
    words = WORDS[lang]
    left, right = (name[lang] for name in result.names)
    shown = result.seen[result.seen["verdict"] != "same"] if short else result.seen
    rows = shown.to_dict("records")
    title = words["title"].format(left=left, right=right)
    print_table(headings(result, lang), (cells(row, lang) for row in rows), right=(1, 2, 3, 4), title=title)
    if any(row["like_for_like"] is False for row in rows):
        print(words["star"])
    _list(words["pages"], not_alike(result, lang))
    if short:
        _list(words["silent"], neither(result, lang))
    else:
        for heading, sentences in grouped(result, lang):
            _list(heading, sentences)
    for side in result.sides.to_dict("records"):
        print(side_line(side, lang))
    _list(words["remarks"], (remark[lang] for remark in result.remarks))
    _list(words["limits"], [*reasons(result, lang), *(each[lang] for each in result.limits)])


def _list(heading: str, lines: Iterable[str]) -> None:
    """A heading and its lines, or nothing."""
    lines = list(lines)
    if lines:
        print(f"{heading}:")
    for line in lines:
        print(f"- {line}")


def write_comparison(result: Comparison, out: Path) -> Path:
    """A page in both languages, the figure, the tables and JSON; the path of the English page.

    Raises:
        InputError: the folder cannot be written.
    """
    # Figures need matplotlib, which takes longer to load than all the rest.
    from egovqual_link.compare_report import write_pages

    try:
        return write_pages(result, out)
    except OSError as error:
        raise InputError([Problem(str(out), None, f"the comparison cannot be written: {error.strerror}")]) from None
