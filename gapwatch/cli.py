"""The command line: one small module a command, one place where every error becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gapwatch.commands import (
    check,
    compare,
    demo,
    doctor,
    export,
    init,
    link,
    once,
    report,
    run,
    slo,
    study,
    survey,
    trace,
)
from gapwatch.exits import ExitCode, LockedError, OwnTroubleError

app = typer.Typer(
    name="gapwatch",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all well, 1 a portal failed, 2 configuration or usage, 3 own trouble, 75 locked.",
)
_COMMANDS = (demo, run, once, check, survey, link, report, compare, study, export, slo, trace, doctor, init)
for _module in _COMMANDS:
    _module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from gapwatch.version import version

        print(f"gapwatch {version()}")
        raise typer.Exit


@app.callback()
def _options(
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error of the tool itself.")] = False,
) -> None:
    """Watch public-service portals as a citizen meets them, and set what is measured beside what citizens say.

    [bold]First look[/bold]:   gapwatch demo

    [bold]Operations[/bold]:   gapwatch run --config config.yaml

    [bold]Cron[/bold]:         gapwatch once --config config.yaml --textfile /var/lib/node_exporter/gapwatch.prom

    [bold]Research[/bold]:     gapwatch link --survey answers.csv --store sqlite:///var/gapwatch.db --out report
    """
    if debug:
        os.environ["GAPWATCH_DEBUG"] = "1"


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        app()
    except KeyboardInterrupt:
        _say("interrupted")
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.OK
    except Exception as error:
        code = _tell(error)
    else:
        code = ExitCode.OK
    sys.exit(code)


def _tell(error: Exception) -> ExitCode:
    """One line a problem on stderr, and the exit code that goes with it."""
    from scenarios.source import InputError

    if os.environ.get("GAPWATCH_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, InputError):
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return ExitCode.INPUT
    if isinstance(error, LockedError):
        _say(str(error))
        return ExitCode.LOCKED
    if isinstance(error, OwnTroubleError):
        _say(str(error))
        return ExitCode.OWN
    return _tell_foreign(error)


def _tell_foreign(error: Exception) -> ExitCode:
    """Errors that come from below, and those that nobody expected."""
    from exporters.files import WriteError
    from exporters.store_errors import StoreError

    if isinstance(error, StoreError | WriteError):
        where = error.where if isinstance(error, StoreError) else error.path
        print(f"{where}: {error.reason} ({error.remedy})", file=sys.stderr)
        return ExitCode.INPUT
    first_line = (str(error).strip().splitlines() or [""])[0][:500]
    _say(f"internal error: {type(error).__name__}: {first_line} (gapwatch --debug … shows where)")
    return ExitCode.OWN


def _say(message: str) -> None:
    print(f"gapwatch: {message}", file=sys.stderr)
