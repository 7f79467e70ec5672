"""The person-level model: what it gives where the answer is known in closed form, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from egovqual_link.persons import OPTIMISERS, mixed_slope


def test_one_cell_a_portal_and_equal_counts_give_the_regression_of_the_means() -> None:
    """Balanced with one cell a unit, REML is the regression over unit means, t on units - 2 (Searle et al. 1992)."""
    rng = np.random.default_rng(5)
    portals, persons = 10, 30
    x = rng.normal(2.5, 0.8, portals)
    unit = np.repeat(np.arange(portals), persons)
    y = 4 - 0.5 * x[unit] + 0.5 * rng.normal(size=portals)[unit] + rng.normal(size=portals * persons)
    means = y.reshape(portals, persons).mean(axis=1)
    expected = stats.linregress(x, means)
    found = mixed_slope(y, x[unit], unit, unit)
    assert (found.n_units, found.n_persons, found.n_cells, found.df) == (10, 300, 10, 8)
    assert found.slope == pytest.approx(expected.slope, abs=1e-4)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-4)
    half = stats.t.ppf(0.975, 8) * expected.stderr
    assert (found.low, found.high) == (
        pytest.approx(expected.slope - half, abs=1e-3),
        pytest.approx(expected.slope + half, abs=1e-3),
    )


def test_more_respondents_do_not_buy_degrees_of_freedom() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=6)
    level = rng.normal(size=6)
    found = {}
    for persons in (20, 400):
        unit = np.repeat(np.arange(6), persons)
        found[persons] = mixed_slope(level[unit] + rng.normal(size=len(unit)), x[unit], unit, unit)
    assert found[20].df == found[400].df == 4
    assert found[400].high - found[400].low > 0.6 * (found[20].high - found[20].low)  # type: ignore[operator]


def test_waves_within_portals_are_random_too_and_units_do_not_matter() -> None:
    rng = np.random.default_rng(7)
    cell = np.repeat(np.arange(24), 15)
    unit = cell // 3
    x = rng.normal(size=24)[cell]
    y = 4 - 0.6 * x + 0.4 * rng.normal(size=8)[unit] + 0.2 * rng.normal(size=24)[cell] + rng.normal(size=len(cell))
    found, scaled = mixed_slope(y, x, unit, cell), mixed_slope(y, 1e6 * x + 5e7, unit, cell)
    assert (found.n_cells, found.df) == (24, 6)
    assert found.low is not None
    assert found.high is not None
    assert found.low < -0.6 < found.high
    assert scaled.slope == pytest.approx(found.slope / 1e6, rel=1e-3)  # type: ignore[operator]


def test_optimisers_that_stop_at_a_worse_likelihood_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from egovqual_link import persons

    def fits(*_: object) -> dict[str, tuple[float, float, float]]:
        return {"lbfgs": (-110.0, -9.0, 0.1), "powell": (-100.0, -1.0, 0.2), "nm": (-100.0004, -1.0, 0.2)}

    monkeypatch.setattr(persons, "_fits", fits)
    unit = np.repeat(np.arange(6), 4)
    x = np.arange(6.0)[unit]
    found = mixed_slope(np.arange(24.0), x, unit, unit)
    assert found.slope == pytest.approx(-1 / np.arange(6.0).std())
    assert found.agreed == ("powell", "nm")
    assert found.note is not None
    assert "lbfgs did not" in found.note.en
    assert "lbfgs tidak" in found.note.id
    assert set(found.agreed) < set(OPTIMISERS)


def test_too_few_units_and_no_variation_are_refused() -> None:
    unit = np.repeat(np.arange(4), 50)
    y = np.random.default_rng(8).normal(size=200)
    few = mixed_slope(y, unit.astype(float), unit, unit)
    assert (few.slope, few.reason, few.n_persons) == (None, "n_units=4", 200)
    six = np.repeat(np.arange(6), 50)
    still = mixed_slope(np.random.default_rng(9).normal(size=300), np.ones(300), six, six)
    assert (still.slope, still.reason) == (None, "no_variation")
