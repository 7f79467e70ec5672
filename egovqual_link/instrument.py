"""The questionnaire as data: dimensions, items, and the indicators that may stand beside each item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from scenarios.source import Document, InputError, Problem, StrictModel, load_yaml, nearest, validate

Language = Literal["en", "id"]
Unit = Literal["seconds", "hours", "days", "bytes", "count", "levels", "share", "ratio", "score"]
Fit = Literal["direct", "partial", "none"]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
ItemKey = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,8}[0-9]{1,3}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=400)]

SHIPPED = Path(__file__).with_name("instrument.yaml")


class Text(StrictModel):
    """A short text in both languages."""

    en: Line
    id: Line

    def __getitem__(self, lang: Language) -> str:
        """The text in `lang`."""
        return self.id if lang == "id" else self.en


class Rating(StrictModel):
    """A published scale for an indicator: at least as good as `good`, worse than `poor`, else between."""

    good: float
    poor: float
    source: Line


class Indicator(StrictModel):
    """One measured quantity; `key` ends in its unit, `better` says which direction helps the citizen."""

    key: Name
    title: Text
    unit: Unit
    better: Literal["up", "down"]
    origin: Literal["probe", "external"] = Field(default="probe", alias="from")
    rating: Rating | None = None

    @model_validator(mode="after")
    def _key_tells_unit(self) -> Self:
        if not self.key.endswith(f"_{self.unit}"):
            raise ValueError(f"the key {self.key!r} must end in its unit '_{self.unit}'")
        if self.rating and (self.rating.good < self.rating.poor) != (self.better == "down"):
            raise ValueError(f"the rating of {self.key!r} runs against its direction '{self.better}'")
        return self

    def rate(self, value: float | None) -> Literal["good", "fair", "poor"] | None:
        """The published rating of `value`; None without a value or a published scale."""
        if value is None or self.rating is None:
            return None
        sign = 1.0 if self.better == "down" else -1.0
        if sign * value <= sign * self.rating.good:
            return "good"
        return "poor" if sign * value > sign * self.rating.poor else "fair"


class ContextIndicator(Indicator):
    """An indicator that answers no item; `near` names the item it may be read beside."""

    near: ItemKey | None = None
    limit: Text | None = None


class Item(StrictModel):
    """One question, asked for performance and for importance."""

    key: ItemKey
    dimension: Name
    title: Text
    statement: Text
    fit: Fit
    limit: Text | None = None
    indicators: Annotated[tuple[Indicator, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _honest_about_fit(self) -> Self:
        if self.fit != "direct" and self.limit is None:
            raise ValueError(f"{self.key} has fit '{self.fit}': `limit` must say in words what stays unseen")
        probed = [each.key for each in self.indicators if each.origin == "probe"]
        if self.fit == "none" and probed:
            raise ValueError(
                f"{self.key} has fit 'none' and yet the probe indicator {probed[0]!r}: "
                "give it `from: external`, or move it to `context`"
            )
        if self.fit != "none" and not probed:
            raise ValueError(f"{self.key} has fit '{self.fit}' but no indicator that a probe measures")
        return self


class Dimension(StrictModel):
    """A group of items whose mean is one score."""

    key: Name
    title: Text


class Instrument(StrictModel):
    """A questionnaire whose items are asked twice on one scale, performance and importance."""

    key: Name
    title: Text
    source: Line
    dimensions: Annotated[tuple[Dimension, ...], Field(strict=False, min_length=1)]
    items: Annotated[tuple[Item, ...], Field(strict=False, min_length=1)]
    context: Annotated[tuple[ContextIndicator, ...], Field(strict=False)] = ()

    @property
    def item_keys(self) -> tuple[str, ...]:
        """Keys of all items, in the order of the questionnaire."""
        return tuple(item.key for item in self.items)

    def item(self, key: str) -> Item:
        """The item named `key`; KeyError when there is none."""
        return next((item for item in self.items if item.key == key), None) or _unknown(key)

    def dimension(self, key: str) -> Dimension:
        """The dimension named `key`; KeyError when there is none."""
        return next((each for each in self.dimensions if each.key == key), None) or _unknown(key)

    def items_of(self, dimension: str) -> tuple[Item, ...]:
        """Items of one dimension, in the order of the questionnaire."""
        return tuple(item for item in self.items if item.dimension == dimension)

    def indicators(self) -> Iterator[tuple[Item | None, Indicator]]:
        """Every indicator with the item it stands beside; None for context."""
        for item in self.items:
            for indicator in item.indicators:
                yield item, indicator
        for each in self.context:
            yield None, each


def _unknown(key: str) -> Any:
    raise KeyError(key)


def load_instrument(path: Path | str | None = None) -> Instrument:
    """The instrument in the YAML file at `path`; the shipped E-GovQual without one.

    Raises:
        InputError: every mistake with file and line: unknown keys, wrong types, a key that stands twice,
            an item of no dimension, an indicator whose key does not tell its unit.
    """
    document = load_yaml(SHIPPED if path is None else Path(path))
    instrument = validate(Instrument, document)
    problems = [*_repeated(instrument, document), *_dangling(instrument, document)]
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    return instrument


def _repeated(instrument: Instrument, document: Document) -> Iterator[Problem]:
    places: list[tuple[str, tuple[str | int, ...]]] = []
    for group in ("dimensions", "items", "context"):
        places += [(each.key, (group, index, "key")) for index, each in enumerate(getattr(instrument, group))]
    for index, item in enumerate(instrument.items):
        places += [
            (each.key, ("items", index, "indicators", number, "key")) for number, each in enumerate(item.indicators)
        ]
    count = Counter(key for key, _ in places)
    seen: dict[str, int | None] = {}
    for key, place in places:
        if count[key] > 1 and key in seen:
            yield document.problem(place, f"the key {key!r} stands twice", f"first in line {seen[key]}")
        seen.setdefault(key, document.line(place))


def _dangling(instrument: Instrument, document: Document) -> Iterator[Problem]:
    dimensions = [each.key for each in instrument.dimensions]
    for index, item in enumerate(instrument.items):
        if item.dimension not in dimensions:
            yield document.problem(
                ("items", index, "dimension"),
                f"{item.key} names the dimension {item.dimension!r}, which is not listed",
                nearest(item.dimension, dimensions),
            )
    for index, dimension in enumerate(instrument.dimensions):
        if not instrument.items_of(dimension.key):
            yield document.problem(
                ("dimensions", index), f"the dimension {dimension.key!r} has no item", "list one or remove it"
            )
    for index, each in enumerate(instrument.context):
        if each.near is not None and each.near not in instrument.item_keys:
            yield document.problem(
                ("context", index, "near"),
                f"{each.key!r} stands near {each.near!r}, which is no item",
                nearest(each.near, instrument.item_keys),
            )
