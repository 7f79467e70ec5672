"""Marks on respondents whose answers deserve a second look; nobody is dropped here."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from egovqual_link.survey import FLAGS, NO_ANSWER, OUT_OF_RANGE, Answers

#: Below two seconds a question nobody has read it (Huang et al. 2012, J. of Business and Psychology 27, 99-114).
DEFAULT_SECONDS_PER_ANSWER: Final = 2.0
#: With few answers a straight line, or the same answers as somebody else, is no wonder.
_MIN_ANSWERS_PER_KIND: Final = 8
_MIN_ANSWERS_SAME: Final = 20
_IDENTITY: Final = ["id", "portal", "region", "wave"]

Mask = npt.NDArray[np.bool_]


def flag_respondents(
    performance: Answers, importance: Answers, respondents: pd.DataFrame, seconds_per_answer: float
) -> pd.DataFrame:
    """One row a respondent, a yes-or-no column for each of FLAGS.

    duplicate: the id was already seen at this portal in this wave, or every answer (20 at least, not a
    straight line) is the same as in an earlier row. straight_lining: all performance answers equal and all
    importance answers equal, at least 8 of each. too_fast: duration below `seconds_per_answer` times answers.
    """
    straight = _straight(performance) & _straight(importance)
    answered = (performance > NO_ANSWER).sum(axis=1) + (importance > NO_ANSWER).sum(axis=1)
    outside = (performance == OUT_OF_RANGE).any(axis=1) | (importance == OUT_OF_RANGE).any(axis=1)
    duration = respondents["duration_seconds"].to_numpy(float)
    flags: dict[str, Any] = {
        "duplicate": _same_id(respondents)
        | (_same_answers(performance, importance) & (answered >= _MIN_ANSWERS_SAME) & ~straight),
        "straight_lining": straight,
        "out_of_range": outside,
        # A comparison with a blank duration is false: what is not known is not held against anyone.
        "too_fast": duration < seconds_per_answer * answered,
        "no_answers": answered == 0,
    }
    return pd.DataFrame(flags)[list(FLAGS)]


def _straight(answers: Answers) -> Mask:
    given = answers > NO_ANSWER
    highest = np.where(given, answers, NO_ANSWER).max(axis=1)
    lowest = np.where(given, answers, -NO_ANSWER).min(axis=1)
    straight: Mask = (highest == lowest) & (given.sum(axis=1) >= _MIN_ANSWERS_PER_KIND)
    return straight


def _same_id(respondents: pd.DataFrame) -> Mask:
    identity = respondents[_IDENTITY].fillna("")
    same: Mask = identity.duplicated(keep="first").to_numpy() & respondents["id"].notna().to_numpy()
    return same


def _same_answers(performance: Answers, importance: Answers) -> Mask:
    rows = np.ascontiguousarray(np.hstack([performance, importance]))
    # Whole rows compared as bytes: no hash that two different rows could share.
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first = np.unique(whole, return_index=True)
    same = np.ones(len(rows), dtype=bool)
    same[first] = False
    return same
