"""The end points of an answer scale, which a researcher states and nothing here ever guesses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scenarios.source import InputError, Problem

_FORM = re.compile(r"^\s*(-?\d{1,3})\s*(?:[-\u2013:,]|\.\.|to|sampai|s/d)\s*(-?\d{1,3})\s*$")


@dataclass(frozen=True, slots=True)
class Scale:
    """Whole-number answers from `low` to `high`, both included.

    Raises:
        ValueError: fewer than two or more than 101 points.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 2 <= self.points <= 101:
            raise ValueError(f"a scale from {self.low} to {self.high} has {self.points} points, not 2 to 101")

    @property
    def points(self) -> int:
        """How many answers can be given."""
        return self.high - self.low + 1

    @property
    def midpoint(self) -> float:
        """Half way between the end points."""
        return (self.low + self.high) / 2

    def __str__(self) -> str:
        """The form that `parse_scale` reads."""
        return f"{self.low}-{self.high}"


def parse_scale(text: str, source: str = "--scale", line: int | None = None) -> Scale:
    """`1-6` and its usual spellings as a Scale.

    Raises:
        InputError: not two whole numbers, or not a scale.
    """
    found = _FORM.match(text)
    if not found:
        raise InputError([Problem(source, line, f"{text[:40]!r} is not a scale", "write the end points as 1-6")])
    return make_scale((int(found[1]), int(found[2])), source, line)


def make_scale(given: Scale | str | tuple[int, int], source: str = "scale", line: int | None = None) -> Scale:
    """A Scale from any of its forms.

    Raises:
        InputError: as `parse_scale`.
    """
    if isinstance(given, Scale):
        return given
    if isinstance(given, str):
        return parse_scale(given, source, line)
    try:
        return Scale(*given)
    except (ValueError, TypeError) as error:
        raise InputError(
            [Problem(source, line, str(error), "give the lowest and the highest answer, as 1-6")]
        ) from None
