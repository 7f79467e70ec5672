"""Tables that others printed: means and gaps of dimensions or items, read from YAML or CSV and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, FiniteFloat, model_validator

from egovqual_link.instrument import Instrument, Line, Text, load_instrument
from egovqual_link.published_check import PrintedRow, check_rows
from egovqual_link.scale import Scale, make_scale
from scenarios.source import Document, InputError, Problem, StrictModel, load_yaml, nearest, validate

#: The published figures that ship with the program.
SEMARANG = Path(__file__).parent / "data" / "semarang_oss.yaml"

Statement = Literal["exceeds", "falls_short", "works"]
Words = Text | Line
_T = TypeVar("_T")
#: A YAML list, kept as a tuple.
Listed = Annotated[tuple[_T, ...], Field(strict=False)]


class Printed(StrictModel):
    """Scores as printed, on the answer scale; gap = performance - importance; None where not printed."""

    performance: FiniteFloat | None = None
    importance: FiniteFloat | None = None
    gap: FiniteFloat | None = None
    n: int | None = Field(default=None, ge=2)
    performance_sd: FiniteFloat | None = Field(default=None, ge=0)
    importance_sd: FiniteFloat | None = Field(default=None, ge=0)
    gap_sd: FiniteFloat | None = Field(default=None, ge=0)
    note: Words | None = None


class PrintedDimension(Printed):
    """Scores of a dimension, and how many items it averages."""

    items: int | None = Field(default=None, ge=1)


class _NamedGap(StrictModel):
    item: str
    gap: FiniteFloat
    note: Words | None = None


class _Said(StrictModel):
    item: str
    text: Words

    @model_validator(mode="before")
    @classmethod
    def _rejoin_at_commas(cls, data: Any) -> Any:
        # In `{item: X, text: this, and that}` YAML takes the words after the comma for a key without value.
        if not isinstance(data, dict) or not isinstance(data.get("text"), str):
            return data
        tail = [key for key, value in data.items() if value is None and key not in cls.model_fields]
        kept = {key: value for key, value in data.items() if key not in tail}
        return {**kept, "text": ", ".join([kept["text"], *tail])}


class _Priority(StrictModel):
    item: str
    name: Words | None = None


class _Fieldwork(StrictModel):
    start: Annotated[date, Field(strict=False)]
    end: Annotated[date, Field(strict=False)]


class _File(StrictModel):
    study: Line
    portal: Line | None = None
    population: Words | None = None
    instrument: Line | None = None
    scale: Line | None = None
    n: int | None = Field(default=None, ge=2)
    fieldwork: _Fieldwork | None = None
    not_published: Listed[Words] = ()
    dimensions: dict[str, PrintedDimension] = Field(default_factory=dict)
    items: dict[str, Printed] = Field(default_factory=dict)
    overall: Printed | None = None
    attribute_gaps: dict[str, _NamedGap] = Field(default_factory=dict)
    ipa_priority: Listed[_Priority] = ()
    said_to_exceed_expectation: Listed[str] = ()
    said_to_fall_short: Listed[_Said] = ()
    said_to_work: Listed[_Said] = ()
    recommended: Listed[Words] = ()
    also_said: Words | None = None
    comparator: Words | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a study says of one item; `text` may be missing where only a list of items was given."""

    item: str
    statement: Statement
    text: Text | None


@dataclass(frozen=True)
class PublishedTable:
    """A printed table: no answers of persons, so no more can be computed from it than it gives.

    `problems` is empty unless the table was read with `strict=False` although it contradicts itself.
    """

    source: str
    instrument: Instrument
    study: str
    portal: str | None = None
    population: Text | None = None
    scale: Scale | None = None
    n: int | None = None
    fieldwork: tuple[date, date] | None = None
    dimensions: Mapping[str, Printed] = field(default_factory=dict)
    items: Mapping[str, Printed] = field(default_factory=dict)
    overall: Printed | None = None
    priority: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()
    not_published: tuple[Text, ...] = ()
    recommended: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    problems: tuple[Problem, ...] = ()


def load_published(
    path: Path | str = SEMARANG,
    *,
    instrument: Instrument | None = None,
    scale: Scale | str | tuple[int, int] | None = None,
    strict: bool = True,
) -> PublishedTable:
    """A printed table from YAML, or from CSV with the columns `item` or `dimension`, and the scores.

    Gaps are checked against means, and the overall against the items (or the dimensions weighted by their
    number of items), each within what rounding of the printed digits allows.

    Raises:
        InputError: every mistake with its line; a table that contradicts itself too, unless `strict=False`.
    """
    path = Path(path)
    instrument = instrument or load_instrument()
    if path.suffix.lower() in {".yaml", ".yml"}:
        document = load_yaml(path)
        table, rows, problems = _from_yaml(document, instrument)
    else:
        from egovqual_link.published_csv import read_rows

        rows, problems = read_rows(path, instrument)
        table = _table(str(path), instrument, path.stem, rows)
    if problems:
        raise InputError(problems)
    if scale is not None:
        table = _with(table, scale=make_scale(scale))
    found = check_rows(table.source, rows, instrument, table.scale)
    if found and strict:
        raise InputError(found)
    return _with(table, problems=tuple(found))


