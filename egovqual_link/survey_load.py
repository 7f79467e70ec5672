"""Reading answers of persons from a file, wide or long: all problems told, nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from egovqual_link.instrument import Instrument, Text, load_instrument
from egovqual_link.refusals import refusal
from egovqual_link.scale import Scale, make_scale
from egovqual_link.survey import MISSING, NO_ANSWER, OUT_OF_RANGE, RESPONDENT_COLUMNS, Answers, Survey
from egovqual_link.survey_columns import (
    KINDS,
    Header,
    Mapped,
    Plan,
    SurveyMapping,
    load_mapping,
    plan_columns,
)
from egovqual_link.survey_flags import DEFAULT_SECONDS_PER_ANSWER, flag_respondents
from egovqual_link.survey_grid import Grid, open_grid
from egovqual_link.survey_long import pivot
from egovqual_link.survey_time import read_seconds, read_times
from egovqual_link.survey_words import UNREADABLE, AnswerReader
from scenarios.source import InputError, Problem

#: Told one by one; a column read by mistake could hold a million.
_TOLD_PER_COLUMN: Final = 50
#: Above this share of answers outside the scale, it is the scale that is wrong.
_OUT_OF_RANGE_SHARE: Final = 0.05
#: More than the share above can be of the largest file; beyond it only the count is kept.
_KEPT_OUTSIDE: Final = 2_000_000


def load_survey(
    path: Path | str,
    scale: Scale | str | tuple[int, int] | None = None,
    mapping: Path | str | SurveyMapping | None = None,
    *,
    instrument: Instrument | None = None,
) -> Survey:
    """Answers from CSV or XLSX, wide (`EF1_performance`, `EF1_importance`, ...) or long (`id, item, ...`).

    `scale` is required, here or in the mapping file: a scale cannot be told from the answers. Numbers and
    Likert words in Indonesian and English are read; empty, "don't know" and "never contacted" are kept
    apart. Answers outside the scale, duplicates, straight lines and too fast answers are flagged.

    Raises:
        InputError: no scale, a file that is no survey, or cells that cannot be read, each with its place.
    """
    mapped = load_mapping(mapping)
    instrument = instrument or load_instrument()
    declared = mapped.mapping
    with open_grid(Path(path), encoding=declared.encoding, separator=declared.separator, sheet=declared.sheet) as grid:
        plan = plan_columns(Header(grid.source, grid.header_line, grid.header), instrument, mapped)
        problems = list(plan.problems)
        chosen = _scale(scale, mapped, grid.source, problems)
        if problems or chosen is None:
            raise InputError(problems)
        reader = AnswerReader(chosen, declared.answers)
        collected = _collect(grid, plan, reader, instrument)
    return _assemble(_Reading(grid, plan, reader, instrument, mapped), collected)


@dataclass(frozen=True)
class _Reading:
    """All that one reading of a file goes by."""

    grid: Grid
    plan: Plan
    reader: AnswerReader
    instrument: Instrument
    mapped: Mapped


def _scale(
    given: Scale | str | tuple[int, int] | None, mapped: Mapped, source: str, problems: list[Problem]
) -> Scale | None:
    try:
        if given is not None:
            return make_scale(given)
        if mapped.mapping.scale is not None:
            place = mapped.document
            return make_scale(
                mapped.mapping.scale,
                place.source if place else "mapping",
                place.line(("scale",)) if place else None,
            )
    except InputError as error:
        problems += error.problems
        return None
    problems.append(
        refusal(
            "undeclared_scale",
            source,
            None,
            Text(
                en="the end points of the answer scale are not declared",
                id="ujung skala jawaban tidak dinyatakan",
            ),
            Text(en="such as --scale 1-6", id="misalnya --scale 1-6"),
        )
    )
    return None


@dataclass
class Collected:
    """Cells read so far, as a list of blocks."""

    performance: list[Answers] = field(default_factory=list)
    importance: list[Answers] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    respondent: dict[str, list[str]] = field(default_factory=dict)
    #: (line, column, cell) of answers outside the scale, and of cells that cannot be read.
    out_of_range: list[tuple[int, str, str]] = field(default_factory=list)
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)
    unreadable_more: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    answered: int = 0
    outside: int = 0

    def note_cells(self, codes: Answers, lines: Sequence[int], column: str, cells: Sequence[str]) -> None:
        """Remember which of `cells` lie outside the scale or cannot be read."""
        self.answered += int(((codes > NO_ANSWER) | (codes == OUT_OF_RANGE)).sum())
        outside = np.flatnonzero(codes == OUT_OF_RANGE).tolist()
        self.outside += len(outside)
        for index in outside[: _KEPT_OUTSIDE - len(self.out_of_range)]:
            self.out_of_range.append((lines[index], column, cells[index].strip()[:40]))
        told = sum(1 for _, name, _ in self.unreadable if name == column)
        for index in np.flatnonzero(codes == UNREADABLE).tolist():
            if told < _TOLD_PER_COLUMN:
                self.unreadable.append((lines[index], column, cells[index].strip()))
                told += 1
            else:
                self.unreadable_more[column] = self.unreadable_more.get(column, 0) + 1


def _collect(grid: Grid, plan: Plan, reader: AnswerReader, instrument: Instrument) -> Collected:
    collected = Collected(respondent={name: [] for name in plan.respondent})
    if plan.long:
        return pivot(grid, plan, reader, instrument, collected)
    for lines, rows in grid.chunks():
        collected.lines += lines
        for name, index in plan.respondent.items():
            collected.respondent[name] += [cells[index].strip() for cells in rows]
        for kind, blocks in zip(KINDS, (collected.performance, collected.importance), strict=True):
            block = np.full((len(rows), len(instrument.items)), MISSING, dtype=np.int16)
            for number, item in enumerate(instrument.item_keys):
                place = plan.answers.get((item, kind))
                if place is None:
                    continue
                cells = list(map(itemgetter(place), rows))
                codes = np.fromiter(map(reader.__getitem__, cells), dtype=np.int16, count=len(cells))
                block[:, number] = codes
                collected.note_cells(codes, lines, grid.header[place], cells)
            blocks.append(block)
    return collected


def _assemble(reading: _Reading, collected: Collected) -> Survey:
    grid, reader, mapped = reading.grid, reading.reader, reading.mapped
    problems = [*collected.problems, *_unreadable(grid.source, collected, reader)]
    if not collected.lines:
        problems.append(Problem(grid.source, grid.header_line + 1, "holds no answers", "one row for each respondent"))
    problems += _wrong_scale(grid.source, collected, reader)
    respondents, wrong = _respondents(reading, collected)
    problems += wrong
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    performance, importance = np.vstack(collected.performance), np.vstack(collected.importance)
    seconds = mapped.mapping.minimum_seconds_per_answer
    found = pd.DataFrame(collected.out_of_range, columns=["line", "column", "value"])
    found["reason"] = f"outside the scale {reader.scale}"
    return Survey(
        source=grid.source,
        instrument=reading.instrument,
        scale=reader.scale,
        performance=performance,
        importance=importance,
        respondents=respondents,
        problems=found,
        flags=flag_respondents(
            performance,
            importance,
            respondents,
            DEFAULT_SECONDS_PER_ANSWER if seconds is None else seconds,
        ),
        notes=(*grid.notes, *_notes(reading, collected)),
    )


def _unreadable(source: str, collected: Collected, reader: AnswerReader) -> list[Problem]:
    problems = []
    for line, column, cell in collected.unreadable:
        message, hint = reader.why_unreadable(cell)
        problems.append(Problem(source, line, f"column {column[:60]!r}: {message}", hint))
    problems += [
        Problem(source, None, f"column {column[:60]!r}: {count:,} more cells like these")
        for column, count in collected.unreadable_more.items()
    ]
    problems += [
        Problem(
            source,
            None,
            f"{first!r} and {second!r} would both be {value} on the scale {reader.scale}",
            "tell the number of each under `answers` of a mapping file",
        )
        for first, second, value in reader.ambiguous()
    ]
    return problems


def _wrong_scale(source: str, collected: Collected, reader: AnswerReader) -> list[Problem]:
    outside = collected.outside
    if outside <= _OUT_OF_RANGE_SHARE * max(collected.answered, 1):
        return []
    values = sorted({value for _, _, value in collected.out_of_range})[:8]
    line, column, _ = collected.out_of_range[0]
    return [
        Problem(
            source,
            line,
            f"{outside:,} of {collected.answered:,} answers lie outside the scale {reader.scale} "
            f"({', '.join(values)}), first in column {column[:60]!r}",
            "is the scale right? tell codes such as 99 under `answers` of a mapping file",
        )
    ]


def _respondents(reading: _Reading, collected: Collected) -> tuple[pd.DataFrame, list[Problem]]:
    grid, plan, mapped = reading.grid, reading.plan, reading.mapped
    problems: list[Problem] = []
    columns: dict[str, Any] = {"line": np.array(collected.lines, dtype=np.int64)}
    for name, texts in collected.respondent.items():
        place = f"column {grid.header[plan.respondent[name]][:60]!r}"
        if name == "time":
            columns[name], wrong = read_times(texts, mapped.mapping.timezone)
        elif name == "duration_seconds":
            columns[name], wrong = read_seconds(texts)
        else:
            columns[name], wrong = pd.array([text or None for text in texts], dtype="str"), []
        problems += [
            Problem(grid.source, None if row is None else collected.lines[row], f"{place}: {message}", hint)
            for row, message, hint in wrong
        ]
    table = pd.DataFrame(columns)
    for name in RESPONDENT_COLUMNS:
        if name not in table:
            table[name] = _empty(name, len(table))
    return table[list(RESPONDENT_COLUMNS)], problems


def _empty(name: str, count: int) -> Any:
    if name == "time":
        return pd.Series([pd.NaT] * count, dtype="datetime64[us, UTC]")
    if name == "duration_seconds":
        return np.full(count, np.nan)
    return pd.array([None] * count, dtype="str")


def _notes(reading: _Reading, collected: Collected) -> list[Text]:
    grid, plan, reader, instrument = reading.grid, reading.plan, reading.reader, reading.instrument
    notes = []
    if plan.ignored:
        names = ", ".join(plan.ignored)[:200]
        notes.append(
            Text(
                en=f"columns not read and not kept: {names}",
                id=f"kolom yang tidak dibaca dan tidak disimpan: {names}",
            )
        )
    if grid.blank_lines:
        count = len(grid.blank_lines)
        notes.append(Text(en=f"blank rows passed over: {count}", id=f"baris kosong yang dilewati: {count}"))
    if reader.used:
        words = ", ".join(f"{word} = {value}" for word, value in sorted(reader.used.items(), key=itemgetter(1)))[:300]
        notes.append(Text(en=f"answer words read as: {words}", id=f"kata jawaban dibaca sebagai: {words}"))
    asked = {item for item, _ in plan.answers} or set(instrument.item_keys)
    unasked = ", ".join(item for item in instrument.item_keys if item not in asked)
    if unasked:
        notes.append(Text(en=f"items without a column: {unasked}", id=f"butir tanpa kolom: {unasked}"))
    notes += _unused_ends(collected, reader)
    return notes


def _unused_ends(collected: Collected, reader: AnswerReader) -> list[Text]:
    blocks: Mapping[str, Sequence[Answers]] = {"p": collected.performance, "i": collected.importance}
    highest = max((int(block.max(initial=MISSING)) for each in blocks.values() for block in each), default=MISSING)
    if not NO_ANSWER < highest < reader.scale.high:
        return []
    return [
        Text(
            en=f"no answer above {highest} on a scale declared as {reader.scale}: is the scale right?",
            id=f"tidak ada jawaban di atas {highest} pada skala {reader.scale}: apakah skalanya benar?",
        )
    ]
