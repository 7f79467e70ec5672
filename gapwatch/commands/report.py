"""`gapwatch report`: a report made again from its bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gapwatch.commands.options import Language, LanguageOption
from gapwatch.exits import ExitCode


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = "Exit codes: 0 the same to the byte, 1 something differs, 2 the bundle cannot be used."
    app.command("report", epilog=epilog)(report)


def report(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A zip file that `gapwatch link --bundle` wrote.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the report here.")],
    lang: LanguageOption = Language.EN,
) -> None:
    """Work an analysis out again from its bundle, write its report, and say whether it is the same to the byte.

    Nothing but the bundle is read: survey, study and runs are in it, each checked against its SHA-256.

    [bold]Example[/bold]:  gapwatch report study.zip --out report
    """
    from egovqual_link.bundle import rebuild
    from egovqual_link.refusals import told_in
    from gapwatch.survey_files import make_folder
    from scenarios.source import InputError, Problem

    make_folder(out)
    try:
        with told_in(lang.value):
            found = rebuild(bundle, out)
    except OSError as error:
        where = str(error.filename or out)
        raise InputError([Problem(where, None, f"cannot be written: {error.strerror}", "name another place")]) from None
    same, count = len(found.same), len(found.same) + len(found.different)
    indonesian = lang is Language.ID
    if indonesian:
        print(f"{same} dari {count} berkas laporan sama persis: {found.page}")
    else:
        print(f"{same} of {count} files of the report are the same to the byte: {found.page}")
    if not found.different:
        return
    print(("Berbeda: " if indonesian else "Different: ") + ", ".join(found.different[:12]))
    for name, (then, now) in sorted(found.other_versions.items()):
        print(f"  {name}: {then} → {now}")
    raise typer.Exit(ExitCode.PORTAL)
