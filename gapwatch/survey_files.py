"""What `gapwatch survey` writes: one CSV a table, a dictionary of their columns, figures; and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from egovqual_link.beside import plain
from egovqual_link.instrument import Language
from egovqual_link.published import PublishedTable
from egovqual_link.scores import Source
from egovqual_link.survey_tables import column_dictionary
from exporters.files import write_atomically
from scenarios.source import InputError, Problem

_LANGUAGES: Final[tuple[Language, ...]] = ("en", "id")


def quadrants(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    """The items (or dimensions) of each quadrant by the crosshair of means, the surest first."""
    found: dict[str, list[dict[str, Any]]] = {"concentrate": [], "keep": [], "low_priority": [], "overkill": []}
    placed = tables["ipa"]
    for row in placed[(placed["crosshair"] == "means") & placed["quadrant"].notna()].to_dict("records"):
        p = plain(row["p_quadrant"])
        found[row["quadrant"]].append({"key": row["key"], "p": p, "on_line": bool(row["on_line"])})
    for each in found.values():
        each.sort(key=lambda entry: -(entry["p"] or 0.0))
    return found


def facts(source: Source) -> dict[str, Any]:
    """What was read: the file, the instrument, the scale, and how many respondents."""
    printed = isinstance(source, PublishedTable)
    said: dict[str, Any] = {
        "source": str(source.source),
        "kind": "published table" if printed else "answers",
        "instrument": source.instrument.key,
        "scale": str(source.scale) if source.scale else None,
        "respondents": source.n,
    }
    if isinstance(source, PublishedTable):
        return said | {"study": source.study}
    return said | {"flags": {name: int(source.flags[name].sum()) for name in source.flags}}


def survey_json(source: Source, tables: Mapping[str, pd.DataFrame]) -> str:
    """Facts, quadrants and all tables as one JSON object; what is missing is null."""
    body = facts(source) | {"quadrants": quadrants(tables)}
    for name, table in tables.items():
        body[name] = [{str(key): _cell(value) for key, value in row.items()} for row in table.to_dict("records")]
    return json.dumps(body, ensure_ascii=False, indent=2, allow_nan=False)


def _cell(value: Any) -> Any:
    return None if value is pd.NA else plain(value)


def make_folder(out: Path) -> None:
    """The folder, made where it is missing.

    Raises:
        InputError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([Problem(str(out), None, f"the folder cannot be made: {error.strerror}")]) from None


def write_survey(source: Source, tables: Mapping[str, pd.DataFrame], out: Path) -> None:
    """NAME.csv and NAME.tex for each table, tables.xlsx, columns.csv, and figures/ (SVG, PNG, PDF, both languages).

    Raises:
        InputError: the folder cannot be made or written.
    """
    # Figures need matplotlib, which takes longer to load than all the rest.
    from egovqual_link.figures import save
    from egovqual_link.table_files import latex, neutral, workbook

    named = {**tables, "columns": column_dictionary(tables)}
    # Everything is made before anything is written, so that no half of a result is left behind.
    content = {f"{name}.csv": neutral(table).to_csv(index=False).encode("utf-8") for name, table in named.items()}
    content |= {f"{name}.tex": latex(table).encode("utf-8") for name, table in tables.items()}
    content["tables.xlsx"] = workbook(named)
    drawn = _figures(source, tables)
    make_folder(out)
    try:
        for name, data in content.items():
            write_atomically(out / name, data)
        for name, figure in drawn.items():
            save(figure, out / "figures", name)
    except OSError as error:
        raise InputError([Problem(str(out), None, f"cannot be written: {error.strerror}")]) from None


def _figures(source: Source, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    from egovqual_link.survey_figures import gap_figure, ipa_figure

    scores, placed = tables["scores"], tables["ipa"]
    drawn: dict[str, Any] = {}
    for lang in _LANGUAGES:
        if scores[["performance", "importance"]].notna().all(axis=1).any():
            drawn[f"gaps-{lang}"] = gap_figure(scores, lang, instrument=source.instrument)
        if (placed["quadrant"].notna() & (placed["crosshair"] == "means")).any():
            drawn[f"ipa-{lang}"] = ipa_figure(placed, lang, instrument=source.instrument)
    return drawn
