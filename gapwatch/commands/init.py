"""`gapwatch init`: write a commented configuration to start from; never over an existing file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init", epilog="Exit codes: 0 written, 2 the file exists, cannot be written, or the URL is none.")(init)


def init(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to write it (default: config.yaml).")
    ] = None,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="The portal's address; its host gives the portal's name.")
    ] = "http://127.0.0.1:8090",
    study: Annotated[
        bool, typer.Option("--study", help="Write a commented study file instead (default: study.yaml).")
    ] = False,
) -> None:
    """Write a commented configuration for one portal, or a study file; an existing file is never overwritten.

    [bold]Example[/bold]:  gapwatch init --url https://portal.example.go.id my.yaml

    [bold]Study[/bold]:    gapwatch init --study study.yaml
    """
    from gapwatch.template import write_config, write_study

    if study:
        file = file or Path("study.yaml")
        write_study(file)
        print(f"wrote {file}; fill it in before looking, then: gapwatch link --study {file} ...")
        return
    file = file or Path("config.yaml")
    write_config(file, url)
    print(f"wrote {file}; now: gapwatch check --config {file}")
