"""Coefficients met against figures that others published or other software gives."""

from __future__ import annotations

import itertools

import numpy as np
import pingouin as pg
import pytest
from scipy import stats

from egovqual_link.association import (
    PERFECT_ORDER,
    benjamini_hochberg,
    rank_correlation,
    rank_interval,
    rm_corr,
    tost_correlation,
)


def test_repeated_measures_correlation_meets_bland_and_altman() -> None:
    """Bland and Altman 1995 (pH and PacO2 of eight patients): r -0.5068, df 38, p .000847, CI -0.7067..-0.2319."""
    data = pg.read_dataset("rm_corr")
    found = rm_corr(data["pH"], data["PacO2"], data["Subject"])
    assert (found.r, found.df) == (pytest.approx(-0.5068, abs=5e-5), 38)
    assert found.p == pytest.approx(0.000847, abs=5e-7)
    assert (found.low, found.high) == (pytest.approx(-0.7067, abs=5e-5), pytest.approx(-0.2319, abs=5e-5))
    assert found.interval_method == "Fisher z, N_eff = df + 2"


def test_false_discoveries_meet_benjamini_and_hochberg() -> None:
    """Benjamini and Hochberg 1995, section 4.1: of 15 p-values, four are rejected at 0.05."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
         0.7590, 1.0]  # fmt: skip
    adjusted = benjamini_hochberg(p)
    assert sum(each <= 0.05 for each in adjusted) == 4
    assert adjusted[3] <= 0.05 < adjusted[4]
    assert benjamini_hochberg([]) == []


def test_small_samples_get_the_exact_p() -> None:
    x, y = [1, 2, 3, 4, 5, 6, 7], [2, 1, 4, 3, 7, 5, 6]
    kendall = rank_correlation(x, y, method="kendall")
    exact = stats.kendalltau(x, y, method="exact")
    assert (kendall.r, kendall.p) == (pytest.approx(exact.statistic), pytest.approx(exact.pvalue))
    spearman = rank_correlation(x, y)
    every = stats.permutation_test(
        (y,), lambda other: stats.spearmanr(x, other).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert spearman.p == pytest.approx(every.pvalue)
    assert spearman.p_method == "exact, all 5040 orders"
    assert spearman.p != pytest.approx(stats.spearmanr(x, y).pvalue, abs=0.005)  # the t approximation is off here
    assert spearman.descriptive


def test_ties_and_larger_samples() -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(1, 6, 24).astype(float)
    y = x + rng.normal(0, 2, 24).round()
    spearman, kendall = rank_correlation(x, y), rank_correlation(x, y, method="kendall")
    assert spearman.r == pytest.approx(stats.spearmanr(x, y).statistic)
    assert kendall.r == pytest.approx(stats.kendalltau(x, y).statistic)
    assert spearman.p == pytest.approx(stats.spearmanr(x, y).pvalue, abs=0.01)
    assert spearman.low is not None
    assert spearman.high is not None
    assert spearman.low < spearman.r < spearman.high
    assert rank_correlation(x, y) == spearman
    assert not spearman.descriptive


def test_what_the_data_cannot_carry_is_refused_with_its_reason() -> None:
    assert rank_correlation([1.0], [2.0]).reason == "n_units=1"
    assert rank_correlation([1, 2, 3, 4], [1, 2, 3, 4]).reason == "n_units=4"
    assert rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]).reason == "no_variation"
    assert rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]).r is None
    assert rm_corr([1, 2, 3], [1, 2, 3], ["a", "b", "c"]).reason == "needs_two_waves_in_two_portals"
    with pytest.raises(ValueError, match="differ in length"):
        rank_correlation([1, 2], [1])


def test_waves_of_one_portal_are_drawn_together_and_give_no_permutation_p() -> None:
    rng = np.random.default_rng(8)
    x = np.repeat(rng.normal(size=10), 3)
    y = x + rng.normal(0, 0.5, 30)
    blocks = [f"portal {index // 3}" for index in range(30)]
    found = rank_correlation(x, y, blocks=blocks)
    assert found.p is None
    assert found.p_method is not None
    assert "not exchangeable" in found.p_method
    loose = rank_correlation(x, y)
    assert None not in (found.low, found.high, loose.low, loose.high)
    assert found.high - found.low > loose.high - loose.low  # type: ignore[operator]


def test_no_relation_is_called_one_in_twenty_times() -> None:
    rng = np.random.default_rng(21)
    called = sum(rank_correlation(rng.normal(size=7), rng.normal(size=7)).p <= 0.05 for _ in range(200))  # type: ignore[operator]
    assert called <= 19  # 5% of 200 and three standard errors


def test_nine_units_are_exact_where_the_t_approximation_is_not() -> None:
    """The case that scipy 1.17 gives as .088: all 362,880 orders give .097."""
    rng = np.random.default_rng(0)
    x = np.arange(9.0)
    for _ in range(10_000):
        y = rng.permutation(9).astype(float)
        if abs(stats.spearmanr(x, y).statistic - 0.6) < 1e-9:
            break
    found = rank_correlation(x, y)
    assert found.r == pytest.approx(0.6)
    assert stats.spearmanr(x, y).pvalue == pytest.approx(0.088, abs=5e-4)
    assert found.p == pytest.approx(0.097, abs=5e-4)
    assert found.p_method == "exact, all 362880 orders"
    kendall = rank_correlation(x, y, method="kendall")
    assert kendall.p == pytest.approx(stats.kendalltau(x, y, method="exact").pvalue)


def test_ties_are_permuted_as_they_are() -> None:
    x, y = [1.0, 1, 2, 3, 4, 5], [2.0, 3, 3, 3, 5, 4]
    for method, statistic in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        every = np.array([abs(statistic(x, list(order)).statistic) for order in itertools.permutations(y)])
        found = rank_correlation(x, y, method=method)  # type: ignore[arg-type]
        assert found.p == pytest.approx((every >= abs(statistic(x, y).statistic) - 1e-9).mean()), method


def test_intervals_are_those_of_the_named_formulas() -> None:
    """Bonett and Wright 2000: z +- 1.96 sqrt((1 + r^2/2)/(n - 3))."""
    found = rank_interval("spearman", 0.5, 20)
    half = 1.959964 * np.sqrt(1.125 / 17)
    assert found == (pytest.approx(np.tanh(np.arctanh(0.5) - half)), pytest.approx(np.tanh(np.arctanh(0.5) + half)))
    assert rank_interval("spearman", 1.0, 20) == (None, None)
    perfect = rank_correlation([1, 2, 3, 4, 5], [2, 4, 6, 8, 10])
    assert (perfect.r, perfect.low, perfect.interval_method) == (1.0, None, PERFECT_ORDER)


def test_equivalence_meets_the_example_of_toster() -> None:
    """TOSTER's TOSTr(n=100, r=0.02, -0.3, 0.3): p .0006 and .0022 (Goertzen and Cribbie 2010); 90% CI -.146 to .185."""
    found = tost_correlation(0.02, 100, 0.3)
    assert found.p == pytest.approx(0.00218, abs=5e-6)
    assert (found.low, found.high) == (pytest.approx(-0.146, abs=5e-4), pytest.approx(0.185, abs=5e-4))
    with pytest.raises(ValueError, match="between 0 and 1"):
        tost_correlation(0.1, 20, 1.0)
    wider = tost_correlation(0.5, 20, 0.3, method="spearman")
    assert wider.high - wider.low > tost_correlation(0.5, 20, 0.3).high - tost_correlation(0.5, 20, 0.3).low


@pytest.mark.parametrize(("r", "margin", "equivalent"), [(0.02, 0.3, True), (0.2, 0.3, False), (0.02, 0.1, False)])
def test_equivalence_is_the_interval_within_the_margin(r: float, margin: float, equivalent: bool) -> None:
    found = tost_correlation(r, 100, margin)
    assert found.equivalent() is equivalent
    assert (-margin < found.low and found.high < margin) is equivalent
    with pytest.raises(ValueError, match="four units"):
        tost_correlation(r, 3, margin)
