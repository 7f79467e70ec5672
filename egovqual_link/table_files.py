"""Tables as files for other programs: CSV, one XLSX workbook, LaTeX; the same bytes for the same tables."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

#: Cells that a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: Files carry this date, so that the day on which they were written changes no byte.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_WIDEST: Final = 60


def neutral(table: pd.DataFrame) -> pd.DataFrame:
    """The table with text cells that begin like a formula put behind an apostrophe."""

    def cell(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    return table.map(cell)


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """NAME.csv and NAME.tex for each table, and tables.xlsx with a sheet for each.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        neutral(table).to_csv(folder / f"{name}.csv", index=False)
        (folder / f"{name}.tex").write_text(latex(table), "utf-8")
    (folder / "tables.xlsx").write_bytes(workbook(tables))


def latex(table: pd.DataFrame) -> str:
    """The table for the packages booktabs and longtable; text is escaped, a missing value is an empty cell."""
    named = table.rename(columns=str)
    return str(named.to_latex(index=False, escape=True, na_rep="", longtable=True, float_format="%.6g"))


def workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """An XLSX workbook: numbers stay numbers, the header is bold and does not scroll away."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    book.remove(book.active)  # a new workbook has one sheet
    for name, table in tables.items():
        sheet = book.create_sheet(name[:31])
        sheet.append([str(column) for column in table.columns])
        for row in neutral(table).itertuples(index=False):
            sheet.append([_plain(value) for value in row])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for cells in sheet.iter_cols(max_row=50):
            longest = max(len(str(cell.value)) if cell.value is not None else 0 for cell in cells)
            sheet.column_dimensions[cells[0].column_letter].width = min(_WIDEST, longest + 2)
    book.properties.created = book.properties.modified = datetime(*_DATE)  # noqa: DTZ001 - XLSX keeps no zone
    saved = io.BytesIO()
    book.save(saved)
    return _undated(saved.getvalue())


def _plain(value: Any) -> Any:
    """What a cell can hold: a missing value is an empty cell, anything unusual its text."""
    if value is None or (not isinstance(value, (str, bool)) and pd.isna(value)):
        return None
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _undated(archive: bytes) -> bytes:
    """The same archive without the time at which it was made."""
    fresh = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(fresh, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                # The library stamps the time of saving over the one that was set.
                start, _, rest = data.partition(b"<dcterms:modified")
                inside, _, end = rest.partition(b"</dcterms:modified>")
                data = (
                    start
                    + b"<dcterms:modified"
                    + inside.partition(b">")[0]
                    + b">1980-01-01T00:00:00Z"
                    + (b"</dcterms:modified>" + end)
                )
            target.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED)
    return fresh.getvalue()
