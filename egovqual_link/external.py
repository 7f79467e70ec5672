"""What an operator's own records tell: times to a help desk's first reply and to a decision, labelled as such."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from egovqual_link.indicators import Measured
from egovqual_link.instrument import Text
from egovqual_link.measuring import Value, absent
from egovqual_link.quantiles import LEVEL
from egovqual_link.survey_grid import Grid, open_grid
from egovqual_link.survey_time import read_times
from egovqual_link.windows import Window
from scenarios.source import InputError, Problem, nearest

#: Told one by one; a column read by mistake could hold a million.
_TOLD: Final = 50
OPERATOR: Final = Text(
    en="from the operator's own records, not measured by probes",
    id="dari catatan pengelola sendiri, tidak diukur dengan uji",
)


@dataclass(frozen=True, slots=True)
class _Form:
    """A file that an operator exports: what its columns are called, and from which to which is waited."""

    name: str
    option: str
    columns: Mapping[str, tuple[str, ...]]
    start: str
    end: str
    #: Where the wait ends without its goal (a ticket closed unanswered).
    stop: str | None
    waiting: Text


_PORTAL = ("portal", "site", "situs")
TICKETS: Final = _Form(
    "tickets",
    "--tickets",
    {
        "opened": ("opened", "opened_at", "created", "dibuka", "dibuat"),
        "first_reply": ("first_reply", "first_reply_at", "balasan_pertama", "jawaban_pertama"),
        "closed": ("closed", "closed_at", "ditutup", "selesai"),
        "portal": _PORTAL,
    },
    "opened",
    "first_reply",
    "closed",
    Text(en="tickets without a reply", id="tiket tanpa jawaban"),
)
ISSUE_TIMES: Final = _Form(
    "issue_times",
    "--issue-times",
    {
        "applied": ("applied", "applied_at", "diajukan", "permohonan"),
        "issued": ("issued", "issued_at", "terbit", "diterbitkan"),
        "portal": _PORTAL,
    },
    "applied",
    "issued",
    None,
    Text(en="applications not yet decided", id="permohonan yang belum diputus"),
)
#: Which quantile of which records answers which indicator of the instrument.
MEASURES: Final[Mapping[str, tuple[_Form, float]]] = {
    "helpdesk_first_reply_median_hours": (TICKETS, 0.5),
    "helpdesk_first_reply_p75_hours": (TICKETS, 0.75),
    "issue_time_median_hours": (ISSUE_TIMES, 0.5),
    "issue_time_p75_hours": (ISSUE_TIMES, 0.75),
}


@dataclass(frozen=True, eq=False)
class Records:
    """One file: `table` has portal (None: not said), start (aware UTC), hours waited and whether the wait ended.

    Waits that had not ended are counted to `until`, the last time that stands in the file.
    """

    form: _Form
    source: str
    path: Path
    table: pd.DataFrame
    until: pd.Timestamp

    def portals(self) -> tuple[str, ...]:
        """Portals named in the file, in order."""
        return tuple(sorted(self.table["portal"].dropna().unique()))

    def value(self, q: float, portal: str, window: Window) -> Value:
        """The `q` quantile of the hours waited of what began in `window` at `portal`, with its interval."""
        table = self.table
        mine = table[
            (table["portal"].isna() | (table["portal"] == portal))
            & (table["start"] >= pd.Timestamp(window.start))
            & (table["start"] < pd.Timestamp(window.end))
        ]
        if mine.empty:
            return absent(
                "no_records",
                f"nothing in {self.source} began in the window",
                f"tidak ada catatan di {self.source} yang mulai dalam jendela waktu",
            )
        hours, ended = mine["hours"].to_numpy(float), mine["ended"].to_numpy(bool)
        value, at_least, low, high = waiting_quantile(hours, ended, q)
        name = "median" if q == 0.5 else f"p{q * 100:g}"
        return Value(
            value=value,
            at_least=at_least,
            low=low,
            high=high,
            n=len(mine),
            censored=int((~ended).sum()),
            method=f"{name} of hours from {self.form.start} to {self.form.end}, Kaplan-Meier; {self.form.waiting.en} "
            f"censored{' when closed, or' if self.form.stop else ''} at the last time in the file",
            interval_method="Brookmeyer-Crowley, complementary log-log" if low is not None else None,
            note=OPERATOR,
        )


def waiting_quantile(
    hours: np.ndarray[Any, np.dtype[np.float64]], ended: np.ndarray[Any, np.dtype[np.bool_]], q: float
) -> tuple[float, bool, float | None, float | None]:
    """Kaplan-Meier quantile of waits, whether it is only a lower bound, and its interval where both ends are known.

    Interval of Brookmeyer and Crowley (1982) on the complementary log-log scale. Where fewer than a share `q` are
    seen to end, the longest wait is the bound.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    longest = float(hours.max())
    if not ended.any():
        return longest, True, None, None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Where the curve reaches 0 its logarithm has no value; that end of the interval is then open.
        warnings.simplefilter("ignore")
        curve = SurvfuncRight(hours, ended.astype(int))
        # The slack: a product of shares that is 1 - q by arithmetic may miss it in the last bit.
        reached = np.flatnonzero(curve.surv_prob <= 1 - q + 1e-12)
        low, high = (float(each) for each in curve.quantile_ci(q, 1 - LEVEL, method="cloglog"))
    if not len(reached):
        return longest, True, None, None
    value = float(curve.surv_times[reached[0]])
    return (value, False, low, high) if np.isfinite(low) and np.isfinite(high) else (value, False, None, None)


