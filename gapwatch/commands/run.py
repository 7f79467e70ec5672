"""`gapwatch run`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from gapwatch.commands.options import DEFAULT_CONFIG, ConfigOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", epilog="Exit codes: 0 ended by SIGTERM or Ctrl-C, 2 it could not start.")(run)


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more, for finding out why.")] = False,
) -> None:
    """Probe on schedule, with /metrics, a status page and an API, until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again; a bad one is told and changes nothing.

    [bold]Example[/bold]:  gapwatch run --config config.yaml
    """
    import asyncio
    import logging

    from gapwatch.daemon import run_daemon
    from gapwatch.logs import set_up_logs

    formatter = set_up_logs(logging.DEBUG if verbose else logging.INFO)
    asyncio.run(run_daemon(config, formatter))
