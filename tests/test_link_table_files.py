"""Tables as files: numbers stay numbers, text stays text, and every column is explained."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from egovqual_link.association import MIN_UNITS
from egovqual_link.link import link
from egovqual_link.report import make_tables
from egovqual_link.study import load_study
from egovqual_link.survey_load import load_survey
from egovqual_link.survey_tables import column_dictionary
from egovqual_link.synthetic import make_study
from egovqual_link.table_files import latex, workbook, write_tables

TABLE = pd.DataFrame(
    {
        "portal": ["=HYPERLINK(1)", "50% & more_", None],
        "value": [1.5, np.nan, -2.0],
        "n_runs": pd.array([1, None, 3], dtype="Int64"),
        "declared": [True, False, True],
    }
)


def test_a_workbook_holds_numbers_as_numbers_and_no_formula() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(workbook({"indicators": TABLE})))["indicators"]
    rows = [tuple(cell.value for cell in row) for row in sheet.iter_rows()]
    assert rows[0] == ("portal", "value", "n_runs", "declared")
    assert rows[1] == ("'=HYPERLINK(1)", 1.5, 1, True)
    assert rows[2] == ("50% & more_", None, None, False)
    assert sheet["B4"].value == -2.0
    assert sheet["B4"].data_type == "n"
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.bold


def test_the_same_tables_give_the_same_bytes_at_another_time() -> None:
    first = workbook({"indicators": TABLE})
    # The archive's own stamps count in steps of two seconds; nothing but the clock must have moved.
    moved = time.monotonic() + 2.1
    while time.monotonic() < moved:
        workbook({"other": TABLE})
    assert workbook({"indicators": TABLE}) == first


def test_latex_escapes_and_leaves_the_missing_empty() -> None:
    text = latex(TABLE)
    assert r"50\% \& more\_" in text
    assert r"\toprule" in text
    assert "NaN" not in text
    assert "<NA>" not in text


@pytest.mark.parametrize("portals", [2, MIN_UNITS + 1])
def test_every_column_of_a_study_is_explained_in_both_languages(tmp_path: Path, portals: int) -> None:
    made = make_study(tmp_path / "study", portals=portals, waves=2)
    result = link(load_survey(made.answers, made.scale), str(made.store), study=load_study(made.study))
    tables = make_tables(result)
    explained = column_dictionary(tables)
    assert len(explained) == sum(len(table.columns) for table in tables.values())
    assert explained["meaning"].str.len().min() > 0
    assert explained["arti"].str.len().min() > 0
    write_tables({**tables, "columns": explained}, tmp_path / "tables")
    assert {path.suffix for path in (tmp_path / "tables").iterdir()} == {".csv", ".tex", ".xlsx"}
    book = openpyxl.load_workbook(tmp_path / "tables" / "tables.xlsx")
    assert set(book.sheetnames) == {*tables, "columns"}