def read_tickets(path: Path | str, time_zone: str = "Asia/Jakarta") -> Records:
    """A help desk's tickets: columns opened, first_reply, closed, and portal where there are several.

    `first_reply` and `closed` may be blank. Times without an offset are local times of `time_zone`.

    Raises:
        InputError: every cell that is no time, and every reply or closing before the opening, with line and column.
    """
    return _read(Path(path), TICKETS, time_zone)


def read_issue_times(path: Path | str, time_zone: str = "Asia/Jakarta") -> Records:
    """Applications: columns applied, issued (blank: not yet), and portal where there are several.

    Raises:
        InputError: as for `read_tickets`.
    """
    return _read(Path(path), ISSUE_TIMES, time_zone)


def _read(path: Path, form: _Form, time_zone: str) -> Records:
    with open_grid(path) as grid:
        places = _columns(grid, form)
        lines: list[int] = []
        cells: dict[str, list[str]] = {name: [] for name in places}
        for some, rows in grid.chunks():
            lines += some
            for name, place in places.items():
                cells[name] += [row[place].strip() for row in rows]
        source = grid.source
    if not lines:
        raise InputError([Problem(source, None, "holds no rows below its header", f"one row for each of {form.name}")])
    problems: list[Problem] = []
    times: dict[str, Any] = {}
    for name in (name for name in places if name != "portal"):
        times[name], wrong = read_times(cells[name], time_zone)
        problems += [
            Problem(source, None if row is None else lines[row], f"column {name!r}: {message}", hint)
            for row, message, hint in wrong
        ]
    if not problems:
        problems = _out_of_order(source, form, lines, times)
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    return _records(path, source, form, cells, times)


def _columns(grid: Grid, form: _Form) -> dict[str, int]:
    words = {word: name for name, known in form.columns.items() for word in known}
    places: dict[str, int] = {}
    problems = []
    for place, text in enumerate(grid.header):
        name = words.get(re.sub(r"[\W_]+", "_", text.strip().lower()).strip("_"))
        if name is not None and name in places:
            problems.append(Problem(grid.source, grid.header_line, f"two columns hold {name!r}", "keep one"))
        elif name is not None:
            places[name] = place
    needed = [name for name in form.columns if name != "portal"]
    problems += [
        Problem(
            grid.source,
            grid.header_line,
            f"lacks the column {name!r}",
            nearest(name, [text.strip() for text in grid.header]) or f"{form.option} needs {', '.join(needed)}",
        )
        for name in needed
        if name not in places
    ]
    if problems:
        raise InputError(problems)
    return places


