"""The link of a survey to measurements, printed and written: what `link` and `demo` share."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from egovqual_link.link import DASH, NOT_PER_ITEM, LinkResult, format_value, plain
from gapwatch.survey_files import make_folder
from gapwatch.tables import Lang, number, print_table
from scenarios.source import InputError, Problem

if TYPE_CHECKING:
    from egovqual_link.inputs import Inputs

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "key": "item",
        "performance": "performance",
        "importance": "importance",
        "gap": "gap",
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
        "performance": "kinerja",
        "importance": "kepentingan",
        "gap": "kesenjangan",
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


def write_outputs(inputs: Inputs, result: LinkResult, out: Path | None, bundle: Path | None) -> Path | None:
    """Report and bundle, as far as asked for; the path of the English page, None without a report.

    The report is drawn once and before anything is written to where it was asked for.
    """
    if out is None and bundle is None:
        return None
    # Figures need matplotlib, which takes longer to load than all the rest.
    from egovqual_link.bundle import write_bundle
    from egovqual_link.report import write_report

    for folder in (out, bundle.parent if bundle is not None else None):
        if folder is not None:
            make_folder(folder)
    if bundle is not None and bundle.is_dir():
        raise InputError([Problem(str(bundle), None, "is a folder", "name the zip file to write")])
    try:
        with tempfile.TemporaryDirectory() as made:
            write_report(result, Path(made))
            if bundle is not None:
                write_bundle(inputs, result, bundle, Path(made))
            if out is not None:
                shutil.copytree(made, out, dirs_exist_ok=True)
    except OSError as error:
        where = str(error.filename or out or bundle)
        raise InputError([Problem(where, None, f"cannot be written: {error.strerror}", "name another place")]) from None
    return None if out is None else out / "index.html"
