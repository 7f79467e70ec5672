"""The long form of a survey, one line for each respondent and item, turned into respondents x items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from egovqual_link.instrument import Instrument
from egovqual_link.survey import MISSING, NO_ANSWER, OUT_OF_RANGE, Answers
from egovqual_link.survey_columns import KINDS, Plan
from egovqual_link.survey_grid import Grid
from egovqual_link.survey_words import UNREADABLE, AnswerReader
from scenarios.source import Problem, nearest

if TYPE_CHECKING:
    from egovqual_link.survey_load import Collected

#: Number of the kind in KINDS.
_KINDS: Final = {"performance": 0, "kinerja": 0, "importance": 1, "kepentingan": 1}
#: A respondent is one who answers at one portal in one wave; the same id may come back in the next wave.
_IDENTITY: Final = ("id", "portal", "region", "wave")
_TOLD: Final = 200

Numbers = npt.NDArray[np.int64]


@dataclass
class _Pivot:
    """Answers so far, as blocks of equal length: line, respondent, item, kind (numbers from 0) and code."""

    grid: Grid
    plan: Plan
    reader: AnswerReader
    instrument: Instrument
    collected: Collected
    respondents: dict[tuple[str, ...], int] = field(default_factory=dict)
    blocks: list[Numbers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.items: dict[str, int] = {}
        self.kinds: dict[str, int] = {}

    def problem(self, line: int, message: str, hint: str | None = None) -> None:
        if len(self.collected.problems) < _TOLD:
            self.collected.problems.append(Problem(self.grid.source, line, message, hint))

    def take(self, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
        """One chunk of the file. Lines that belong to nobody or to no item are problems and go no further."""
        persons = self._persons(lines, rows)
        items = self._looked_up(lines, rows, "item", self.items, self._item)
        if "value" in self.plan.long:
            kinds = self._looked_up(lines, rows, "kind", self.kinds, self._kind)
            self._answers(lines, rows, "value", (persons, items, kinds))
            return
        for number, kind in enumerate(KINDS):
            self._answers(lines, rows, kind, (persons, items, np.full(len(rows), number)))

    def _persons(self, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> Numbers:
        places = self.plan.respondent
        columns = [
            [cells[places[name]].strip() for cells in rows] if name in places else [""] * len(rows)
            for name in _IDENTITY
        ]
        found = np.empty(len(rows), dtype=np.int64)
        for index, key in enumerate(zip(*columns, strict=True)):
            if not key[0]:
                self.problem(lines[index], "has no respondent id", "the long form needs to know whose answer it is")
                found[index] = -1
                continue
            found[index] = number = self.respondents.setdefault(key, len(self.respondents))
            if number == len(self.collected.lines):
                self.collected.lines.append(lines[index])
                for name, place in places.items():
                    self.collected.respondent[name].append(rows[index][place].strip())
        return found

    def _looked_up(
        self,
        lines: Sequence[int],
        rows: Sequence[Sequence[str]],
        column: str,
        known: dict[str, int],
        read: Callable[[str], int],
    ) -> Numbers:
        """Number of each cell of a column, -1 with a problem where it is none; every distinct text is read once."""
        cells = list(map(itemgetter(self.plan.long[column]), rows))
        for text in set(cells) - known.keys():
            known[text] = read(text)
        found = np.fromiter(map(known.__getitem__, cells), dtype=np.int64, count=len(cells))
        for index in np.flatnonzero(found < 0).tolist():
            text = cells[index].strip()
            if column == "item":
                keys = self.instrument.item_keys
                hint = nearest(text.upper(), keys)
                self.problem(lines[index], f"{text.upper()[:40]!r} is no item of {self.instrument.key}", hint)
            else:
                hint = nearest(text.casefold(), _KINDS)
                self.problem(lines[index], f"{text.casefold()[:40]!r} is no kind of answer", hint)
        return found

    def _item(self, text: str) -> int:
        keys, name = self.instrument.item_keys, text.strip().upper()
        return keys.index(name) if name in keys else -1

    def _kind(self, text: str) -> int:
        return _KINDS.get(text.strip().casefold(), -1)

    def _answers(
        self, lines: Sequence[int], rows: Sequence[Sequence[str]], column: str, place: tuple[Numbers, Numbers, Numbers]
    ) -> None:
        cells = list(map(itemgetter(self.plan.long[column]), rows))
        codes = np.fromiter(map(self.reader.__getitem__, cells), dtype=np.int64, count=len(cells))
        persons, items, kinds = place
        usable = (persons >= 0) & (items >= 0) & (kinds >= 0)
        self.blocks.append(np.stack([np.asarray(lines), persons, items, kinds, codes])[:, usable].astype(np.int32))
        self.collected.answered += int((usable & (codes > NO_ANSWER)).sum())
        doubtful = usable & ((codes == OUT_OF_RANGE) | (codes == UNREADABLE))
        groups: dict[tuple[int, int], list[int]] = {}
        for index in np.flatnonzero(doubtful).tolist():
            groups.setdefault((int(items[index]), int(kinds[index])), []).append(index)
        for (item, kind), indices in groups.items():
            self.collected.note_cells(
                codes[indices].astype(np.int16),
                [lines[index] for index in indices],
                f"{self.instrument.item_keys[item]} {KINDS[kind]}",
                [cells[index] for index in indices],
            )

    def finish(self) -> Mapping[str, Answers]:
        """Respondents x items for each kind; an answer given twice is a problem."""
        width = len(self.instrument.items)
        table: Any = np.concatenate(self.blocks, axis=1) if self.blocks else np.empty((5, 0), dtype=np.int32)
        self.blocks.clear()
        lines, persons, items, kinds, codes = table
        place = (persons.astype(np.int64) * width + items) * len(KINDS) + kinds
        _, first, which = np.unique(place, return_index=True, return_inverse=True)
        if len(first) < len(place):
            again = np.ones(len(place), dtype=bool)
            again[first] = False
            for index in np.flatnonzero(again)[:_TOLD].tolist():
                name = f"{self.instrument.item_keys[items[index]]} {KINDS[kinds[index]]}"
                earlier = lines[first[which[index]]]
                self.problem(
                    int(lines[index]), f"{name} of this respondent is answered again", f"first in line {earlier}"
                )
        answers: dict[str, Answers] = {}
        for number, kind in enumerate(KINDS):
            block = np.full((len(self.respondents), width), MISSING, dtype=np.int16)
            mine = kinds == number
            block[persons[mine], items[mine]] = codes[mine]
            answers[kind] = block
        return answers


def pivot(grid: Grid, plan: Plan, reader: AnswerReader, instrument: Instrument, collected: Collected) -> Collected:
    """Fill `collected` from a long file; a respondent's line is where he first appears."""
    state = _Pivot(grid, plan, reader, instrument, collected)
    for lines, rows in grid.chunks():
        state.take(lines, rows)
    answers = state.finish()
    collected.performance.append(answers["performance"])
    collected.importance.append(answers["importance"])
    return collected
