"""`gapwatch link`: what was measured beside what citizens say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gapwatch.commands.options import Language, LanguageOption
from gapwatch.commands.survey import Format


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("link", epilog="Exit codes: 0 done, 2 survey, store, study or dates cannot be used.")(link)


def link(  # noqa: PLR0917 - options of the command line, all given by name
    survey: Annotated[Path, typer.Option("--survey", metavar="FILE", help="Answers or a published table.")],
    store: Annotated[str, typer.Option("--store", metavar="URL", help="The store: its URL, or the path of its file.")],
    portal: Annotated[
        list[str] | None, typer.Option("--portal", "-p", metavar="NAME", help="Only this portal; may be repeated.")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day of the window.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day of the window, whole.")] = None,
    study: Annotated[
        Path | None,
        typer.Option("--study", metavar="FILE", help="What was declared before looking: portals, waves, hypotheses."),
    ] = None,
    tickets: Annotated[
        Path | None, typer.Option("--tickets", metavar="FILE", help="The operator's help-desk tickets, for CS2.")
    ] = None,
    issue_times: Annotated[
        Path | None, typer.Option("--issue-times", metavar="FILE", help="The operator's issue times, for RL4.")
    ] = None,
    scale: Annotated[str | None, typer.Option(metavar="LOW-HIGH", help="The answer scale, such as 1-6.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Which column is which item, where the names do not say it.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to print on stdout.")] = Format.TABLE,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write report, figures and tables here.")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE.zip", help="Write the report with all it was made from; see `gapwatch report`."),
    ] = None,
    lang: LanguageOption = Language.EN,
) -> None:
    """Set the survey's scores beside the store's measurements, item by item, with the limits of what that says.

    Without a window everything in the store is used, and the result is labelled exploratory. A study file brings
    portals, waves and hypotheses; only what it declares is labelled declared. The operator's own records stand beside
    the items that no browser can measure, and are labelled so.

    [bold]Example[/bold]:  gapwatch link --survey answers.csv --scale 1-6 --store var/gapwatch.db --out report

    [bold]Study[/bold]:    gapwatch link --survey answers.csv --scale 1-6 --store var/gapwatch.db --study study.yaml

    [bold]Bundle[/bold]:   gapwatch link --survey answers.csv --scale 1-6 --store var/gapwatch.db --bundle study.zip
    """
    from egovqual_link.inputs import Inputs
    from egovqual_link.refusals import told_in
    from gapwatch.associations import print_associations
    from gapwatch.surveys import print_link, write_outputs

    inputs = Inputs(
        survey, store, tuple(portal or ()), from_, to, scale, mapping, study, tickets=tickets, issue_times=issue_times
    )
    with told_in(lang.value):
        result = inputs.link()
        write_outputs(inputs, result, out, bundle)
    if format_ is Format.JSON:
        print(result.to_json())
    else:
        print_link(result, lang.value)
        print_associations(result, lang.value)
