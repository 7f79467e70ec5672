"""`gapwatch doctor`: is this machine fit for the job, and if not, what is to be done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Exit codes: 0 fit (warnings are told), 2 a bad configuration, 3 not fit.")(doctor)


def doctor(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Look at this configuration's store and browsers too."),
    ] = None,
) -> None:
    """Look at Python, packages, browsers, processor, folders, store, clock and time zones; say what to do.

    [bold]Example[/bold]:  gapwatch doctor --config config.yaml
    """
    from gapwatch.config import load_config
    from gapwatch.doctor import examine
    from gapwatch.exits import ExitCode

    checks = examine(load_config(config) if config else None)
    for check in checks:
        print(f"{check.level:<4}  {check.what}: {check.found}" + (f" ({check.remedy})" if check.remedy else ""))
    failed = sum(check.level == "fail" for check in checks)
    warned = sum(check.level == "warn" for check in checks)
    print(f"{len(checks)} checks, {failed} failed, {warned} with a warning")
    raise typer.Exit(int(ExitCode.OWN if failed else ExitCode.OK))
