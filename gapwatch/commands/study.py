"""`gapwatch study`: help around a study: how large it must be."""

from __future__ import annotations

import typer

from gapwatch.commands import study_plan

study = typer.Typer(
    no_args_is_help=True,
    help="Plan a study, or look at one whose truth is known.\n\n[bold]Example[/bold]:  gapwatch study plan",
    epilog="Exit codes: 0 done, 2 an option or the folder cannot be used.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(study, name="study")


study_plan.register(study)
