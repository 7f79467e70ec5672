"""`gapwatch survey`: what a survey says by itself: scores, gaps, and importance beside performance."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gapwatch.commands.options import Language, LanguageOption


class Format(StrEnum):
    """What stands on stdout."""

    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("survey", epilog="Exit codes: 0 done, 2 the file is no survey, or contradicts itself.")(survey)


def survey(  # noqa: PLR0917 - options of the command line, all given by name
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Answers (CSV, XLSX) or a published table (YAML, CSV).")],
    scale: Annotated[
        str | None, typer.Option(metavar="LOW-HIGH", help="The answer scale, such as 1-6; it is never guessed.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Which column is which item, where the names do not say it.")
    ] = None,
    population: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="Size of the population, for the sample size.")
    ] = None,
    half_width: Annotated[
        float,
        typer.Option(min=0.001, max=100, metavar="POINTS", help="How near a gap should be known, for the sample size."),
    ] = 0.1,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Print every table, not only the main ones.")] = False,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to print on stdout.")] = Format.TABLE,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write all tables (CSV), their dictionary and figures here.")
    ] = None,
    lang: LanguageOption = Language.EN,
) -> None:
    """Score a survey: gaps with tests, quadrants with probabilities, reliability, and what the flagged change.

    Raw answers need their scale. A published table is checked against itself: what was printed must add up.

    [bold]Answers[/bold]:  gapwatch survey answers.csv --scale 1-6 --out scores

    [bold]Printed[/bold]:  gapwatch survey table.yaml --lang id
    """
    from egovqual_link.load import load_source
    from egovqual_link.refusals import told_in
    from egovqual_link.survey_tables import survey_tables
    from gapwatch.survey_files import survey_json, write_survey
    from gapwatch.survey_print import print_survey

    with told_in(lang.value):
        source = load_source(file, scale, mapping)
    tables = survey_tables(source, population=population, half_width=half_width)
    if out is not None:
        write_survey(source, tables, out)
    if format_ is Format.JSON:
        print(survey_json(source, tables))
    else:
        print_survey(source, tables, lang.value, everything=everything)
