"""The study file: what is compared, when people were asked, and what was expected before anyone looked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from egovqual_link.instrument import Instrument, Line, Name, Text, load_instrument
from egovqual_link.refusals import refusal
from egovqual_link.windows import Window, study_window, zone
from scenarios.source import Document, InputError, Problem, StrictModel, load_yaml, nearest, read_text, validate


class Wave(StrictModel):
    """One round of fieldwork: its first and last day (local dates, both included)."""

    name: Annotated[str, Field(min_length=1, max_length=40)] = "1"
    start: date
    end: date


class Hypothesis(StrictModel):
    """An expected link between an indicator and a score; the sign is never assumed where it is not stated."""

    indicator: Name
    item: str
    score: Literal["performance", "gap"] = "performance"
    direction: Literal["positive", "negative", "two-sided"] = "two-sided"


class StudyFile(StrictModel):
    """The study file as written; its keys."""

    study: Line
    portals: Annotated[tuple[Line, ...], Field(strict=False, min_length=1)]
    waves: Annotated[tuple[Wave, ...], Field(strict=False, min_length=1)]
    time_zone: str = "Asia/Jakarta"
    recall_lag_days: Annotated[int, Field(ge=0, le=730)]
    coverage: Annotated[float, Field(gt=0, le=1)] = 0.8
    hypotheses: Annotated[tuple[Hypothesis, ...], Field(strict=False)] = ()
    margin: Annotated[float, Field(gt=0, lt=1)] | None = None
    sensitivity_days: Annotated[tuple[int, ...], Field(strict=False)] = (7, 28, 90)


@dataclass(frozen=True, slots=True)
class Study:
    """A study as declared; `digest` is the SHA-256 of the file, so that outputs can show what they were made from.

    `margin`: correlations closer to zero than this count as none (equivalence test); None: not declared.
    `coverage`: the least share of a window's days that probes must cover.
    """

    name: str
    source: str
    digest: str
    portals: tuple[str, ...]
    waves: tuple[Wave, ...]
    time_zone: str
    recall_lag_days: int
    coverage: float
    hypotheses: tuple[Hypothesis, ...]
    margin: float | None
    sensitivity_days: tuple[int, ...]

    def window(self, wave: Wave, recall_lag_days: int | None = None) -> Window:
        """From the recall lag before the wave's first day to the end of its last day."""
        lag = self.recall_lag_days if recall_lag_days is None else recall_lag_days
        return study_window(wave.start, wave.end, recall_lag_days=lag, time_zone=self.time_zone)

    def declares(self, indicator: str, item: str, score: str) -> Hypothesis | None:
        """The hypothesis on this pair, if there is one; without one a result is exploratory."""
        return next(
            (each for each in self.hypotheses if (each.indicator, each.item, each.score) == (indicator, item, score)),
            None,
        )


def load_study(path: Path | str, instrument: Instrument | None = None) -> Study:
    """The study file at `path`.

    Raises:
        InputError: every mistake with file and line; a study without dates is refused.
    """
    path = Path(path)
    document = load_yaml(path)
    try:
        data = validate(StudyFile, document)
    except InputError as error:
        dated = not isinstance(document.data, dict) or document.data.get("waves") is not None
        told = [each for each in error.problems if dated or not each.message.startswith("waves ")]
        raise InputError(told if dated else [*told, _no_dates(document)]) from None
    problems = _problems(document, data, instrument or load_instrument())
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    return Study(
        name=data.study,
        source=path.name,
        digest=hashlib.sha256(read_text(path).encode()).hexdigest(),
        portals=data.portals,
        waves=data.waves,
        time_zone=data.time_zone,
        recall_lag_days=data.recall_lag_days,
        coverage=data.coverage,
        hypotheses=data.hypotheses,
        margin=data.margin,
        sensitivity_days=data.sensitivity_days,
    )


def _no_dates(document: Document) -> Problem:
    return refusal(
        "no_dates",
        document.source,
        document.line(("waves",)),
        Text(
            en="waves is required: without the dates of the fieldwork no window can be set",
            id="waves wajib ada: tanpa tanggal survei lapangan, jendela waktu tidak dapat ditetapkan",
        ),
        Text(
            en="write waves: [{name: '1', start: 2024-05-10, end: 2024-05-12}]",
            id="tulis waves: [{name: '1', start: 2024-05-10, end: 2024-05-12}]",
        ),
    )


def _problems(document: Document, data: StudyFile, instrument: Instrument) -> list[Problem]:
    problems = []
    try:
        zone(data.time_zone)
    except InputError:
        problems.append(
            document.problem(("time_zone",), f"there is no time zone {data.time_zone[:60]!r}", "write Asia/Jakarta")
        )
    for index, wave in enumerate(data.waves):
        if wave.end < wave.start:
            problems.append(document.problem(("waves", index, "end"), "the wave ends before it starts", "swap them"))
        if wave.name in [each.name for each in data.waves[:index]]:
            problems.append(document.problem(("waves", index), f"the wave {wave.name!r} stands twice", "rename one"))
    for index, days in enumerate(data.sensitivity_days):
        if not 0 <= days <= 730:
            problems.append(document.problem(("sensitivity_days", index), f"{days} days is not within 0 to 730"))
    known = {indicator.key: item for item, indicator in instrument.indicators()}
    for index, each in enumerate(data.hypotheses):
        place = ("hypotheses", index)
        if each.indicator not in known:
            problems.append(
                document.problem(
                    (*place, "indicator"), f"there is no indicator {each.indicator!r}", nearest(each.indicator, known)
                )
            )
        if each.item not in instrument.item_keys:
            problems.append(
                document.problem(
                    (*place, "item"),
                    f"{each.item[:40]!r} is no item of {instrument.key}",
                    nearest(each.item, instrument.item_keys),
                )
            )
    return problems
