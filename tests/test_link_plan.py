"""How large a study must be: formulas against published tables and other software, simulations against both."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from egovqual_link import plan_correlation, plan_gap, plan_probes
from egovqual_link.association import rank_correlation, rm_corr
from egovqual_link.plan import Assumptions, plan, to_json
from egovqual_link.plan_search import smallest
from egovqual_link.quantiles import SEED, Counted, Mix
from scenarios.source import InputError

QUICK = Assumptions(sims=400)


# Formulas


@pytest.mark.parametrize(("r", "n"), [(0.1, 783), (0.2, 194), (0.3, 85), (0.4, 47), (0.6, 20), (0.7, 14)])
def test_pearson_meets_the_table_of_hulley(r: float, n: int) -> None:
    # Hulley et al. (2013), table 6C: two-sided 5 %, power 80 %; he rounds, we round up (.1: 782.6, .7: 13.4).
    assert plan_correlation.power_size(r, 0.8, 0.95, ranks=False) == n


def test_precision_meets_bonett_and_wright() -> None:
    # statpsych 1.7 (R), size.ci.spear(.05, .362, .25): 200.
    assert plan_correlation.precision_size(0.362, 0.125, 0.95) == 200
    assert plan_correlation.half_width(0.362, 200, 0.95) <= 0.125 < plan_correlation.half_width(0.362, 199, 0.95)


@pytest.mark.parametrize(("d", "n"), [(0.2, 199), (0.3, 90), (0.5, 34), (0.8, 15)])
def test_paired_t_meets_gpower_and_statsmodels(d: float, n: int) -> None:
    assert plan_gap.power_size(d, 1.0, 0.8, 0.95) == n
    assert plan_gap.t_power(d, 1.0, n, 0.95) == pytest.approx(TTestPower().power(d, n, 0.05))
    assert plan_gap.power_size(d, 1.0, 0.8, 0.95, 1.5) == math.ceil(1.5 * n)


def test_order_ranks_are_those_of_the_binomial() -> None:
    assert plan_probes.order_ranks(20, 0.5, 0.95) == (6, 15)  # Conover (1999): the median of 20, 95.9 %
    for n in (30, 100, 197):
        low, high = plan_probes.order_ranks(n, 0.75, 0.95)
        assert stats.binom.cdf(high - 1, n, 0.75) - stats.binom.cdf(low - 1, n, 0.75) >= 0.95
        assert stats.binom.cdf(high - 2, n, 0.75) - stats.binom.cdf(low, n, 0.75) < 0.97


def test_independent_runs_lie_in_the_ranks_that_were_asked_for() -> None:
    n = plan_probes.runs_size(0.1, 0.5, 0.95)
    assert n is not None
    rng = np.random.default_rng(3)
    p75 = np.quantile(np.exp(0.5 * rng.standard_normal((4000, n))), 0.75, axis=1, method="inverted_cdf")
    truth = math.exp(0.5 * stats.norm.ppf(0.75))
    assert 1.96 * p75.std() / truth == pytest.approx(0.1, rel=0.1)


def test_availability_width_is_that_of_clopper_and_pearson() -> None:
    low, high = proportion_confint(10, 1000, method="beta")
    assert plan_probes.availability_half_width(1000, 0.99, 1.0, 0.95) == pytest.approx((high - low) / 2)
    # Outages of three checks leave a third of the tries.
    assert plan_probes.availability_half_width(3000, 0.99, 3.0, 0.95) == pytest.approx((high - low) / 2)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_the_variance_of_a_mean_of_days_is_that_of_its_definition(phi: float) -> None:
    lags = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    assert plan_probes.day_variance(9, phi) == pytest.approx((phi**lags).mean())


def test_repeated_measures_count_their_degrees_of_freedom() -> None:
    portals = plan_correlation.repeated_size(0.5, 3, 0.8, 0.95)
    df = portals * 2 - 1
    assert df + 2 >= plan_correlation.power_size(0.5, 0.8, 0.95, ranks=False) > df


@pytest.mark.parametrize("start", [1, 7, 36, 37, 38, 90, 500])
def test_the_smallest_is_found_from_anywhere(start: int) -> None:
    assert smallest(lambda n: n >= 37, start, 1, 200) == 37
    assert smallest(lambda n: n >= 0, start, 5, 200) == 5
    assert smallest(lambda _: False, start, 1, 200) is None


# Simulations


@pytest.mark.parametrize("n", [6, 8, 15])
def test_the_simulated_test_is_the_one_in_use(n: int) -> None:
    """The same p for the same data as the analysis prints (drawn orders differ by their Monte Carlo error)."""
    rng = np.random.default_rng(5)
    for _ in range(5):
        x, y = rng.standard_normal(n), rng.standard_normal(n)
        known = rank_correlation(list(x), list(y))
        assert known.r is not None
        (p,) = plan_correlation.permutation_p(np.array([known.r]), n, SEED)
        assert p == pytest.approx(known.p, abs=1e-12 if n <= 8 else 0.02)


def test_without_a_correlation_the_test_is_wrong_one_time_in_twenty() -> None:
    found = plan_correlation.simulate_power(1e-9, 12, 0.95, sims=4000, seed=1)
    assert found.value == pytest.approx(0.05, abs=4 * found.error)


def test_the_repeated_measures_test_is_the_one_in_use() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((5, 3))
    y = 0.8 * x + 0.3 * rng.standard_normal((5, 3)) + np.arange(5)[:, None]
    known = rm_corr(list(x.ravel()), list(y.ravel()), [str(i // 3) for i in range(15)])
    assert known.df == 5 * 2 - 1
    found = plan_correlation.simulate_repeated(1e-9, 5, 3, 0.95, sims=4000, seed=1)
    assert found.value == pytest.approx(0.05, abs=4 * found.error)


def test_gaps_of_the_formula_have_its_power_and_width() -> None:
    power, width = plan_gap.simulate(plan_gap.Gaps(0.3, 1.0), 90, 0.95, sims=4000, seed=1)
    assert power.value == pytest.approx(plan_gap.t_power(0.3, 1.0, 90, 0.95), abs=4 * power.error)
    assert width.value == pytest.approx(stats.t.ppf(0.975, 89) / math.sqrt(90), rel=0.01)
    assert width.coverage == pytest.approx(0.95, abs=0.02)


def test_groups_of_like_respondents_are_worth_fewer() -> None:
    alone, _ = plan_gap.simulate(plan_gap.Gaps(0.3, 1.0), 100, 0.95, sims=2000, seed=1)
    grouped, width = plan_gap.simulate(plan_gap.Gaps(0.3, 1.0, 10, 0.2), 10, 0.95, sims=2000, seed=1)
    assert grouped.value < alone.value - 0.2
    assert width.coverage == pytest.approx(0.95, abs=0.02)


def test_days_scatter_as_the_formula_says_and_the_printed_interval_holds_without_autocorrelation() -> None:
    waits = plan_probes.Waits(48, 0.5, 0.15, 0.0)
    found = plan_probes.simulate_days(waits, 21, 0.95, sims=1000, seed=1)
    assert found.value == pytest.approx(plan_probes.days_half_width(waits, 21, 0.95), rel=0.15)
    made = plan_probes.simulate_day_intervals(waits, 21, 0.95, sims=200, seed=1)
    assert made.coverage is not None
    assert made.coverage > 0.9
    alike = plan_probes.simulate_day_intervals(replace(waits, phi=0.8), 21, 0.95, sims=200, seed=1)
    assert alike.coverage is not None
    assert alike.coverage < made.coverage - 0.1


def test_the_simulated_interval_of_days_is_the_one_in_use() -> None:
    waits = plan_probes.Waits(48, 0.5, 0.15, 0.0)
    made = plan_probes.simulate_day_intervals(waits, 14, 0.95, sims=40, seed=4)
    rng = np.random.default_rng(4)
    widths = []
    for _ in range(40):
        values = np.round(np.exp(waits.draw(rng, 1, 14)[0]), 3)
        found = Mix([Counted(day, ("p",), float(v), 1) for day in range(14) for v in values[day]]).quantile(0.75)
        assert found.low is not None
        assert found.high is not None
        widths.append((found.high - found.low) / 2 / waits.p75)
    assert made.interval == pytest.approx(np.mean(widths), rel=0.15)


def test_neighbouring_days_correlate_as_asked() -> None:
    series = plan_probes.autocorrelated(np.random.default_rng(1), (400, 200), 0.6)
    assert np.corrcoef(series[:, :-1].ravel(), series[:, 1:].ravel())[0, 1] == pytest.approx(0.6, abs=0.02)
    assert series.std() == pytest.approx(1, abs=0.02)


def test_outages_come_as_often_and_last_as_long_as_asked() -> None:
    found = plan_probes.simulate_checks(20_000, 0.98, 4.0, 0.95, sims=400, seed=1)
    # Lengths are geometric: the variance of the share is (2 L - 1) a (1 - a) / n, with L the mean length, nearly.
    known = 1.96 * math.sqrt(7 * 0.98 * 0.02 / 20_000)
    assert found.value == pytest.approx(known, rel=0.15)
    short = plan_probes.simulate_checks(20_000, 0.98, 1.0, 0.95, sims=400, seed=1)
    assert short.coverage is not None
    assert short.coverage > 0.92


# Answers


def test_every_question_is_answered_twice_with_its_assumptions() -> None:
    answers = {each.key: each for each in plan(replace(QUICK, waves=3))}
    assert list(answers) == [
        "correlation_power", "correlation_precision", "repeated_power", "gap_power", "gap_precision",
        "latency_precision", "availability_precision",
    ]  # fmt: skip
    for answer in answers.values():
        assert answer.formula_n is not None
        assert answer.simulated_n is not None
        assert answer.at_simulated is not None
        assert answer.at_simulated.error > 0
        assert any("seed 20120101" in each.en for each in answer.assumptions)
        reached = answer.at_simulated.value
        assert reached >= answer.target if answer.measure == "power" else reached <= answer.target
    for key in ("correlation_power", "gap_power", "gap_precision", "correlation_precision"):
        assert answers[key].simulated_n == pytest.approx(answers[key].formula_n, rel=0.15)
    assert answers["availability_precision"].simulated_n > answers["availability_precision"].formula_n  # type: ignore[operator]


def test_the_seed_decides() -> None:
    one, two = (to_json(QUICK, plan(QUICK, ["correlation", "latency"])) for _ in range(2))
    assert one == two
    other = replace(QUICK, seed=1)
    assert json.loads(to_json(other, plan(other, ["correlation"])))["answers"][0] != json.loads(one)["answers"][0]


def test_what_no_study_can_have_is_refused_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        plan(Assumptions(power=1.0, correlation=0.0, gap_sd=0.1, availability=1.0, sims=3))
    assert [each.source for each in caught.value.problems] == [
        "--power", "--correlation", "--gap-sd", "--availability", "--sims",
    ]  # fmt: skip
    with pytest.raises(InputError, match="cannot come from groups of 5"):
        plan(Assumptions(design_effect=8, cluster_size=5))


def test_not_a_number_is_refused() -> None:
    with pytest.raises(InputError, match="gap"):
        plan(Assumptions(gap=math.nan))


def test_what_is_out_of_reach_is_told_and_not_simulated() -> None:
    (answer,) = plan(replace(QUICK, latency_half_width=0.01), ["latency"])
    assert answer.formula_n is not None
    assert answer.formula_n > 730
    assert answer.simulated_n is None
    assert answer.as_dict()["more_than"] == 730


def test_groups_are_whole() -> None:
    answers = plan(replace(QUICK, design_effect=1.95), ["gap"])
    for answer in answers:
        assert answer.simulated_n is not None
        assert answer.simulated_n % 20 == 0
        assert answer.formula_n is not None
        assert answer.simulated_n > answer.formula_n
