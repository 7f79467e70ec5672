"""`gapwatch export`: the store as tidy tables for research."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export", epilog="Exit codes: 0 written, 2 the store or the folder cannot be used.")(export)


def export(
    store: Annotated[str, typer.Option("--store", metavar="URL", help="The store: its URL, or the path of its file.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the tables go.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only runs from here on: 2026-11-01 or a full time.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Only runs up to here; a day is whole.")
    ] = None,
) -> None:
    """Write runs, steps, pages, findings and the rest as Parquet and CSV, with a dictionary of their columns.

    [bold]Example[/bold]:  gapwatch export --store sqlite:///var/gapwatch.db --out tables
    """
    from exporters.tables import export_tables

    since, until = _moment("--from", from_), _moment("--to", to, end=True)
    done = export_tables(existing_store(store), out, since=since, until=until)
    for name, rows in done.rows.items():
        print(f"{name}: {rows} rows")
    print(f"wrote {len(done.files)} files to {out}")


def _moment(option: str, text: str | None, *, end: bool = False) -> datetime | None:
    from egovqual_link.windows import parse_moment
    from scenarios.source import InputError, Problem

    try:
        return parse_moment(text, end=end) if text is not None else None
    except InputError as error:
        raise InputError([Problem(option, None, each.message, each.hint) for each in error.problems]) from None


def existing_store(url: str) -> str:
    """`url` when it names a store that is there, since reading must not make an empty one; InputError otherwise."""
    from scenarios.source import InputError, Problem

    path = url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else url
    if "://" not in path and not Path(path).is_file():
        raise InputError([Problem(url, None, "no such store", "give the `store` of your configuration")])
    return url
