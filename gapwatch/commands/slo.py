"""`gapwatch slo`: the objectives of a configuration for those who watch them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gapwatch.commands.options import DEFAULT_CONFIG, ConfigOption


class What(StrEnum):
    """What is written."""

    RULES = "rules"
    OPENSLO = "openslo"
    BUDGET = "budget"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("slo", epilog="Exit codes: 0 done, 2 the configuration or the place of the output cannot be used.")(slo)


def slo(
    what: Annotated[What, typer.Argument(help="rules: for Prometheus; openslo: OpenSLO v1; budget: what is left.")],
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there, all at once (default: print).")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where people reach the status page; alerts of `rules` link to it."),
    ] = None,
) -> None:
    """Write the objectives of a configuration: alert and recording rules for Prometheus, or OpenSLO documents.

    `budget` prints how much of each error budget is left, by the store.

    [bold]Prometheus[/bold]: gapwatch slo rules -c config.yaml --out /etc/prometheus/gapwatch.rules.yml

    [bold]OpenSLO[/bold]:    gapwatch slo openslo -c config.yaml

    [bold]Budgets[/bold]:    gapwatch slo budget -c config.yaml
    """
    from gapwatch.config import load_config
    from gapwatch.openslo import openslo
    from gapwatch.slo_rules import rule_file

    loaded = load_config(config)
    if what is What.RULES:
        text = rule_file(loaded, url=url)
    elif what is What.OPENSLO:
        text = openslo(loaded)
    else:
        text = _budget(loaded)
    if out is None:
        print(text, end="")
    else:
        from exporters.files import write_atomically

        write_atomically(out, text.encode("utf-8"))


def _budget(config: object) -> str:
    from datetime import UTC, datetime

    from exporters.store import Store
    from gapwatch.config import Config
    from gapwatch.slo import budgets
    from gapwatch.slo_rules import duration

    assert isinstance(config, Config)
    rows = [("portal", "scenario", "objective", "promised", "window", "good", "bad", "budget left")]
    windows = {(job.portal.name, job.scenario): job.objectives.window_seconds for job in config.jobs}
    with Store.open(config.store_url, read_only=True) as store:
        for each in budgets(store, config.jobs, datetime.now(UTC)):
            left = "no run" if each.remaining is None else f"{each.remaining:.1%}"
            window = duration(windows[each.portal, each.scenario])
            counts = (str(each.good), str(each.bad))
            rows.append((each.portal, each.scenario, each.sli, f"{each.target:.6g}", window, *counts, left))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )
