"""Importance-performance analysis: the published quadrants by four crosshairs, ties, lines and probabilities."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from link_surveys import ITEMS, rows, write

from egovqual_link.ipa import CROSSHAIRS, IPA_COLUMNS, ipa, quadrant_name
from egovqual_link.published import load_published
from egovqual_link.scale import Scale
from egovqual_link.survey_load import load_survey


def quadrants(table: pd.DataFrame, crosshair: str) -> list[str]:
    return table[table["crosshair"] == crosshair]["quadrant"].to_list()


def table_of(path: Path, means: dict[str, tuple[float, float]]) -> Path:
    lines = [f"{item},{performance},{importance}" for item, (performance, importance) in means.items()]
    path.write_text("item,performance,importance\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("crosshair", "expected"),
    [
        ("means", ["overkill", "keep", "keep", "concentrate"]),
        ("medians", ["overkill", "keep", "concentrate", "low_priority"]),
        ("midpoint", ["keep"] * 4),
        ("diagonal", ["improve"] * 4),
    ],
)
def test_the_published_dimensions_fall_where_each_crosshair_puts_them(crosshair: str, expected: list[str]) -> None:
    table = ipa(load_published(), scale=Scale(1, 7))
    assert list(table.columns) == list(IPA_COLUMNS)
    assert quadrants(table, crosshair) == expected


def test_a_dimension_a_thousandth_from_the_line_is_marked() -> None:
    means = ipa(load_published(), crosshairs=["means"]).set_index("key")
    assert means["on_line"].to_dict() == {
        "efficiency": False,
        "trust": False,
        "reliability": True,  # 5.19 against 5.18905
        "citizen_support": False,
    }


def test_without_a_scale_there_is_no_midpoint() -> None:
    table = ipa(load_published())
    middle = table[table["crosshair"] == "midpoint"]
    assert set(middle["reason"]) == {"scale_not_declared"}
    assert middle["quadrant"].isna().all()


def test_without_answers_there_is_no_probability() -> None:
    means = ipa(load_published(), crosshairs=["means"])
    assert set(means["reason"]) == {"answers_not_published"}
    assert means["p_keep"].isna().all()
    assert means["p_method"].isna().all()


def test_ties_count_as_high(tmp_path: Path) -> None:
    table = ipa(load_published(table_of(tmp_path / "t.csv", {"EF1": (3.1, 3.1), "EF2": (3.1, 3.1)})), scale=Scale(1, 5))
    assert quadrants(table, "means") == quadrants(table, "medians") == ["keep", "keep"]
    assert quadrants(table, "diagonal") == ["meets", "meets"]
    assert table[table["crosshair"] == "means"]["on_line"].all()


def test_a_median_runs_through_an_item_which_counts_as_high(tmp_path: Path) -> None:
    path = table_of(tmp_path / "t.csv", {"EF1": (3.0, 4.0), "EF2": (3.5, 3.5), "EF3": (4.0, 3.0)})
    table = ipa(load_published(path), crosshairs=["medians"])
    assert table["level"].to_list() == ["item"] * 3
    assert table["quadrant"].to_list() == ["concentrate", "keep", "overkill"]
    assert table["on_line"].to_list() == [False, True, False]


def test_probabilities_say_how_sure_a_quadrant_is(tmp_path: Path) -> None:
    survey = load_survey(write(tmp_path / "s.csv", rows(80)), "1-6")
    table = ipa(survey, resamples=500)
    assert len(table) == 4 * 21
    for crosshair in CROSSHAIRS:
        mine = table[table["crosshair"] == crosshair]
        names = ["improve", "meets"] if crosshair == "diagonal" else ["concentrate", "keep", "low_priority", "overkill"]
        chances = mine[[f"p_{name}" for name in names]].to_numpy()
        assert chances.sum(axis=1) == pytest.approx(np.ones(21))
        # The quadrant of the answers themselves is where most resamples put an item, unless it stands near a line.
        likeliest = [names[place] for place in chances.argmax(axis=1)]
        sure = chances.max(axis=1) > 0.7
        assert sure.sum() > 5
        assert (np.array(likeliest)[sure] == mine["quadrant"].to_numpy()[sure]).all()
    assert "crosshair recomputed" in table["p_method"].iloc[0]
    pd.testing.assert_frame_equal(table, ipa(survey, resamples=500))


def test_more_respondents_make_a_quadrant_surer(tmp_path: Path) -> None:
    sure = []
    for n in (20, 600):
        table = ipa(load_survey(write(tmp_path / f"{n}.csv", rows(n)), "1-6"), crosshairs=["means"], resamples=300)
        sure.append(table[["p_concentrate", "p_keep", "p_low_priority", "p_overkill"]].max(axis=1).mean())
    assert sure[1] > sure[0]


def test_dimensions_of_answers_are_placed_by_the_grand_mean_over_items(tmp_path: Path) -> None:
    survey = load_survey(write(tmp_path / "s.csv", rows(50)), "1-6")
    by_item, by_dimension = (ipa(survey, level=level, crosshairs=["means"]) for level in ("item", "dimension"))
    assert by_item["cross_performance"].iloc[0] == pytest.approx(by_dimension["cross_performance"].iloc[0])
    assert len(by_dimension) == 4


def test_items_nobody_answered_are_left_out(tmp_path: Path) -> None:
    table = [[f"synthetic-{index}", "3", "4", "5", "5"] for index in range(4)]
    header = ["id", "EF1_performance", "EF1_importance", "CS1_performance", "CS1_importance"]
    placed = ipa(load_survey(write(tmp_path / "s.csv", table, header), "1-5"), crosshairs=["means"])
    assert placed["key"].to_list() == ["EF1", "CS1"]
    assert placed["quadrant"].to_list() == ["low_priority", "keep"]


def test_names_of_quadrants_exist_in_both_languages() -> None:
    assert quadrant_name("concentrate") == "concentrate here"
    assert quadrant_name("concentrate", "id") == "prioritas utama"
    with pytest.raises(KeyError, match="unknown crosshair 'mean'"):
        ipa(load_published(), crosshairs=["mean"])


def test_all_items_are_placed_once_each(tmp_path: Path) -> None:
    placed = ipa(load_survey(write(tmp_path / "s.csv", rows(12)), "1-6"), crosshairs=["means"], resamples=50)
    assert tuple(placed["key"]) == ITEMS
