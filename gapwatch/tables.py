"""Tables on the terminal: runs, summaries, and scores, as wide as they need to be where nobody sees a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporters.store_summary import SummaryRow
from probes.run import Run

Lang = Literal["en", "id"]
DASH = "\N{EN DASH}"

_COLOURS = {
    "passed": "green",
    "degraded": "yellow",
    "failed": "red",
    "blocked": "magenta",
    "maintenance": "blue",
    "error": "bright_black",
}


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), title: str = ""
) -> None:
    """Print rows of text; columns whose index is in `right` are set flush right. Nothing is read as markup."""
    table = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold", box=SIMPLE_HEAD)
    for index, header in enumerate(headers):
        table.add_column(header, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=160)
    console.print(table)


def number(value: Any, lang: Lang, digits: int = 2, *, sign: bool = False) -> str:
    """A number for a table, with the language's decimal mark; a dash where there is none."""
    # Loaded late, so that commands without numbers of a survey stay quick.
    from pandas import isna

    if isna(value):
        return DASH
    shown = f"{float(value):+.{digits}f}" if sign else f"{float(value):.{digits}f}"
    return shown.replace(".", ",") if lang == "id" else shown


def print_runs(runs: Iterable[Run]) -> None:
    """One line a run, with its first findings."""
    rows = []
    for run in runs:
        notes = [f"own trouble: {run.error_reason}"] if run.error_reason else []
        if run.retest_of:
            notes.append("second try of what failed just before")
        if run.dry_stop:
            notes.append(f"stopped before {run.dry_stop!r}")
        if not run.timing_valid and not run.error_reason:
            notes.append(f"timing not valid: {', '.join(run.invalid_reasons)}")
        notes += [f"{finding.class_} ({finding.severity}): {finding.message}" for finding in run.findings[:3]]
        if len(run.findings) > 3:
            notes.append(f"and {len(run.findings) - 3} more findings")
        seconds = f"{run.duration_seconds:.2f}"
        rows.append((run.portal, run.scenario, run.browser, run.outcome, seconds, "\n".join(notes)))
    print_table(("portal", "scenario", "browser", "outcome", "seconds", "notes"), rows, right=(4,))


_SUMMARY = {
    "en": ("portal", "scenario", "runs", "passed", "failed", "not measured", "median s", "p75 s", "findings"),
    "id": ("portal", "skenario", "pengukuran", "berhasil", "gagal", "tidak terukur", "median dtk", "p75 dtk", "temuan"),
}
_SEVERITIES = {
    "en": ("critical", "major", "minor"),
    "id": ("kritis", "besar", "kecil"),
}
_TITLE = {"en": "Runs by portal and scenario", "id": "Pengukuran menurut portal dan skenario"}


def print_summary(rows: Iterable[SummaryRow], lang: str) -> None:
    """Portal by scenario: runs, how they went, the citizen's wait, and findings by severity.

    `passed` counts degraded runs too, `failed` blocked ones and maintenance too; `not measured` is our own trouble.
    """

    def seconds(value: float | None) -> str:
        shown = "-" if value is None else f"{value:.2f}"
        return shown.replace(".", ",") if lang == "id" else shown

    lines = []
    for row in rows:
        counts = zip((row.critical, row.major, row.minor), _SEVERITIES[lang], strict=True)
        lines.append(
            (
                row.portal,
                row.scenario,
                str(row.runs),
                str(row.passed + row.degraded),
                str(row.failed + row.blocked + row.maintenance),
                str(row.errors),
                seconds(row.median_seconds),
                seconds(row.p75_seconds),
                ", ".join(f"{count} {name}" for count, name in counts if count) or "0",
            )
        )
    print_table(_SUMMARY[lang], lines, right=(2, 3, 4, 5, 6, 7), title=_TITLE[lang])
