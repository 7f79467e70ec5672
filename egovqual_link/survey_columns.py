"""Which column of a survey file holds what: by its name, or as a mapping file says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from egovqual_link.instrument import Instrument, Line
from egovqual_link.survey_words import NoAnswer
from scenarios.source import Document, Problem, StrictModel, load_yaml, nearest, validate

Kind = Literal["performance", "importance"]
KINDS: Final[tuple[Kind, Kind]] = ("performance", "importance")

_KIND_WORDS: Final[Mapping[str, Kind]] = {
    "performance": "performance",
    "kinerja": "performance",
    "importance": "importance",
    "kepentingan": "importance",
}
_RESPONDENT_WORDS: Final = {
    "id": ("id", "respondent", "respondent_id", "responden", "id_responden", "no", "nomor"),
    "time": ("time", "timestamp", "waktu", "tanggal", "date", "stempel_waktu", "cap_waktu"),
    "portal": ("portal", "site", "situs"),
    "region": ("region", "wilayah", "daerah", "kota", "city"),
    "wave": ("wave", "gelombang"),
    "duration_seconds": ("duration_seconds", "durasi_detik"),
}
_LONG_WORDS: Final = {
    "item": ("item", "butir"),
    "kind": ("kind", "jenis", "aspek"),
    "value": ("value", "answer", "jawaban", "nilai", "skor", "score"),
    "performance": ("performance", "kinerja"),
    "importance": ("importance", "kepentingan"),
}
_RESPONDENT: Final = {word: name for name, words in _RESPONDENT_WORDS.items() for word in words}
_LONG: Final = {word: name for name, words in _LONG_WORDS.items() for word in words}
_NOT_A_WORD = re.compile(r"[\W_]+")
_SPACES = re.compile(r"\s+")


class SurveyMapping(StrictModel):
    """A mapping file: what columns and answers mean where their names do not tell.

    `columns` takes header text (`text #2` for its second occurrence) to `EF1_performance`, `id`, `time`,
    `portal`, `region`, `wave`, `duration_seconds`, the columns of the long form, or `ignore`.
    """

    columns: dict[str, str] = Field(default_factory=dict)
    answers: dict[str, int | NoAnswer] = Field(default_factory=dict)
    scale: Line | None = None
    timezone: Line | None = None
    encoding: Line | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    sheet: Line | None = None
    minimum_seconds_per_answer: float | None = Field(default=None, ge=0, le=60)


@dataclass(frozen=True)
class Mapped:
    """A mapping with the document it was read from, so that its mistakes have lines."""

    mapping: SurveyMapping
    document: Document | None


def load_mapping(path: Path | str | SurveyMapping | None) -> Mapped:
    """The mapping file at `path`; an empty mapping without one.

    Raises:
        InputError: every mistake with its line.
    """
    if path is None:
        return Mapped(SurveyMapping(), None)
    if isinstance(path, SurveyMapping):
        return Mapped(path, None)
    document = load_yaml(Path(path))
    return Mapped(validate(SurveyMapping, document), document)


@dataclass(frozen=True)
class Header:
    """The names of the columns, and where they stand."""

    source: str
    line: int
    texts: Sequence[str]

    def problem(self, message: str, hint: str | None = None) -> Problem:
        """A problem of the header."""
        return Problem(self.source, self.line, message, hint)


@dataclass(frozen=True)
class Plan:
    """Columns by number (from 0). `answers` is filled for the wide form, `long` for the long form."""

    answers: Mapping[tuple[str, Kind], int] = field(default_factory=dict)
    long: Mapping[str, int] = field(default_factory=dict)
    respondent: Mapping[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def plan_columns(header: Header, instrument: Instrument, mapped: Mapped) -> Plan:
    """What each column holds, with every mistake of the header."""
    names = _numbered(header.texts)
    problems = _misnamed(header)
    targets, wrong = _declared(names, mapped, instrument)
    problems += wrong
    roles: list[str | None] = []
    for name, text in zip(names, header.texts, strict=True):
        roles.append(targets.get(_spaced(name)) or _by_name(text, instrument))
    long = {"item"} <= set(roles)
    allowed = _allowed(instrument, long)
    kept = [role if role in allowed else None for role in roles]
    if not problems:
        problems += _twice(header, kept)
        problems += _near_misses(header, kept, targets, instrument)
        problems += _incomplete(header, kept, instrument, long)
    places = {role: index for index, role in enumerate(kept) if role}
    return Plan(
        answers={} if long else _answer_places(places, instrument),
        long={name: places[name] for name in _LONG_WORDS if long and name in places},
        respondent={name: places[name] for name in _RESPONDENT_WORDS if name in places},
        ignored=tuple(text[:60] for text, role in zip(header.texts, kept, strict=True) if role is None),
        problems=tuple(problems),
    )


def _normal(text: str) -> str:
    return _NOT_A_WORD.sub("_", text.casefold()).strip("_")


def _spaced(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def _numbered(header: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for text in header:
        seen[text] += 1
        names.append(text if seen[text] == 1 else f"{text} #{seen[text]}")
    return names


def _misnamed(header: Header) -> list[Problem]:
    blank = [str(number) for number, text in enumerate(header.texts, 1) if not text]
    if not blank:
        return []
    return [
        header.problem(
            f"the header has no name in column {', '.join(blank[:10])}",
            "merged cells or a title above the header? keep one row that names every column",
        )
    ]


def _answer_names(instrument: Instrument) -> dict[str, str]:
    names = {}
    for item in instrument.item_keys:
        for word, kind in _KIND_WORDS.items():
            names[f"{item.casefold()}_{word}"] = f"{item}_{kind}"
            names[f"{word}_{item.casefold()}"] = f"{item}_{kind}"
    return names


def _by_name(text: str, instrument: Instrument) -> str | None:
    name = _normal(text)
    return _answer_names(instrument).get(name) or _RESPONDENT.get(name) or _LONG.get(name)


def _allowed(instrument: Instrument, long: bool) -> set[str]:
    return {*_RESPONDENT_WORDS, *(_LONG_WORDS if long else _answer_names(instrument).values())}


def _declared(names: Sequence[str], mapped: Mapped, instrument: Instrument) -> tuple[dict[str, str], list[Problem]]:
    known = sorted({*_RESPONDENT_WORDS, *_LONG_WORDS, *_answer_names(instrument).values(), "ignore"})
    present = {_spaced(name) for name in names}
    problems = []
    targets = {}
    for text, target in mapped.mapping.columns.items():
        message = hint = None
        if target not in known:
            message, hint = f"{target[:60]!r} is nothing that a column can hold", nearest(target, known)
        elif _spaced(text) not in present:
            message, hint = f"the survey has no column {text[:60]!r}", nearest(_spaced(text), present)
        if message and mapped.document:
            problems.append(mapped.document.problem(("columns", text), message, hint))
        elif message:
            problems.append(Problem("mapping", None, message, hint))
        targets[_spaced(text)] = target
    return targets, problems


def _twice(header: Header, roles: Sequence[str | None]) -> list[Problem]:
    places: dict[str, list[int]] = {}
    for index, role in enumerate(roles):
        if role:
            places.setdefault(role, []).append(index)
    return [
        header.problem(
            f"{role} stands in columns {', '.join(str(index + 1) for index in found)} "
            f"({', '.join(repr(header.texts[index][:40]) for index in found)})",
            "keep one, or map the other to `ignore`",
        )
        for role, found in places.items()
        if len(found) > 1
    ]


def _near_misses(
    header: Header, roles: Sequence[str | None], targets: Mapping[str, str], instrument: Instrument
) -> list[Problem]:
    answers = _answer_names(instrument)
    problems = []
    for number, (text, role) in enumerate(zip(header.texts, roles, strict=True), 1):
        name = _normal(text)
        if role or targets.get(_spaced(text)) == "ignore" or len(name) > 40:
            continue
        hint = nearest(name, answers)
        looks_like_item = re.fullmatch(r"[a-z]{1,4}\d{1,2}(_[a-z]+)?", name)
        if (hint and hint.startswith("did you mean") and re.search(r"\d", name)) or looks_like_item:
            hint = (
                f"{hint};"
                if hint and hint.startswith("did")
                else f"items are {instrument.item_keys[0]} to {instrument.item_keys[-1]};"
            )
            problems.append(
                header.problem(
                    f"column {number}: {text[:60]!r} looks like an answer column but is none",
                    f"{hint} write <item>_performance and <item>_importance, or map it to `ignore`",
                )
            )
    return problems


def _incomplete(header: Header, roles: Sequence[str | None], instrument: Instrument, long: bool) -> list[Problem]:
    given = {role for role in roles if role}
    if long:
        missing = {"id"} - given
        if not ({"kind", "value"} <= given or {"performance", "importance"} <= given):
            missing |= {"performance", "importance"}
        return [
            header.problem(f"the long form lacks the column {name!r}", "see the survey guide")
            for name in sorted(missing)
        ]
    asked = {role.rpartition("_")[0] for role in given if role.endswith(KINDS)}
    if not asked:
        return [
            header.problem(
                "is not a survey: no column holds answers to an item of " + instrument.key,
                "name the columns EF1_performance, EF1_importance and so on, or give a mapping file",
            )
        ]
    return [
        header.problem(f"{item}_{kind} is missing, but {item}_{other} is there", "each item is asked twice")
        for item in instrument.item_keys
        if item in asked
        for kind, other in (KINDS, KINDS[::-1])
        if f"{item}_{kind}" not in given
    ]


def _answer_places(places: Mapping[str, int], instrument: Instrument) -> dict[tuple[str, Kind], int]:
    return {
        (item, kind): places[f"{item}_{kind}"]
        for item in instrument.item_keys
        for kind in KINDS
        if f"{item}_{kind}" in places
    }