def _with(table: PublishedTable, **changes: Any) -> PublishedTable:
    return PublishedTable(**{**table.__dict__, **changes})


def _table(source: str, instrument: Instrument, study: str, rows: list[PrintedRow]) -> PublishedTable:
    by_level: dict[str, dict[str, Printed]] = {"item": {}, "dimension": {}, "overall": {}}
    for row in rows:
        by_level[row.level][row.key] = row.scores
    return PublishedTable(
        source=source,
        instrument=instrument,
        study=study,
        dimensions=by_level["dimension"],
        items=by_level["item"],
        overall=by_level["overall"].get("overall"),
    )


def _from_yaml(document: Document, instrument: Instrument) -> tuple[PublishedTable, list[PrintedRow], list[Problem]]:
    data = validate(_File, document)
    problems = [*_unknown_names(document, data, instrument)]
    if not (data.dimensions or data.items):
        problems.append(
            document.problem(
                (), "holds no scores, so it is no published table", "give `dimensions` or `items` with means"
            )
        )
    rows = _yaml_rows(document, data)
    doubled = {gap.item for gap in data.attribute_gaps.values()} & set(data.items)
    problems += [
        document.problem(("attribute_gaps",), f"the gap of {key} stands in `items` too", "keep one of them")
        for key in sorted(doubled)
    ]
    table = _with(
        _table(document.source, instrument, data.study, rows),
        portal=data.portal,
        population=_text(data.population),
        scale=make_scale(data.scale, document.source, document.line(("scale",))) if data.scale else None,
        n=data.n,
        fieldwork=(data.fieldwork.start, data.fieldwork.end) if data.fieldwork else None,
        priority=tuple(each.item for each in data.ipa_priority),
        said=_said(data),
        not_published=_texts(data.not_published),
        recommended=_texts(data.recommended),
        notes=_texts([each for each in (data.also_said, data.comparator) if each is not None]),
    )
    return table, rows, problems


def _yaml_rows(document: Document, data: _File) -> list[PrintedRow]:
    rows = []
    for level, group in (("item", data.items), ("dimension", data.dimensions)):
        for key, scores in group.items():
            rows.append(PrintedRow.at(document, (f"{level}s", key), level, key, scores))
    for name, gap in data.attribute_gaps.items():
        scores = Printed(gap=gap.gap, note=gap.note)
        rows.append(PrintedRow.at(document, ("attribute_gaps", name), "item", gap.item, scores))
    if data.overall:
        rows.append(PrintedRow.at(document, ("overall",), "overall", "overall", data.overall))
    return rows


def _unknown_names(document: Document, data: _File, instrument: Instrument) -> list[Problem]:
    items = instrument.item_keys
    dimensions = [each.key for each in instrument.dimensions]
    named: list[tuple[tuple[str | int, ...], str, str]] = []
    named += [(("dimensions", key), key, "dimension") for key in data.dimensions]
    named += [(("items", key), key, "item") for key in data.items]
    named += [(("attribute_gaps", key, "item"), gap.item, "item") for key, gap in data.attribute_gaps.items()]
    named += [
        (("said_to_exceed_expectation", index), key, "item")
        for index, key in enumerate(data.said_to_exceed_expectation)
    ]
    for group in ("ipa_priority", "said_to_fall_short", "said_to_work"):
        named += [((group, index, "item"), each.item, "item") for index, each in enumerate(getattr(data, group))]
    return [
        document.problem(place, f"{key!r} is no {kind} of {instrument.key}", nearest(key, known))
        for place, key, kind in named
        for known in [items if kind == "item" else dimensions]
        if key not in known
    ]


def _said(data: _File) -> tuple[Said, ...]:
    return (
        *(Said(key, "exceeds", None) for key in data.said_to_exceed_expectation),
        *(Said(each.item, "falls_short", _text(each.text)) for each in data.said_to_fall_short),
        *(Said(each.item, "works", _text(each.text)) for each in data.said_to_work),
    )


def _text(words: Words | None) -> Text | None:
    return Text(en=words, id=words) if isinstance(words, str) else words


def _texts(words: Iterable[Words]) -> tuple[Text, ...]:
    return tuple(text for each in words if (text := _text(each)) is not None)
