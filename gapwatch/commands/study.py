"""`gapwatch study`: help around a study: how large it must be, and an example whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gapwatch.commands import study_plan

study = typer.Typer(
    no_args_is_help=True,
    help="Plan a study, or look at one whose truth is known.\n\n"
    "[bold]Example[/bold]:  gapwatch study example --out DIR",
    epilog="Exit codes: 0 done, 2 an option or the folder cannot be used.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(study, name="study")


@study.command("example", epilog="Exit codes: 0 written, 2 the folder cannot be used or holds such files already.")
def example(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")],
    portals: Annotated[int, typer.Option("--portals", min=2, max=200, help="How many portals.")] = 12,
    waves: Annotated[int, typer.Option("--waves", min=1, max=12, help="How many waves of each.")] = 3,
    seed: Annotated[int | None, typer.Option("--seed", help="Another seed gives another study.")] = None,
) -> None:
    """Write a synthetic study with a known true relation: answers, store, study file and README.

    Nobody answered and no portal was probed; every file says so.

    [bold]Example[/bold]:  gapwatch study example --out /tmp/synthetic
    """
    from egovqual_link.synthetic import SEED, make_study

    made = make_study(out, portals, waves, SEED if seed is None else seed)
    for path in (made.answers, made.store, made.study, made.truth, made.readme):
        print(path)
    print(f"now: gapwatch link --survey {made.answers} --scale {made.scale} --store {made.store} --study {made.study}")


study_plan.register(study)
