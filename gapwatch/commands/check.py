"""`gapwatch check`: say whether a configuration can be run, and everything that is wrong with it."""

from __future__ import annotations

import typer

from gapwatch.commands.options import DEFAULT_CONFIG, ConfigOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check", epilog="Exit codes: 0 it can be run, 2 it cannot.")(check)


def check(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Validate a configuration and the flow files it names; list every problem with file and line.

    Nothing is started and nothing is written.

    [bold]Example[/bold]:  gapwatch check --config config.yaml
    """
    from gapwatch.config import load_config

    loaded = load_config(config)
    portals, jobs = len(loaded.portals), len(loaded.jobs)
    print(f"{config}: good: {portals} portal{'s' * (portals != 1)}, {jobs} job{'s' * (jobs != 1)}")
    for job in loaded.jobs:
        limit = "" if job.portal.allow_submit or not job.flow.scenario.submits else ", stops before the submit"
        print(f"  {job.id}: {job.schedule}, deadline {job.deadline_seconds:g} s{limit}")
