"""One answer cell as a number on the scale, a reason why there is none, or something that nobody can read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml

from egovqual_link.scale import Scale
from egovqual_link.survey import DONT_KNOW, MISSING, NOT_CONTACTED, OUT_OF_RANGE

#: The cell holds something that is neither an answer nor a known reason for none.
UNREADABLE: Final = -32764

NoAnswer = Literal["missing", "dont_know", "not_contacted"]
NO_ANSWER_CODES: Final[Mapping[str, int]] = {
    "missing": MISSING,
    "dont_know": DONT_KNOW,
    "not_contacted": NOT_CONTACTED,
}
_NO_ANSWER_WORDS: Final = {
    "missing": (
        "", "-", "na", "n/a", "nan", "null", "none", "no answer",
        "kosong", "tidak diisi", "tidak menjawab",
    ),
    "dont_know": ("dont know", "don't know", "do not know", "dk", "unsure", "tidak tahu", "tidak yakin"),
    "not_contacted": (
        "not contacted", "never contacted", "not applicable", "never used",
        "tidak pernah menghubungi", "belum pernah menghubungi", "tidak menghubungi",
        "belum pernah", "tidak pernah", "tidak pernah menggunakan",
    ),
}  # fmt: skip
_NUMBER = re.compile(r"^[+-]?\d{1,6}(?:[.,]\d{1,6})?$")
_NUMBER_AND_WORDS = re.compile(r"^[(\[]?([+-]?\d{1,3})[)\]]?\s*[-\u2013.:=)]?\s+(\D.*)$")
_SPACES = re.compile(r"\s+")


def tidy(text: str) -> str:
    """Lower case, one space between words, typographic apostrophes made plain."""
    return _SPACES.sub(" ", text.replace("\u2019", "'").replace("\u00a0", " ")).strip().casefold()


@cache
def likert_words(points: int) -> Mapping[str, tuple[int, frozenset[str]]]:
    """Answer words of a scale with `points` points: step from the lowest, and the families that use it."""
    path = Path(__file__).parent / "data" / "likert_words.yaml"
    families = yaml.safe_load(path.read_text(encoding="utf-8")).get(points, {})
    steps: dict[str, int] = {}
    users: dict[str, set[str]] = defaultdict(set)
    for family, answers in families.items():
        for step, spellings in enumerate(answers):
            for word in spellings.split("|"):
                steps[word] = step
                users[word].add(family)
    return {word: (step, frozenset(users[word])) for word, step in steps.items()}


class AnswerReader(dict[str, int]):
    """Cell text -> code; every distinct text is read once and remembered.

    Args:
        scale: the declared scale.
        answers: what a mapping file says of further words: a number on the scale, or why there is none.
    """

    def __init__(self, scale: Scale, answers: Mapping[str, int | NoAnswer] | None = None) -> None:
        super().__init__()
        self.scale = scale
        self.declared = {
            tidy(word): NO_ANSWER_CODES[value] if isinstance(value, str) else value
            for word, value in (answers or {}).items()
        }
        self.words = likert_words(scale.points)
        self.used: dict[str, int] = {}

    def __missing__(self, text: str) -> int:
        code = self._read(tidy(text))
        # Bounded: a column of free text by mistake must not be kept whole.
        if len(self) < 10_000:
            self[text] = code
        return code

    def _read(self, text: str) -> int:
        if text in self.declared:
            return self.declared[text]
        for name, words in _NO_ANSWER_WORDS.items():
            if text in words:
                return NO_ANSWER_CODES[name]
        if _NUMBER.match(text):
            return self._number(text)
        if text in self.words:
            self.used[text] = self.scale.low + self.words[text][0]
            return self.used[text]
        return self._number_and_words(text)

    def _number(self, text: str) -> int:
        value = float(text.replace(",", "."))
        if value != int(value):
            return UNREADABLE
        return int(value) if self.scale.low <= value <= self.scale.high else OUT_OF_RANGE

    def _number_and_words(self, text: str) -> int:
        found = _NUMBER_AND_WORDS.match(text)
        if not found or found[2] not in self.words:
            return UNREADABLE
        value = int(found[1])
        return value if value == self.scale.low + self.words[found[2]][0] else UNREADABLE

    def why_unreadable(self, text: str) -> tuple[str, str]:
        """What is wrong with the cell `text`, and what to do."""
        shown = repr(text if len(text) <= 40 else text[:39] + "\u2026")
        if _NUMBER.match(tidy(text)):
            return f"{shown} is not a whole number", f"answers are whole numbers on the scale {self.scale}"
        found = _NUMBER_AND_WORDS.match(tidy(text))
        if found and found[2] in self.words:
            return f"{shown}: the number and the words disagree on the scale {self.scale}", "check the scale"
        return (
            f"{shown} is no answer on the scale {self.scale}",
            "tell its meaning under `answers` of a mapping file: a number, missing, dont_know, not_contacted",
        )

    def ambiguous(self) -> list[tuple[str, str, int]]:
        """Pairs of different words of one family that were read as the same answer: one of them is wrong."""
        used = sorted(self.used.items())
        return [
            (first, second, value)
            for index, (first, value) in enumerate(used)
            for second, other in used[index + 1 :]
            if value == other and self.words[first][1] & self.words[second][1] and not _abbreviates(first, second)
        ]


def _abbreviates(first: str, second: str) -> bool:
    short, long = sorted((first, second), key=len)
    return short == "".join(word[0] for word in long.split())
