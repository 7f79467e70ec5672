"""The long form of a survey, one line for each respondent and item, turned into respondents x items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from egovqual_link.instrument import Instrument
from egovqual_link.survey import MISSING, Answers
from egovqual_link.survey_columns import KINDS, Plan
from egovqual_link.survey_grid import Grid
from egovqual_link.survey_words import AnswerReader
from scenarios.source import Problem, nearest

if TYPE_CHECKING:
    from egovqual_link.survey_load import Collected

_KINDS: Final = {
    "performance": "performance",
    "kinerja": "performance",
    "importance": "importance",
    "kepentingan": "importance",
}
#: A respondent is one who answers at one portal in one wave; the same id may come back in the next wave.
_IDENTITY: Final = ("id", "portal", "region", "wave")
_TOLD: Final = 200


@dataclass
class _Pivot:
    grid: Grid
    plan: Plan
    reader: AnswerReader
    instrument: Instrument
    collected: Collected
    rows: dict[tuple[str, ...], int] = field(default_factory=dict)
    #: (row, item, kind) -> line; and the code.
    lines: dict[tuple[int, int, str], int] = field(default_factory=dict)
    codes: dict[tuple[int, int, str], int] = field(default_factory=dict)

    def problem(self, line: int, message: str, hint: str | None = None) -> None:
        if len(self.collected.problems) < _TOLD:
            self.collected.problems.append(Problem(self.grid.source, line, message, hint))

    def row(self, line: int, cells: Sequence[str]) -> int | None:
        respondent = {name: cells[index].strip() for name, index in self.plan.respondent.items()}
        if not respondent["id"]:
            self.problem(line, "has no respondent id", "the long form needs to know whose answer it is")
            return None
        key = tuple(respondent.get(name, "") for name in _IDENTITY)
        row = self.rows.setdefault(key, len(self.rows))
        if row == len(self.collected.lines):
            self.collected.lines.append(line)
            for name, text in respondent.items():
                self.collected.respondent[name].append(text)
        return row

    def item(self, line: int, cells: Sequence[str]) -> int | None:
        text = cells[self.plan.long["item"]].strip().upper()
        keys = self.instrument.item_keys
        if text in keys:
            return keys.index(text)
        self.problem(line, f"{text[:40]!r} is no item of {self.instrument.key}", nearest(text, keys))
        return None

    def answers(self, line: int, cells: Sequence[str]) -> list[tuple[str, int]]:
        """The kinds that this line answers, each with the number of its column."""
        if "value" not in self.plan.long:
            return [(kind, self.plan.long[kind]) for kind in KINDS]
        text = cells[self.plan.long["kind"]].strip().casefold()
        if text in _KINDS:
            return [(_KINDS[text], self.plan.long["value"])]
        self.problem(line, f"{text[:40]!r} is no kind of answer", nearest(text, _KINDS))
        return []

    def keep(self, line: int, row: int, item: int, kind: str, cell: str) -> int:
        place = row, item, kind
        if place in self.lines:
            key = self.instrument.item_keys[item]
            self.problem(
                line,
                f"{key} {kind} of this respondent is answered again",
                f"first in line {self.lines[place]}",
            )
        self.lines[place] = line
        self.codes[place] = self.reader[cell]
        return self.codes[place]


def pivot(grid: Grid, plan: Plan, reader: AnswerReader, instrument: Instrument, collected: Collected) -> Collected:
    """Fill `collected` from a long file; a respondent's line is where he first appears."""
    state = _Pivot(grid, plan, reader, instrument, collected)
    for lines, rows in grid.chunks():
        for line, cells in zip(lines, rows, strict=True):
            row, item = state.row(line, cells), state.item(line, cells)
            if row is None or item is None:
                continue
            for kind, column in state.answers(line, cells):
                code = state.keep(line, row, item, kind, cells[column])
                if code < MISSING + 100:
                    name = f"{instrument.item_keys[item]} {kind}"
                    collected.note_cells(np.array([code], dtype=np.int16), [line], name, [cells[column]])
                else:
                    collected.answered += 1
    for kind, blocks in zip(KINDS, (collected.performance, collected.importance), strict=True):
        blocks.append(_block(state, kind, len(instrument.items)))
    return collected


def _block(state: _Pivot, kind: str, items: int) -> Answers:
    block = np.full((len(state.rows), items), MISSING, dtype=np.int16)
    for (row, item, each), code in state.codes.items():
        if each == kind:
            block[row, item] = code
    return block