def _out_of_order(source: str, form: _Form, lines: Sequence[int], times: Mapping[str, Any]) -> list[Problem]:
    start = times[form.start]
    problems = [
        Problem(source, lines[row], f"column {form.start!r}: is blank", "a wait needs a beginning")
        for row in np.flatnonzero(start.isna())[:_TOLD]
    ]
    for name in (each for each in (form.end, form.stop) if each is not None):
        early = np.flatnonzero((times[name] < start).to_numpy())
        problems += [
            Problem(
                source,
                lines[row],
                f"column {name!r}: {times[name].iloc[row]:%Y-%m-%d %H:%M} UTC is before {form.start} at "
                f"{start.iloc[row]:%Y-%m-%d %H:%M} UTC",
                "are the columns swapped, or day and month?",
            )
            for row in early[:_TOLD]
        ]
        if len(early) > _TOLD:
            problems.append(Problem(source, None, f"column {name!r}: {len(early) - _TOLD:,} more rows like these"))
    return problems


def _records(path: Path, source: str, form: _Form, cells: Mapping[str, list[str]], times: Mapping[str, Any]) -> Records:
    until = max(each.max() for each in times.values() if each.notna().any())
    start, goal = times[form.start], times[form.end]
    stop = times[form.stop] if form.stop else pd.Series(pd.NaT, index=start.index, dtype=start.dtype)
    waited = goal.fillna(stop).fillna(until) - start
    portal = [text or None for text in cells["portal"]] if "portal" in cells else [None] * len(start)
    table = pd.DataFrame(
        {
            "portal": pd.array(portal, dtype="str"),
            "start": start,
            "hours": waited.dt.total_seconds() / 3600,
            "ended": goal.notna(),
        }
    )
    return Records(form, source, path, table, until)


def check_portals(records: Iterable[Records], portals: Sequence[str]) -> tuple[Text, ...]:
    """What to know of records beside these portals: rows of others are left out and counted.

    Raises:
        InputError: several portals and rows that name none, or no row of any of these portals.
    """
    said, problems = [], []
    for each in records:
        named = each.portals()
        if each.table["portal"].isna().any() and (len(portals) > 1 or named):
            problems.append(
                Problem(each.source, 1, "does not say the portal of every row", "add or fill a column 'portal'")
            )
        elif named and not set(named) & set(portals):
            problems.append(
                Problem(each.source, 1, f"has no row of {', '.join(portals)[:80]}", nearest(named[0], portals))
            )
        left = int((~each.table["portal"].isin(portals) & each.table["portal"].notna()).sum())
        if left:
            others = ", ".join(sorted(set(named) - set(portals)))[:120]
            said.append(
                Text(
                    en=f"{each.source}: {left} rows of other portals are left out ({others})",
                    id=f"{each.source}: {left} baris portal lain tidak dipakai ({others})",
                )
            )
        said.append(
            Text(
                en=f"{each.source} holds the operator's own records: its figures were not measured by probes, and "
                "nobody outside can check them",
                id=f"{each.source} berisi catatan pengelola sendiri: angkanya tidak diukur dengan uji dan tidak dapat "
                "diperiksa pihak luar",
            )
        )
    if problems:
        raise InputError(problems)
    return tuple(said)


def external_values(records: Iterable[Records], portal: str, window: Window) -> dict[str, Value]:
    """Values of the indicators that `records` can tell, by indicator key."""
    by_form = {each.form.name: each for each in records}
    return {
        key: by_form[form.name].value(q, portal, window) for key, (form, q) in MEASURES.items() if form.name in by_form
    }


def with_external(found: tuple[Measured, ...], records: Sequence[Records], window: Window) -> tuple[Measured, ...]:
    """The measured indicators with what the operator's records tell in the places of external ones."""
    if not records or not found:
        return found
    values = external_values(records, found[0].portal, window)
    return tuple(
        replace(each, value=values[each.indicator.key])
        if each.indicator.origin == "external" and each.indicator.key in values
        else each
        for each in found
    )
