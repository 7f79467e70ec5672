"""Survey files as rows of text: CSV in its dialects and XLSX, streamed, with the line each row stands in."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from egovqual_link.instrument import Text
from scenarios.source import InputError, Problem, nearest

#: A million answers to 42 questions are some 100 MB; a gigabyte is an accident or an attack.
MAX_BYTES: Final = 1_000_000_000
MAX_COLUMNS: Final = 2_000
MAX_ROWS: Final = 5_000_000
CHUNK: Final = 10_000
#: Line and cells of each row; closing it closes the file.
Rows = Generator[tuple[int, list[str]], None, None]
SEPARATORS: Final = (",", ";", "\t", "|")


@dataclass
class Grid:
    """A header and its rows. `rows` can be read once; lines count from 1, as editors and Excel show them."""

    source: str
    header: list[str]
    header_line: int
    rows: Rows
    notes: list[Text] = field(default_factory=list)
    blank_lines: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the file, read to its end or not."""
        self.rows.close()

    def chunks(self) -> Iterator[tuple[list[int], list[list[str]]]]:
        """Lines and cells of up to CHUNK rows at a time; blank rows are left out and noted.

        Raises:
            InputError: a row with more cells than the header, undecodable text, too many rows.
        """
        total = 0
        while taken := list(islice(self.rows, CHUNK)):
            total += len(taken)
            if total > MAX_ROWS:
                raise _error(self.source, None, f"has more than {MAX_ROWS:,} rows", "split it")
            kept = [(line, cells) for line, cells in taken if any(cells)]
            self.blank_lines += [line for line, cells in taken if not any(cells)]
            yield [line for line, _ in kept], self._even(kept)

    def _even(self, rows: list[tuple[int, list[str]]]) -> list[list[str]]:
        width = len(self.header)
        wrong = [
            Problem(
                self.source,
                line,
                f"has {len(cells)} cells, the header {width}",
                "a separator inside a text? put the text in quotes",
            )
            for line, cells in rows
            if len(cells) < width or any(cells[width:])
        ]
        if wrong:
            raise InputError(wrong[:100])
        return [cells if len(cells) == width else cells[:width] for _, cells in rows]


def _error(source: str, line: int | None, message: str, hint: str | None = None) -> InputError:
    return InputError([Problem(source, line, message, hint)])


def open_grid(
    path: Path, *, encoding: str | None = None, separator: str | None = None, sheet: str | None = None
) -> Grid:
    """The survey file at `path`, CSV or XLSX as its content says.

    Raises:
        InputError: missing, empty, too large, not text, no header, or a workbook that cannot be opened.
    """
    source = str(path)
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise _error(source, None, "is a folder, not a file", "name the file inside it")
        with path.open("rb") as file:
            start = file.read(4096)
    except FileNotFoundError:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise _error(source, None, "no such file", nearest(path.name, names) if len(names) < 1000 else None) from None
    except OSError as error:
        raise _error(source, None, error.strerror or "may not be read", "check its permissions") from None
    if size > MAX_BYTES:
        raise _error(source, None, f"is larger than {MAX_BYTES:,} bytes", "is it the right file?")
    if not start.strip():
        raise _error(source, 1, "is empty", "export the answers again; the first row names the columns")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _open_workbook(path, source, sheet)
    return _open_csv(path, source, start, encoding, separator)


# --- CSV


def _open_csv(path: Path, source: str, start: bytes, encoding: str | None, separator: str | None) -> Grid:
    notes: list[Text] = []
    if encoding is None:
        encoding = "utf-8-sig"
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            encoding = "utf-16"
            notes.append(
                Text(
                    en="read as UTF-16, as its byte-order mark says",
                    id="dibaca sebagai UTF-16 sesuai tanda urutan bita",
                )
            )
        elif b"\x00" in start:
            raise _error(source, None, "is not text", "give a CSV or XLSX file of answers")
    else:
        notes.append(
            Text(
                en=f"read as {encoding}, as the mapping file says",
                id=f"dibaca sebagai {encoding} sesuai berkas pemetaan",
            )
        )
    if start.lstrip()[:1] == b"<":
        raise _error(source, 1, "is a web page or XML, not a table", "download the answers as CSV or XLSX")
    try:
        file = path.open(encoding=encoding, newline="")
    except LookupError:
        raise _error(source, None, f"unknown encoding {encoding!r}", "such as utf-8 or cp1252") from None
    rows = _csv_rows(file, source, encoding, separator)
    try:
        line, header = next(((line, cells) for line, cells in rows if any(cells)), (0, []))
    except InputError:
        file.close()
        raise
    if not header:
        raise _error(source, 1, "is empty", "export the answers again; the first row names the columns")
    return _grid(source, header, line, rows, notes)


