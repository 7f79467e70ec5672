"""Surveys and their link to measurements, printed and written: what `survey`, `link` and `demo` share."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from egovqual_link.ipa import ipa, quadrant_name
from egovqual_link.link import DASH, NOT_PER_ITEM, LinkResult, format_value, plain
from egovqual_link.published import PublishedTable, load_published
from egovqual_link.scores import Source, all_scores
from egovqual_link.survey_load import load_survey
from exporters.files import write_atomically
from gapwatch.tables import print_table
from scenarios.source import InputError, Problem

Lang = Literal["en", "id"]

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "key": "item",
        "n": "n",
        "performance": "performance",
        "importance": "importance",
        "gap": "gap",
        "interval": "95% interval of the gap",
        "tk": "Tk %",
        "quadrant": "quadrant (by means)",
        "overall": "overall",
        "scores": "Scores",
        "silent": "Not published or not answered",
        "beside": "Measured beside perceived",
        "indicator": "measured",
        "fit": "fit",
        "window": "Window",
        "exploratory": "exploratory: the window was not declared before looking",
        "coefficient": "Coefficient",
        "refused": "none, since {reason}: {text}",
        "limits": "What this does not say",
        "operator": "operator's records, not measured by probes",
        "synthetic": "SYNTHETIC: nobody answered, no portal was probed",
        "lowest": "lowest",
        "middle": "middle",
        "highest": "highest",
    },
    "id": {
        "key": "butir",
        "n": "n",
        "performance": "kinerja",
        "importance": "kepentingan",
        "gap": "kesenjangan",
        "interval": "interval 95% kesenjangan",
        "tk": "Tk %",
        "quadrant": "kuadran (menurut rata-rata)",
        "overall": "keseluruhan",
        "scores": "Skor",
        "silent": "Tidak dipublikasikan atau tidak dijawab",
        "beside": "Terukur di samping yang dirasakan",
        "indicator": "terukur",
        "fit": "kecocokan",
        "window": "Jendela waktu",
        "exploratory": "eksploratif: jendela waktu tidak dinyatakan sebelum data dilihat",
        "coefficient": "Koefisien",
        "refused": "tidak ada, karena {reason}: {text}",
        "limits": "Yang tidak dikatakan data ini",
        "operator": "catatan pengelola, tidak diukur dengan uji",
        "synthetic": "SINTETIS: tidak ada yang menjawab, tidak ada portal yang diuji",
        "lowest": "terendah",
        "middle": "tengah",
        "highest": "tertinggi",
    },
}
#: More portals than this do not fit beside each other.
_WIDE = 4
_FITS = {
    "en": {"direct": "direct", "partial": "partial", "none": "none"},
    "id": {"direct": "langsung", "partial": "sebagian", "none": "tidak ada"},
}


def read_source(file: Path, scale: str | None, mapping: Path | None) -> Source:
    """Answers or a printed table, told apart by the file's ending (a CSV without persons is a printed table).

    Raises:
        InputError: every problem of the file.
    """
    if file.suffix.lower() in (".yaml", ".yml"):
        if mapping is not None:
            raise InputError([Problem("--mapping", None, "goes with answers, not with a printed table")])
        return load_published(file, scale=scale)
    if not file.exists():
        raise InputError([Problem(str(file), None, "no such file")])
    return load_survey(file, scale, mapping)


def survey_tables(source: Source) -> dict[str, pd.DataFrame]:
    """The tables of a survey by name: `scores` (items, dimensions, overall) and `ipa`."""
    return {"scores": all_scores(source), "ipa": ipa(source)}


def survey_json(source: Source, tables: Mapping[str, pd.DataFrame]) -> str:
    """The tables as one JSON object; what is missing is null."""
    body: dict[str, Any] = {"source": str(source.source)}
    for name, table in tables.items():
        body[name] = [{str(key): plain(value) for key, value in row.items()} for row in table.to_dict("records")]
    return json.dumps(body, ensure_ascii=False, indent=2, allow_nan=False)


def write_tables(tables: Mapping[str, pd.DataFrame], out: Path) -> None:
    """One CSV a table."""
    _make_folder(out)
    for name, table in tables.items():
        write_atomically(out / f"{name}.csv", table.to_csv(index=False).encode("utf-8"))


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([Problem(str(out), None, f"the folder cannot be made: {error.strerror}")]) from None


def number(value: Any, lang: Lang, digits: int = 2, *, sign: bool = False) -> str:
    """A number for a table, with the language's decimal mark; a dash where there is none."""
    figure = plain(value)
    if figure is None or figure is pd.NA:
        return DASH
    shown = f"{float(figure):+.{digits}f}" if sign else f"{float(figure):.{digits}f}"
    return shown.replace(".", ",") if lang == "id" else shown


