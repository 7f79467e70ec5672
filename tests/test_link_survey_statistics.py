"""Survey statistics held to figures that other software and other people give."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from link_surveys import ITEMS, answers, rows, write
from scipy import stats

from egovqual_link.paired import benjamini_hochberg, gap_tests, rank_biserial
from egovqual_link.published import load_published
from egovqual_link.reliability import item_total, reliability
from egovqual_link.sample_size import for_mean, slovin
from egovqual_link.scores import all_scores, dimension_scores, gap_scores, overall_scores, with_and_without_flagged
from egovqual_link.survey import Survey
from egovqual_link.survey_load import load_survey

DATA = Path(__file__).parent / "data"
R = json.loads((DATA / "reference_r.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def survey() -> Survey:
    return load_survey(DATA / "synthetic_answers.csv", "1-6")


@pytest.fixture(scope="module")
def reliabilities(survey: Survey) -> pd.DataFrame:
    return reliability(survey)


@pytest.fixture(scope="module")
def tests(survey: Survey) -> pd.DataFrame:
    return gap_tests(survey)


def with_blanks(tmp_path: Path) -> Survey:
    """40 respondents, of whom the last 15 never contacted the help desk and one left a cell empty."""
    table = rows(40, seed=3)
    for row in table[25:]:
        row[-8:] = ["belum pernah"] * 8
    table[0][1] = ""
    return load_survey(write(tmp_path / "blanks.csv", table), "1-6")


# --- R 4.2.2 and psych 2.2.9


@pytest.mark.parametrize("place", sorted(R["reliability"]))
def test_alpha_and_omega_are_those_of_r_psych(reliabilities: pd.DataFrame, place: str) -> None:
    row = reliabilities.set_index(["key", "kind"]).loc[tuple(place.split("/"))]
    expected = R["reliability"][place]
    for name in ("alpha", "alpha_standardised", "alpha_low", "alpha_high"):
        assert row[name] == pytest.approx(expected[name], abs=1e-6), name
    if place == "trust/importance":
        # psych holds an error variance at its bound and goes on; a bound is no estimate, so none is given.
        assert row["reason"] == "improper_solution"
        assert np.isnan(row["omega"])
        return
    assert row["omega"] == pytest.approx(expected["omega"], abs=2e-5)
    assert row["omega_standardised"] == pytest.approx(expected["omega_psych"], abs=2e-5)
    assert row["omega_low"] < row["omega"] < row["omega_high"]


@pytest.mark.parametrize("place", sorted(R["item_total"]))
def test_item_total_correlations_are_those_of_r_psych(survey: Survey, place: str) -> None:
    dimension, kind = place.split("/")
    table = item_total(survey)
    mine = table[(table["dimension"] == dimension) & (table["kind"] == kind)]
    assert mine["r"].to_list() == pytest.approx(R["item_total"][place], abs=1e-9)
    assert (mine["r_low"] < mine["r"]).all()
    assert (mine["r"] < mine["r_high"]).all()


def test_paired_tests_and_intervals_are_those_of_r(survey: Survey, tests: pd.DataFrame) -> None:
    tests, scores = tests.set_index("key"), gap_scores(survey).set_index("key")
    for item, expected in R["tests"].items():
        assert tests.loc[item, "t"] == pytest.approx(expected["t"], rel=1e-8)
        assert tests.loc[item, "p_t"] == pytest.approx(expected["p_t"], rel=1e-6)
        assert tests.loc[item, "p_wilcoxon"] == pytest.approx(expected["p_wilcoxon"], rel=1e-6)
        for name in ("gap_low", "gap_high", "gap_sd"):
            assert scores.loc[item, name] == pytest.approx(expected[name], rel=1e-8)
    assert tests.loc[list(ITEMS), "p_t_adjusted"].to_list() == pytest.approx(R["bh"], rel=1e-6)
    assert set(tests.loc[list(ITEMS), "adjustment"]) == {"Benjamini-Hochberg over 21"}


# --- figures that others published


def test_benjamini_and_hochberg_reject_four_of_their_fifteen() -> None:
    # Their table of 1995: 15 p-values, 4 rejected at a false discovery rate of .05.
    printed = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    adjusted = benjamini_hochberg([*printed, np.nan])
    assert (adjusted[:15] <= 0.05).sum() == 4
    assert np.isnan(adjusted[15])


def test_slovin_and_precision() -> None:
    assert slovin(1000).n == 286  # 1000 / 3.5 = 285.7
    assert slovin(10_000, 0.1).n == 100  # 10000 / 101 = 99.01
    assert slovin(400, 0.05).n == 200  # exactly 200: not one more by a binary fraction
    # 1.96^2 / 0.1^2 = 384.2 by the normal; Student's t needs two more.
    assert for_mean(1.0, 0.1).n == 387
    assert for_mean(1.0, 0.1, population=500).n == 219  # 218 by the normal
    assert for_mean(1.0, 0.1, population=100).n < 100
    for size in (slovin(50), for_mean(1, 1)):
        assert size.assumes.en != size.assumes.id


@pytest.mark.parametrize("n", [5, 30, 200])
def test_the_precision_size_is_the_smallest_that_holds(n: int) -> None:
    half = stats.t.ppf(0.975, n - 1) / np.sqrt(n)
    assert for_mean(1.0, half + 1e-12).n == n
    assert for_mean(1.0, half - 1e-9).n == n + 1


# --- the traps


def test_rank_biserial_by_hand() -> None:
    # |gaps| 1 1 2 3 rank 1.5 1.5 3 4; positive 1.5 + 3 + 4, negative 1.5: (8.5 - 1.5) / 10
    assert rank_biserial([1, -1, 2, 3, 0, 0]) == pytest.approx(0.7)
    assert rank_biserial([-2, -2]) == -1
    assert rank_biserial([0, 0]) is None


def test_a_dimension_is_ranked_on_whole_numbers(survey: Survey, tests: pd.DataFrame) -> None:
    columns = [index for index, item in enumerate(survey.instrument.items) if item.dimension == "efficiency"]
    sums = (survey.performance[:, columns].astype(int) - survey.importance[:, columns]).sum(axis=1)
    exact = stats.wilcoxon(sums, zero_method="wilcox", correction=False, method="asymptotic").pvalue
    means = survey.performance[:, columns].mean(axis=1) - survey.importance[:, columns].mean(axis=1)
    inexact = stats.wilcoxon(means, zero_method="wilcox", correction=False, method="asymptotic").pvalue
    assert tests.set_index("key").loc["efficiency", "p_wilcoxon"] == pytest.approx(exact, rel=1e-12)
    assert exact != pytest.approx(inexact, rel=1e-3)  # what binary fractions would have made of it


def test_where_zeros_decide_the_verdict_it_is_said(tmp_path: Path) -> None:
    # 24 zero gaps, 13 up and 3 down by one, 1 down by two: only Pratt's ranks find a shift at .05.
    gaps = [0] * 24 + [1] * 13 + [-1] * 3 + [-2]
    table = [[f"synthetic-{index}", str(3 + gap), "3"] for index, gap in enumerate(gaps)]
    path = write(tmp_path / "z.csv", table, ["id", "EF1_performance", "EF1_importance"])
    row = gap_tests(load_survey(path, "1-5")).set_index("key").loc["EF1"]
    assert row["n_zero"] == 24
    assert row["p_pratt"] < 0.05 < min(row["p_wilcoxon"], row["p_zsplit"])
    assert row["zeros_matter"]
    assert not gap_tests(load_survey(path, "1-5"), alpha=0.5).set_index("key").loc["EF1", "zeros_matter"]


def test_the_verdict_after_adjustment_counts_too(tests: pd.DataFrame) -> None:
    row = tests.set_index("key").loc["EF2"]
    assert max(row["p_wilcoxon"], row["p_pratt"], row["p_zsplit"]) < 0.06
    assert row["p_wilcoxon_adjusted"] < 0.05 < min(row["p_pratt_adjusted"], row["p_zsplit_adjusted"])
    assert row["zeros_matter"]
    assert not tests.set_index("key").loc["CS4", "zeros_matter"]


def test_small_samples_are_tested_exactly(tmp_path: Path) -> None:
    table = [[f"synthetic-{index}", "5", "3"] for index in range(6)]
    path = write(tmp_path / "s.csv", table, ["id", "EF1_performance", "EF1_importance"])
    row = gap_tests(load_survey(path, "1-5")).set_index("key").loc["EF1"]
    assert row["p_wilcoxon"] == pytest.approx(2 / 2**6)
    assert "every sign pattern" in row["wilcoxon_method"]
    assert row["reason"] == "no_spread"


# --- scores from answers


def test_scores_are_means_of_item_means(survey: Survey) -> None:
    given = pd.read_csv(DATA / "synthetic_answers.csv")
    items = gap_scores(survey).set_index("key")
    for item in ITEMS:
        assert items.loc[item, "performance"] == pytest.approx(given[f"{item}_performance"].mean())
        gap = given[f"{item}_performance"].mean() - given[f"{item}_importance"].mean()
        assert items.loc[item, "gap"] == pytest.approx(gap)
        tk = 100 * given[f"{item}_performance"].sum() / given[f"{item}_importance"].sum()
        assert items.loc[item, "tk"] == pytest.approx(tk)
    trust = dimension_scores(survey).set_index("key").loc["trust"]
    assert trust["gap"] == pytest.approx(items.loc[["TR1", "TR2", "TR3", "TR4"], "gap"].mean())
    assert overall_scores(survey).iloc[0]["gap"] == pytest.approx(items["gap"].mean())


def test_with_complete_answers_a_dimension_is_a_paired_t_on_persons(survey: Survey) -> None:
    given = pd.read_csv(DATA / "synthetic_answers.csv")
    cs = ["CS1", "CS2", "CS3", "CS4"]
    person = sum(given[f"{item}_performance"] - given[f"{item}_importance"] for item in cs) / 4
    low, high = stats.ttest_1samp(person, 0).confidence_interval(0.95)
    row = dimension_scores(survey).set_index("key").loc["citizen_support"]
    assert (row["gap_low"], row["gap_high"]) == pytest.approx((low, high))
    assert row["gap_method"] == "paired t, 95%, df 59"


def test_every_item_has_its_own_n_and_its_reasons_for_no_answer(tmp_path: Path) -> None:
    survey = with_blanks(tmp_path)
    table = all_scores(survey).set_index("key")
    assert table.loc["EF1", ["n", "n_missing", "n_not_contacted"]].to_list() == [39, 1, 0]
    assert table.loc["CS1", ["n", "n_missing", "n_not_contacted"]].to_list() == [25, 0, 15]
    assert table.loc["citizen_support", ["n", "n_not_contacted"]].to_list() == [25, 15]
    assert table.loc["overall", "n"] == 40
    given = answers(40, seed=3)
    # Performance, importance and gap are over the same persons, so that the gap is their difference.
    assert table.loc["EF1", "importance"] == pytest.approx(given[1:, 1].mean())
    assert table.loc["overall", "gap"] == pytest.approx(table.loc[list(ITEMS), "gap"].mean())


def test_intervals_of_an_incomplete_dimension_agree_between_methods(tmp_path: Path) -> None:
    row = overall_scores(with_blanks(tmp_path)).iloc[0]
    assert row["gap_low"] < row["gap"] < row["gap_high"]
    width = row["gap_high"] - row["gap_low"]
    assert row["boot_high"] - row["boot_low"] == pytest.approx(width, rel=0.15)


def test_results_without_the_flagged_stand_beside_those_with_them(tmp_path: Path) -> None:
    table = rows(30)
    table[0] = ["synthetic-straight", *["6"] * 42]
    both = with_and_without_flagged(load_survey(write(tmp_path / "s.csv", table), "1-6"))
    overall = both[both["key"] == "overall"].set_index("respondents")
    assert overall["n"].to_dict() == {"all": 30, "unflagged": 29}
    assert overall.loc["all", "gap"] != overall.loc["unflagged", "gap"]


def test_the_same_seed_gives_the_same_table_and_another_another(survey: Survey, tmp_path: Path) -> None:
    again = load_survey(DATA / "synthetic_answers.csv", "1-6")
    pd.testing.assert_frame_equal(all_scores(survey, resamples=200), all_scores(again, resamples=200))
    other = all_scores(survey, resamples=200, seed=5)
    assert not other["boot_low"].equals(all_scores(survey, resamples=200)["boot_low"])
    assert "seed 5" in other["boot_method"].iloc[0]


def test_nobody_answering_gives_nulls_and_the_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", [["a", "3", ""], ["b", "", "4"]], ["id", "EF1_performance", "EF1_importance"])
    survey = load_survey(path, "1-5")
    row = all_scores(survey).set_index("key").loc["EF1"]
    assert row["reason"] == "not_answered"
    assert pd.isna(row["gap"])
    assert row["n"] == 0
    assert set(gap_tests(survey)["reason"]) == {"not_answered"}
    assert set(reliability(survey)["reason"]) == {"not_answered"}


def test_a_single_answer_has_no_interval(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", [["a", "3", "4"]], ["id", "EF1_performance", "EF1_importance"])
    survey = load_survey(path, "1-5")
    row = gap_scores(survey).iloc[0]
    assert (row["gap"], row["reason"]) == (-1, "one_answer")
    assert pd.isna(row["gap_low"])
    assert gap_tests(survey).iloc[0]["reason"] == "one_answer"


def test_a_printed_table_gives_the_same_columns_and_says_why_they_are_empty(survey: Survey) -> None:
    table = load_published()
    for function in (all_scores, gap_tests, reliability, item_total):
        printed, raw = function(table), function(survey)
        assert list(printed.columns) == list(raw.columns)
        assert len(printed) == len(raw)
        assert printed["reason"].notna().all()
    assert set(gap_tests(table)["reason"]) == {"answers_not_published"}
