"""`gapwatch study plan`: how many portals, respondents and days of probing a study needs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gapwatch.commands.options import Language, LanguageOption
from gapwatch.commands.survey import Format


class Question(StrEnum):
    """What a size is asked for."""

    CORRELATION = "correlation"
    GAP = "gap"
    LATENCY = "latency"
    AVAILABILITY = "availability"


def register(study: typer.Typer) -> None:
    """Add the command to `gapwatch study`."""
    study.command("plan", epilog="Exit codes: 0 done, 2 an assumption that no study can have.")(plan)


def _option(help_: str, panel: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(help=help_, rich_help_panel=panel)
    return option


_CORRELATION, _GAP, _LATENCY, _AVAILABILITY = "A correlation", "A gap", "A p75 of waits", "Availability"


def plan(  # noqa: PLR0917 - options of the command line, all given by name
    about: Annotated[
        list[Question] | None, typer.Option("--about", help="Only this question; may be repeated. Default: all.")
    ] = None,
    correlation: Annotated[float, _option("True rank correlation.", _CORRELATION)] = 0.5,
    correlation_half_width: Annotated[float, _option("Wanted: plus or minus this.", _CORRELATION)] = 0.2,
    waves: Annotated[int, _option("Waves of each portal; from 2 on also within portals.", _CORRELATION)] = 1,
    gap: Annotated[float, _option("True gap, in points of the scale.", _GAP)] = 0.3,
    gap_sd: Annotated[float, _option("Standard deviation of one person's gap.", _GAP)] = 1.0,
    gap_half_width: Annotated[float, _option("Wanted: plus or minus so many points.", _GAP)] = 0.15,
    design_effect: Annotated[float, _option("Variance against a simple random sample.", _GAP)] = 1.0,
    cluster_size: Annotated[int, _option("Respondents of one group, for a design effect above 1.", _GAP)] = 20,
    latency_half_width: Annotated[float, _option("Wanted: plus or minus this share of the p75.", _LATENCY)] = 0.1,
    latency_sd: Annotated[float, _option("Standard deviation of log waits within a day.", _LATENCY)] = 0.5,
    day_sd: Annotated[float, _option("Standard deviation of log waits between days.", _LATENCY)] = 0.15,
    day_correlation: Annotated[float, _option("Correlation of neighbouring days.", _LATENCY)] = 0.5,
    availability: Annotated[float, _option("True availability, a share.", _AVAILABILITY)] = 0.99,
    availability_half_width: Annotated[float, _option("Wanted: plus or minus this.", _AVAILABILITY)] = 0.005,
    outage_checks: Annotated[float, _option("Checks that an outage lasts.", _AVAILABILITY)] = 3.0,
    runs_per_day: Annotated[int, typer.Option(help="Runs or checks a day.")] = 96,
    power: Annotated[float, typer.Option(help="Wanted chance of finding what is there.")] = 0.8,
    level: Annotated[float, typer.Option(help="Level of intervals and tests.")] = 0.95,
    sims: Annotated[int, typer.Option(help="Simulated data sets for each size tried.")] = 2000,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulation.")] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to print on stdout.")] = Format.TABLE,
    lang: LanguageOption = Language.EN,
) -> None:
    """How large a study must be, by formula and by simulation, with every assumption printed.

    [bold]Everything[/bold]:   gapwatch study plan

    [bold]A study[/bold]:      gapwatch study plan --about correlation --correlation 0.6 --waves 3

    [bold]A survey[/bold]:     gapwatch study plan --about gap --gap 0.2 --gap-sd 0.9 --design-effect 1.5
    """
    from egovqual_link.plan import Assumptions, to_json
    from egovqual_link.plan import plan as make_plan
    from egovqual_link.quantiles import SEED
    from gapwatch.plans import Spinner, print_plan

    given = {name: value for name, value in locals().items() if name in Assumptions.__dataclass_fields__}
    assumptions = Assumptions(**given | {"seed": SEED if seed is None else seed})
    assumptions.check()
    with Spinner(lang.value) as spinner:
        chosen = [each.value for each in about or Question]
        answers = make_plan(assumptions, chosen, spinner.tell)  # type: ignore[arg-type]  # the same words
    if format_ is Format.JSON:
        print(to_json(assumptions, answers))
    else:
        print_plan(answers, lang.value)
