"""`gapwatch compare`: two portals, stretches of time, places or browsers, indicator by indicator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gapwatch.commands.options import Language, LanguageOption
from gapwatch.commands.survey import Format


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", epilog="Exit codes: 0 done, 2 the store or a side cannot be used.")(compare)


def compare(  # noqa: PLR0917 - options of the command line, all given by name
    store: Annotated[str, typer.Option("--store", metavar="URL", help="The store: its URL, or the path of its file.")],
    left: Annotated[
        str,
        typer.Option(
            "--left", metavar="SIDE", help="KEY=VALUE,… with portal, from, to, location, browser, device; or a portal."
        ),
    ],
    right: Annotated[
        str, typer.Option("--right", metavar="SIDE", help="The same; what it leaves open is as on the left.")
    ],
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help="Where days begin and end.")
    ] = "Asia/Jakarta",
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to print on stdout.")] = Format.TABLE,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write page, figure, tables and JSON here.")
    ] = None,
    lang: LanguageOption = Language.EN,
) -> None:
    """Say what differs between two sides of the store, how surely, and what cannot be told.

    Differences are right minus left. Nothing is said with an interval that too few days cannot carry.

    [bold]Two portals[/bold]:   gapwatch compare --store var/gapwatch.db --left portal=old --right portal=new

    [bold]Two weeks[/bold]:     gapwatch compare --store var/gapwatch.db
    --left portal=oss,from=2026-11-02,to=2026-11-08 --right from=2026-11-09,to=2026-11-15

    [bold]Two browsers[/bold]:  gapwatch compare --store var/gapwatch.db
    --left portal=oss,browser=chromium --right browser=firefox
    """
    from egovqual_link.compare import compare as compare_sides
    from egovqual_link.sides import parse_sides
    from gapwatch.comparisons import print_comparison, write_comparison

    sides = parse_sides(left, right)
    result = compare_sides(store, *sides, time_zone=time_zone)
    if out is not None:
        write_comparison(result, out)
    if format_ is Format.JSON:
        print(result.to_json())
    else:
        print_comparison(result, lang.value)