def print_survey(source: Source, tables: Mapping[str, pd.DataFrame], lang: Lang) -> None:
    """Scores with the quadrant by means; items of which nothing is known are named below."""
    words = _WORDS[lang]
    placed = {
        row["key"]: quadrant_name(row["quadrant"], lang)
        for row in tables["ipa"].to_dict("records")
        if row["crosshair"] == "means" and plain(row["quadrant"])
    }
    rows, silent = [], []
    for row in tables["scores"].to_dict("records"):
        if all(plain(row[name]) is None for name in ("performance", "importance", "gap")):
            silent.append(str(row["key"]))
            continue
        interval = DASH
        if plain(row["gap_low"]) is not None:
            interval = f"{number(row['gap_low'], lang, sign=True)} … {number(row['gap_high'], lang, sign=True)}"
        rows.append(
            (
                words["overall"] if row["level"] == "overall" else str(row["key"]),
                str(row["n"]) if plain(row["n"]) is not None and row["n"] is not pd.NA else DASH,
                number(row["performance"], lang),
                number(row["importance"], lang),
                number(row["gap"], lang, sign=True),
                interval,
                number(row["tk"], lang, 1),
                placed.get(row["key"], ""),
            )
        )
    heads = [words[each] for each in ("key", "n", "performance", "importance", "gap", "interval", "tk", "quadrant")]
    title = f"{words['scores']}: {source.study if isinstance(source, PublishedTable) else source.source}"
    print_table(heads, rows, right=(1, 2, 3, 4, 5, 6), title=title)
    if silent:
        print(f"{words['silent']}: {', '.join(silent)}")
    for note in source.notes:
        print(f"- {note[lang]}")


def print_link(result: LinkResult, lang: Lang) -> None:
    """Item by item what was said and, one column a portal, what was measured; the refusals and limits below."""
    words = _WORDS[lang]
    heads = [words[each] for each in ("key", "performance", "importance", "gap", "fit", "indicator")]
    columns = result.portals if len(result.portals) <= _WIDE else [words["lowest"], words["middle"], words["highest"]]
    title = words["beside"] + (f" ({words['synthetic']})" if result.synthetic else "")
    print_table([*heads, *columns], _beside(result, lang), right=(1, 2, 3), title=title)
    if (result.side_by_side["score_level"] == "dimension").any():
        print(f"* {NOT_PER_ITEM[lang]}")
    print(f"{words['window']}: {result.window.label()[lang]}")
    if result.exploratory:
        print(f"{words['exploratory']}")
    association = result.association
    if association.r is None and association.reason_text is not None:
        said = words["refused"].format(reason=association.reason, text=association.reason_text[lang])
        print(f"{words['coefficient']}: {said}")
    print(f"{words['limits']}:")
    for limit in result.limits:
        print(f"- {limit[lang]}")


def _beside(result: LinkResult, lang: Lang) -> Iterator[list[str]]:
    """A row for each indicator that some portal has a value for; an item without any has one row that says why."""
    table = result.side_by_side
    for item, rows in table.groupby("item", sort=False):
        first = rows.iloc[0]
        star = "*" if first["score_level"] == "dimension" else ""
        head = [
            f"{item} {first[f'item_{lang}']}",
            number(first["performance"], lang) + star,
            number(first["importance"], lang) + star,
            number(first["gap"], lang, sign=True) + star,
            _FITS[lang][first["fit"]],
        ]
        valued = rows[rows["value"].notna()]
        if valued.empty:
            yield [*head, str(plain(first[f"indicator_{lang}"]) or ""), str(plain(first[f"reason_{lang}"]) or DASH)]
            continue
        for _, cells in valued.groupby("indicator", sort=False):
            name = str(cells.iloc[0][f"indicator_{lang}"])
            if cells.iloc[0]["origin"] == "operator":
                name += f" [{_WORDS[lang]['operator']}]"
            yield [*head, name, *_cells(cells, result.portals, lang)]
            head = [""] * len(head)


def _cells(rows: pd.DataFrame, portals: Sequence[str], lang: Lang) -> list[str]:
    """A value for each portal; of more than a few, the lowest, the middle and the highest."""
    if len(portals) <= _WIDE:
        values = {row["portal"]: _value(row, lang) for row in rows.to_dict("records")}
        return [values.get(name, DASH) for name in portals]
    known = rows[rows["value"].notna()].sort_values("value", kind="stable").to_dict("records")
    picked = (known[0], known[(len(known) - 1) // 2], known[-1])
    return [
        f"{format_value(row['value'], plain(row['unit']), plain(row['bound']), lang)} {row['portal']}" for row in picked
    ]


def _value(row: Mapping[Any, Any], lang: Lang) -> str:
    unit, bound = plain(row["unit"]), plain(row["bound"])
    shown = format_value(row["value"], unit, bound, lang)
    low, high = plain(row["low"]), plain(row["high"])
    if low is None or high is None or math.isinf(high):
        return shown
    return f"{shown} ({format_value(low, unit, None, lang)} … {format_value(high, unit, None, lang)})"


def write_link(result: LinkResult, out: Path) -> Path:
    """The report in both languages with its figures and tables; the path of the English page."""
    # Figures need matplotlib, which takes longer to load than all the rest.
    from egovqual_link.report import write_report

    _make_folder(out)
    try:
        return write_report(result, out)
    except OSError as error:
        raise InputError([Problem(str(out), None, f"the report cannot be written: {error.strerror}")]) from None
