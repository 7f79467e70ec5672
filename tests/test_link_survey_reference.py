"""Incomplete answers on a short scale, where rows and items go missing unevenly, held to what R gives for them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from egovqual_link.ipa import ipa
from egovqual_link.paired import gap_tests
from egovqual_link.reliability import item_total, reliability
from egovqual_link.scores import gap_scores
from egovqual_link.survey import Survey
from egovqual_link.survey_load import load_survey

DATA = Path(__file__).parent / "data"
R = json.loads((DATA / "reference_incomplete.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def survey() -> Survey:
    return load_survey(DATA / "synthetic_incomplete.csv", "1-5")


@pytest.fixture(scope="module")
def tests(survey: Survey) -> pd.DataFrame:
    return gap_tests(survey).set_index("key")


@pytest.fixture(scope="module")
def scores(survey: Survey) -> pd.DataFrame:
    return gap_scores(survey, resamples=500).set_index("key")


@pytest.fixture(scope="module")
def reliabilities(survey: Survey) -> pd.DataFrame:
    return reliability(survey).set_index(["key", "kind"])


def test_the_versions_that_gave_the_figures_are_kept() -> None:
    assert R["source"].startswith("R version 4.2.2 Patched (2022-11-10 r83330) with psych 2.2.9:")


@pytest.mark.parametrize("item", sorted(R["scores"]))
def test_scores_over_pairwise_complete_answers(scores: pd.DataFrame, item: str) -> None:
    row = scores.loc[item]
    for name, expected in R["scores"][item].items():
        assert row[name] == pytest.approx(expected, rel=1e-9, abs=1e-11), name


@pytest.mark.parametrize("key", sorted(R["tests"]))
def test_paired_tests_with_many_zero_gaps(tests: pd.DataFrame, key: str) -> None:
    for name, expected in R["tests"][key].items():
        assert tests.loc[key, name] == pytest.approx(expected, rel=1e-8, abs=1e-12), name


def test_adjusted_for_twenty_one_tests(tests: pd.DataFrame) -> None:
    mine = tests.loc[list(R["scores"]), "p_wilcoxon_adjusted"].to_list()
    assert mine == pytest.approx(R["wilcoxon_bh"], rel=1e-8)


@pytest.mark.parametrize("place", sorted(R["reliability"]))
def test_reliability_over_complete_answers(reliabilities: pd.DataFrame, place: str) -> None:
    row = reliabilities.loc[tuple(place.split("/"))]
    expected = R["reliability"][place]
    assert row["n"] == expected["n"]
    for name in ("alpha", "alpha_standardised", "alpha_low", "alpha_high"):
        assert row[name] == pytest.approx(expected[name], abs=1e-9), name
    # The two optimisers stop at different digits.
    assert row["omega"] == pytest.approx(expected["omega"], abs=2e-5)
    assert row["omega_standardised"] == pytest.approx(expected["omega_standardised_psych"], abs=2e-5)


@pytest.mark.parametrize("place", sorted(R["item_total"]))
def test_item_total_with_interval_and_alpha_without(survey: Survey, place: str) -> None:
    dimension, kind = place.split("/")
    table = item_total(survey)
    mine = table[(table["dimension"] == dimension) & (table["kind"] == kind)]
    for name, expected in R["item_total"][place].items():
        assert mine[name].to_list() == pytest.approx(expected, abs=1e-9), name


def test_crosshairs_stand_at_means_and_medians_of_item_means(survey: Survey) -> None:
    placed = ipa(survey, resamples=500).groupby("crosshair").first()
    for crosshair, name in (("means", "grand_means"), ("medians", "medians")):
        mine = placed.loc[crosshair, ["cross_performance", "cross_importance"]].to_list()
        assert mine == pytest.approx(R[name], rel=1e-9)
