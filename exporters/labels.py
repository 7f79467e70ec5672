"""What may become the value of a metric label: words of ours, held to a number."""

from __future__ import annotations

import re
from collections.abc import Collection

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Bounded:
    """At most `limit` different words per owner; the ones after that are all `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._words: dict[object, set[str]] = {}

    def fit(self, owner: object, word: str) -> str:
        """The word itself, or `other`."""
        words = self._words.setdefault(owner, set())
        if word in words or len(words) < self._limit:
            words.add(word)
            return word
        return "other"

    def forget(self, owner: object) -> None:
        """Its words may be new again."""
        self._words.pop(owner, None)


def leading_word(said: str | None) -> str:
    """The leading word of a reason: reasons are written by us, but may go on with figures. None: `unknown`."""
    match = _WORD.match(said or "")
    return match[0] if match else "unknown"


def one_of(word: str, words: Collection[str]) -> str:
    """The word if it belongs to a closed vocabulary, else `other`."""
    return word if word in words else "other"
