"""`gapwatch once`: one pass, for cron and for people."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gapwatch.commands.options import DEFAULT_CONFIG, ConfigOption

if TYPE_CHECKING:
    from gapwatch.config import Config, Job
    from gapwatch.once import Pass
    from gapwatch.outlets import PushTarget

EPILOG = """Exit codes: 0 all passed (degraded too), 1 a portal failed, was blocked or in maintenance, 2 configuration
or usage, 3 the probe's own trouble, 75 another run holds the lock. Where a portal failed and the probe had trouble
elsewhere, the code is 1: a failure is never hidden."""


class Format(StrEnum):
    """What stands on stdout."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("once", epilog=EPILOG)(once)


def once(  # noqa: PLR0917 - options of the command line, all given by name
    config: ConfigOption = DEFAULT_CONFIG,
    portal: Annotated[
        list[str] | None, typer.Option("--portal", "-p", metavar="NAME", help="Only this portal; may be repeated.")
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", "-s", metavar="NAME", help="Only this scenario; may be repeated.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to print on stdout.")] = Format.TABLE,
    textfile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the metrics for node_exporter, all at once.")
    ] = None,
    push: Annotated[str | None, typer.Option(metavar="URL", help="Push the metrics to this Pushgateway.")] = None,
    push_group: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A label of the group that is pushed (default: instance=LOCATION)."),
    ] = None,
    push_delete: Annotated[
        bool, typer.Option("--push-delete-on-success", help="Take the group away where all went well.")
    ] = False,
    lock: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The lock to hold (default: one for each configuration).")
    ] = None,
    retest: Annotated[
        bool, typer.Option("--retest", help="Try what failed once more; what then passes is flaky, and no failure.")
    ] = False,
    deadline: Annotated[
        str | None, typer.Option(metavar="D", help="End the whole call after this long, such as 90s or 5m.")
    ] = None,
) -> None:
    """Run what is selected once, keep and export the runs, print them, and end with a code that says how it went.

    Never two at once for the same lock, and never longer than the deadline.

    [bold]Cron[/bold]:     */10 * * * *  gapwatch once -c /etc/gapwatch.yaml --deadline 8m --textfile /srv/gapwatch.prom

    [bold]One look[/bold]: gapwatch once --portal demo --scenario search --format json
    """
    import asyncio
    import logging

    from gapwatch.config import load_config
    from gapwatch.lock import default_lock, hold
    from gapwatch.logs import set_up_logs

    seconds = _seconds(deadline)
    set_up_logs(logging.WARNING)
    loaded = load_config(config)
    jobs = loaded.select(portal or (), scenario or ())
    target = _target(push, push_group or [f"instance={loaded.location}"], push_delete)
    with hold(lock or default_lock(config)):
        result = asyncio.run(_pass(loaded, jobs, seconds, textfile, target, retests=retest))
    _print(result, format_)
    for trouble in result.trouble:
        print(f"gapwatch: {trouble}", file=sys.stderr)
    raise typer.Exit(int(result.exit_code))


def _seconds(text: str | None) -> float | None:
    from scenarios.model import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--deadline") from None
    if seconds is not None and (not isinstance(seconds, float) or seconds <= 0):
        raise typer.BadParameter("must be more than nothing", param_hint="--deadline")
    return seconds


def _target(url: str | None, groups: list[str], delete_on_success: bool) -> PushTarget | None:
    from gapwatch.outlets import PushTarget

    if url is None:
        if delete_on_success:
            raise typer.BadParameter("goes with --push", param_hint="--push-delete-on-success")
        return None
    grouping = {}
    for group in groups:
        name, separator, value = group.partition("=")
        if not separator or not name or not value:
            raise typer.BadParameter(f"{group[:60]!r} is not NAME=VALUE", param_hint="--push-group")
        grouping[name] = value
    return PushTarget(url, grouping, delete_on_success)


async def _pass(
    config: Config,
    jobs: tuple[Job, ...],
    seconds: float | None,
    textfile: Path | None,
    push: PushTarget | None,
    *,
    retests: bool,
) -> Pass:
    from gapwatch.once import run_pass
    from gapwatch.outlets import Outlets
    from gapwatch.progress import Progress
    from gapwatch.slo import bounds

    def open_outlets() -> Outlets:
        keep = [(job.portal.name, job.scenario) for job in config.jobs]
        return Outlets(config.store_url, textfile=textfile, pushgateway=push, objectives=bounds(jobs), keep=keep)

    with Progress(len(jobs)) as progress:
        return await run_pass(
            config, jobs, open_outlets=open_outlets, progress=progress, deadline_seconds=seconds, retests=retests
        )


def _print(result: Pass, format_: Format) -> None:
    if format_ is Format.JSON:
        import json

        print(json.dumps(result.as_dict(), ensure_ascii=False, indent=2))
    elif format_ is Format.JUNIT:
        from exporters.junit import junit_xml

        print(junit_xml(result.runs).decode("utf-8"))
    else:
        from gapwatch.tables import print_runs

        print_runs(result.runs)
