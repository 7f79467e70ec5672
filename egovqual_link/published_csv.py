"""A printed table kept as CSV: one line for each item or dimension, with its means and gap."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from egovqual_link.instrument import Instrument
from egovqual_link.published import Printed
from egovqual_link.published_check import PrintedRow
from scenarios.source import Problem, nearest, read_text

_KEYS = {"item": "item", "butir": "item", "dimension": "dimension", "dimensi": "dimension"}
_NUMBERS = {
    "performance": "performance",
    "kinerja": "performance",
    "importance": "importance",
    "kepentingan": "importance",
    "gap": "gap",
    "kesenjangan": "gap",
    "n": "n",
    "performance_sd": "performance_sd",
    "importance_sd": "importance_sd",
    "gap_sd": "gap_sd",
}


def read_rows(path: Path, instrument: Instrument) -> tuple[list[PrintedRow], list[Problem]]:
    """Rows of the CSV file at `path`, and every mistake in it.

    The first column is `item` or `dimension`; `overall` may stand among the keys. Comma, semicolon or tab;
    a decimal comma where the separator is not a comma.

    Raises:
        InputError: the file cannot be read as text.
    """
    source = str(path)
    text = read_text(path)
    first = text.split("\n", 1)[0]
    separator = max(";\t,", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        table = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        return [], [Problem(source, reader.line_num, f"is not CSV: {error}")]
    if not table:
        return [], [Problem(source, 1, "is empty", "give a line for each item or dimension")]
    columns, problems = _columns(source, table[0][1])
    if problems:
        return [], problems
    rows: list[PrintedRow] = []
    for line, cells in table[1:]:
        given = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
        if len(cells) != len(columns):
            found = f"has {len(cells)} cells, the header {len(columns)}"
            problems.append(Problem(source, line, found, "one cell a column"))
            continue
        if separator != ",":
            given = {name: cell.replace(",", ".") for name, cell in given.items()}
        row, wrong = _row(source, line, given, instrument)
        problems += wrong
        if row is not None and any(row.key == other.key for other in rows):
            problems.append(Problem(source, line, f"{row.key} stands twice", "keep one line for each"))
        if row is not None:
            rows.append(row)
    if not rows and not problems:
        problems.append(Problem(source, 2, "holds no scores", "give a line for each item or dimension"))
    return rows, problems


def _columns(source: str, header: Sequence[str]) -> tuple[list[str], list[Problem]]:
    known = {**_KEYS, **_NUMBERS}
    names = [known.get(cell.strip().lower(), "") for cell in header]
    problems = [
        Problem(source, 1, f"column {number}: unknown column {cell.strip()[:40]!r}", nearest(cell, known))
        for number, (cell, name) in enumerate(zip(header, names, strict=True), 1)
        if not name
    ]
    problems += [
        Problem(source, 1, f"the column {name!r} stands twice", "keep one")
        for name in sorted({name for name in names if name and names.count(name) > 1})
    ]
    if not problems and not {"item", "dimension"} & set(names):
        problems.append(Problem(source, 1, "has no column `item` or `dimension`", "name what each line is of"))
    if not problems and not ({"performance", "importance"} <= set(names) or "gap" in names):
        problems.append(
            Problem(source, 1, "has no scores", "give `performance` and `importance`, or `gap`, as columns")
        )
    return names, problems


def _row(
    source: str, line: int, given: Mapping[str, str], instrument: Instrument
) -> tuple[PrintedRow | None, list[Problem]]:
    level = "item" if given.get("item") else "dimension"
    key = given.get(level, "")
    known = instrument.item_keys if level == "item" else [each.key for each in instrument.dimensions]
    if key.lower() in {"overall", "keseluruhan"}:
        level, key = "overall", "overall"
    elif key not in known:
        hint = nearest(key, known)
        return None, [Problem(source, line, f"{key[:40]!r} is no {level} of {instrument.key}", hint)]
    texts = {name: given[name] for name in dict.fromkeys(_NUMBERS.values()) if given.get(name)}
    try:
        scores = {name: _number(name, text) for name, text in texts.items()}
        printed = Printed.model_validate(scores)
    except ValidationError as error:
        return None, [
            Problem(source, line, f"{key}, {wrong['loc'][0]}: {wrong['msg'].lower()}")
            for wrong in error.errors(include_url=False)
        ]
    except _NotANumberError as error:
        return None, [Problem(source, line, f"{key}, {error}", "leave it blank if it is not known")]
    digits = {name: len(text.partition(".")[2]) for name, text in texts.items()}
    return PrintedRow(level, key, printed, dict.fromkeys(texts, line), digits), []


class _NotANumberError(ValueError):
    """A cell that should hold a number and does not."""


def _number(name: str, text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise _NotANumberError(f"{name}: {text[:40]!r} is not a number") from None
    if not math.isfinite(value) or (name == "n" and value != int(value)):
        raise _NotANumberError(f"{name}: {text[:40]!r} is not a usable number")
    return int(value) if name == "n" else value
