"""`gapwatch trace`: look at what the browser did in a run that failed."""

from __future__ import annotations

from typing import Annotated

import typer

from gapwatch.commands.options import DEFAULT_CONFIG, ConfigOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trace", epilog="Exit codes: 0 shown, 2 no such run, or no trace of it is kept.")(trace)


def trace(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as the status page and the API give it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    path_only: Annotated[bool, typer.Option("--path", help="Print where the trace is, and open nothing.")] = False,
) -> None:
    """Open the trace of a run in Playwright's viewer: each action, each request, with its times.

    [bold]Example[/bold]:  gapwatch trace 20261124T052334Z-b1b8803f57 --config config.yaml
    """
    import subprocess

    from playwright._impl._driver import compute_driver_executable, get_driver_env

    from exporters.store import Store, StoreError
    from gapwatch.config import load_config
    from gapwatch.evidence import NAME
    from scenarios.source import InputError, Problem

    loaded = load_config(config)
    try:
        with Store.open(loaded.store_url, read_only=True) as store:
            found = store.get(run)
    except StoreError as error:
        raise InputError([Problem(error.where, None, error.reason, error.remedy)]) from None
    if found is None:
        raise InputError([Problem(run[:80], None, "the store has no such run", "see /api/v1/runs for ids")])
    name = found.evidence.trace if found.evidence else None
    path = loaded.evidence_dir / name if name and NAME.fullmatch(name) else None
    if path is None or not path.is_file():
        reason = "no trace was kept: only failures have one" if name is None else "its trace has been pruned"
        raise InputError([Problem(run, None, reason)])
    if path_only:
        print(path)
        return
    program = compute_driver_executable()
    command = [str(each) for each in (program if isinstance(program, tuple) else (program,))]
    raise typer.Exit(subprocess.call([*command, "show-trace", str(path)], env=get_driver_env()))  # noqa: S603 - our own program
