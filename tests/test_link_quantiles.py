"""Intervals of quantiles: the ends that Woodruff's formula gives, open where the data end."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from egovqual_link.quantiles import Counted, Mix


def counts(waits: np.ndarray, lost: int = 0) -> list[Counted]:  # type: ignore[type-arg]
    """One wait a run of (days x runs); the last `lost` of every day are censored."""
    found = []
    for day, row in enumerate(waits):
        for run, wait in enumerate(row):
            censored = run >= len(row) - lost
            found.append(Counted(day, ("page",), None if censored else float(wait), 1, 30.0))
    return found


def test_the_ends_are_the_waits_at_t_standard_errors_of_the_share() -> None:
    rng = np.random.default_rng(11)
    waits = np.exp(1 + 0.2 * rng.normal(size=(20, 1)) + 0.3 * rng.normal(size=(20, 30)))
    found = Mix(counts(waits)).quantile(0.75, resamples=20_000)
    ordered = np.sort(waits.ravel())
    assert found.value == ordered[449]
    error = (waits <= found.value).mean(axis=1).std(ddof=1) / np.sqrt(20)
    reach = stats.t.ppf(0.975, 19) * error
    assert found.low == pytest.approx(np.quantile(ordered, 0.75 - reach), rel=0.01)
    assert found.high == pytest.approx(np.quantile(ordered, 0.75 + reach), rel=0.01)
    assert not found.high_at_least
    assert Mix(counts(waits)).quantile(0.75) == Mix(counts(waits)).quantile(0.75)


def test_an_end_among_the_censored_is_open() -> None:
    rng = np.random.default_rng(12)
    waits = np.exp(0.4 * rng.normal(size=(10, 1)) + 0.1 * rng.normal(size=(10, 10)))
    found = Mix(counts(waits, lost=2)).quantile(0.75)
    assert (found.at_least, found.high, found.high_at_least) == (False, 30.0, True)
    gone = Mix(counts(waits, lost=4)).quantile(0.75)
    assert (gone.value, gone.at_least, gone.high_at_least) == (30.0, True, True)
    assert gone.low is not None
    assert gone.low <= 30.0


def test_days_that_do_not_differ_leave_no_width_and_few_days_no_interval() -> None:
    same = np.tile(np.arange(1.0, 11.0), (9, 1))
    found = Mix(counts(same)).quantile(0.5)
    assert (found.low, found.value, found.high) == (5.0, 5.0, 5.0)
    assert Mix(counts(same[:6])).quantile(0.5).low is None