def _csv_rows(file: io.TextIOWrapper, source: str, encoding: str, separator: str | None) -> Rows:
    line = 0
    with file:
        try:
            if separator is None:
                separator = _separator(file)
            # `line` is where a row begins: quoted answers may hold line breaks.
            reader = csv.reader(file, delimiter=separator, strict=True)
            for cells in reader:
                yield line + 1, cells
                line = reader.line_num
        except UnicodeDecodeError as error:
            raise _not_decodable(Path(file.name), source, encoding, error) from None
        except csv.Error as error:
            hint = "is a quotation mark left open?" if "EOF" in str(error) or "expected" in str(error) else None
            raise _error(source, line + 1, f"is not CSV: {error}", hint) from None


def _separator(file: io.TextIOWrapper) -> str:
    start = file.read(200_000)
    file.seek(0)
    widths = {}
    for separator in SEPARATORS:
        rows = csv.reader(io.StringIO(start, newline=""), delimiter=separator)
        widths[separator] = len(next((cells for cells in rows if any(cells)), []))
    return max(SEPARATORS, key=lambda separator: widths[separator])


def _not_decodable(path: Path, source: str, encoding: str, error: UnicodeDecodeError) -> InputError:
    line = None
    if encoding == "utf-8-sig":
        # The decoder works in blocks and knows no place in the file, so it is looked for here.
        with path.open("rb") as raw:
            for number, text in enumerate(raw, 1):
                try:
                    text.decode("utf-8")
                except UnicodeDecodeError:
                    line = number
                    break
    wrong = error.object[error.start : error.start + 1]
    return _error(
        source,
        line,
        f"is not {'UTF-8' if encoding == 'utf-8-sig' else encoding} text (byte 0x{wrong.hex()})",
        "save it as `CSV UTF-8`, or name its encoding in a mapping file, such as `encoding: cp1252`",
    )


# --- workbooks


def _open_workbook(path: Path, source: str, sheet: str | None) -> Grid:
    import python_calamine as calamine

    _refuse_bombs(path, source)
    try:
        book = calamine.CalamineWorkbook.from_path(path)
    except calamine.PasswordError:
        raise _error(source, None, "is protected by a password", "save a copy without one") from None
    except (calamine.CalamineError, OSError) as error:
        message = "is not a workbook that can be read"
        raise _error(source, None, f"{message}: {str(error)[:100]}", "save it as .xlsx or CSV") from None
    names = [each.name for each in book.sheets_metadata if each.typ == calamine.SheetTypeEnum.WorkSheet]
    if not names:
        raise _error(source, None, "has no sheet with cells", "save the answers as .xlsx or CSV")
    if sheet is not None and sheet not in names:
        raise _error(source, None, f"has no sheet {sheet!r}", nearest(sheet, names))
    chosen = sheet or names[0]
    notes = []
    if sheet is None and len(names) > 1:
        others = ", ".join(names[1:])[:200]
        notes.append(
            Text(
                en=f"sheet {chosen[:60]!r} was read; not read: {others}",
                id=f"lembar {chosen[:60]!r} dibaca; tidak dibaca: {others}",
            )
        )
    worksheet = book.get_sheet_by_name(chosen)
    source = f"{source}[{chosen}]"
    # Calamine leaves out empty rows before the first cell, but tells where that cell stands.
    first = worksheet.start[0] if worksheet.start else 0
    table = worksheet.to_python(skip_empty_area=True)
    rows = ((first + number, [_cell(each) for each in cells]) for number, cells in enumerate(table, 1))
    line, header = next(((line, cells) for line, cells in rows if any(cells)), (0, []))
    if not header:
        raise _error(source, 1, "is empty", "is it the right sheet? name it in a mapping file (`sheet:`)")
    merged = _merged(worksheet, line)
    if merged:
        raise _error(source, line, f"has merged cells in its header ({merged})", "unmerge them; one name a column")
    return _grid(source, header, line, rows, notes)


def _refuse_bombs(path: Path, source: str) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
            raise _error(source, None, f"unpacks to more than {MAX_BYTES:,} bytes", "is it the right file?")


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return "" if value is None else str(value).strip()


def _merged(worksheet: Any, line: int) -> str | None:
    for (top, left), (bottom, right) in worksheet.merged_cell_ranges or []:
        if top <= line - 1 <= bottom:
            return f"columns {left + 1} to {right + 1}"
    return None


def _grid(source: str, header: list[str], line: int, rows: Rows, notes: list[Text]) -> Grid:
    if len(header) > MAX_COLUMNS:
        rows.close()
        raise _error(source, line, f"has {len(header):,} columns", "is it the right file?")
    header = [name.strip() for name in header]
    while header and not header[-1]:
        header = header[:-1]
    return Grid(source, header, line, rows, notes)
