"""The answers of persons, checked and coded, and what is known about each respondent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from egovqual_link.instrument import Instrument, Text
from egovqual_link.scale import Scale

#: Codes of a cell that holds no answer on the scale; far below any scale, so `answer > NO_ANSWER` tells.
MISSING: Final = -32768
DONT_KNOW: Final = -32767
NOT_CONTACTED: Final = -32766
OUT_OF_RANGE: Final = -32765
NO_ANSWER: Final = -32000

#: What is kept of a respondent beside the answers. Other columns are named in the notes and not kept.
RESPONDENT_COLUMNS: Final = ("line", "id", "time", "portal", "region", "wave", "duration_seconds")
FLAGS: Final = ("duplicate", "straight_lining", "out_of_range", "too_fast", "no_answers")

Answers = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Survey:
    """Coded answers: `performance` and `importance` are (respondents x items), rows as in the file.

    Attributes:
        respondents: one row each, the columns of RESPONDENT_COLUMNS; `line` is the row of the file.
        problems: cells outside the scale (line, column, value, reason); they count as no answer.
        flags: one row a respondent, one yes-or-no column for each of FLAGS.
        notes: what was done while reading that a person should know.
    """

    source: str
    instrument: Instrument
    scale: Scale
    performance: Answers
    importance: Answers
    respondents: pd.DataFrame
    problems: pd.DataFrame
    flags: pd.DataFrame
    notes: tuple[Text, ...] = ()
    #: Results that several tables share (bootstrap draws); belongs to these answers alone.
    cache: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """Number of respondents."""
        return len(self.performance)

    @property
    def paired(self) -> npt.NDArray[np.bool_]:
        """Where a respondent answered both questions of an item, (respondents x items)."""
        return (self.performance > NO_ANSWER) & (self.importance > NO_ANSWER)

    def subset(self, rows: npt.NDArray[np.bool_]) -> Survey:
        """The respondents for whom `rows` is true."""
        return replace(
            self,
            performance=self.performance[rows],
            importance=self.importance[rows],
            respondents=self.respondents[rows].reset_index(drop=True),
            flags=self.flags[rows].reset_index(drop=True),
            cache={},
        )

    def without(self, flags: Iterable[str] = FLAGS) -> Survey:
        """The respondents who carry none of `flags`.

        Raises:
            KeyError: a name is no flag.
        """
        names = list(flags)
        flagged: npt.NDArray[np.bool_] = self.flags[names].to_numpy(dtype=bool).sum(axis=1) > 0
        return self.subset(~flagged)

    def unflagged(self) -> Survey:
        """The respondents who carry no flag at all; these answers themselves where nobody carries one."""
        if not self.flags.to_numpy(dtype=bool).any():
            return self
        # Kept, so that all tables without the flagged share one set of resamples.
        if "unflagged" not in self.cache:
            self.cache["unflagged"] = self.without()
        found: Survey = self.cache["unflagged"]
        return found
