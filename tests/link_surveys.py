"""Synthetic survey files for the tests: answers drawn from a seeded model, visibly nobody's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from egovqual_link.instrument import load_instrument

ITEMS = load_instrument().item_keys
HEADER = [f"{item}_{kind}" for item in ITEMS for kind in ("performance", "importance")]


def answers(n: int, seed: int = 1, low: int = 1, high: int = 6) -> npt.NDArray[np.int64]:
    """(n x 42) answers on low..high, performance and importance of each item side by side."""
    rng = np.random.default_rng(seed)
    person = rng.normal(size=(n, 1))
    performance = 4 + 0.8 * person + 0.9 * rng.normal(size=(n, 21)) - np.linspace(-0.4, 0.4, 21)
    importance = 4.6 + 0.4 * person + 0.8 * rng.normal(size=(n, 21)) + np.linspace(-0.3, 0.3, 21)
    both = np.empty((n, 42))
    both[:, 0::2], both[:, 1::2] = performance, importance
    return np.clip(np.rint(both), low, high).astype(np.int64)


def rows(n: int, seed: int = 1) -> list[list[str]]:
    """The same as text, with an id before each row."""
    return [[f"synthetic-{index}", *map(str, row)] for index, row in enumerate(answers(n, seed), 1)]


def write(path: Path, table: list[list[str]], header: list[str] | None = None, separator: str = ",") -> Path:
    """A CSV file of `table` below `header` (id and all 42 columns without one)."""
    lines = [separator.join(row) for row in [header or ["id", *HEADER], *table]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
