"""Figures of a survey: no name hides another, colours follow the page, and what is unsure looks unsure."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from link_store import full_store
from link_surveys import rows, write

from egovqual_link import all_scores, figures, ipa, load_published, load_survey
from egovqual_link.instrument import Language
from egovqual_link.link import link
from egovqual_link.report import make_tables, render
from egovqual_link.scores import Source
from egovqual_link.survey_figures import gap_figure, ipa_figure

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module", params=["answers", "published"])
def source(request: pytest.FixtureRequest) -> Source:
    return load_published() if request.param == "published" else load_survey(DATA / "synthetic_answers.csv", "1-6")


@pytest.fixture(scope="module")
def placed(source: Source) -> pd.DataFrame:
    return ipa(source)


def names(figure: Any) -> list[Any]:
    return [text for text in figure.axes[0].texts if text.get_text()]


@pytest.mark.parametrize("width", [figures.WIDE, figures.NARROW])
@pytest.mark.parametrize("lang", ["en", "id"])
@pytest.mark.parametrize("crosshair", ["means", "medians"])
def test_no_name_hides_another_or_leaves_the_frame(
    placed: pd.DataFrame, width: float, lang: Language, crosshair: Any
) -> None:
    figure = ipa_figure(placed, lang, crosshair=crosshair, width=width)
    figure.draw_without_rendering()
    frame = figure.axes[0].get_window_extent()
    boxes = {text.get_text(): text.get_window_extent() for text in names(figure)}
    assert len(boxes) == 4 + (placed["crosshair"] == crosshair).sum()  # the quadrants and the points
    for name, box in boxes.items():
        assert frame.x0 - 1 <= box.x0, name
        assert box.x1 <= frame.x1 + 1, name
    for (one, first), (other, second) in combinations(boxes.items(), 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        high = min(first.y1, second.y1) - max(first.y0, second.y0)
        # Boxes of letters are taller than the letters.
        assert min(wide, high) < 0.25 * first.height, (one, other)


def test_points_that_may_stand_elsewhere_carry_their_share(placed: pd.DataFrame) -> None:
    means = placed[placed["crosshair"] == "means"]
    shares = {text.get_text() for text in names(ipa_figure(placed)) if text.get_text().endswith("%")}
    expected = means[means["p_quadrant"] < 0.8]
    assert shares == {f"{row['key']} {row['p_quadrant']:.0%}" for row in expected.to_dict("records")}
    assert bool(shares) == means["p_quadrant"].notna().any()
    assert not [text for text in names(ipa_figure(placed, width=figures.NARROW)) if "%" in text.get_text()]


def test_colours_follow_the_page(source: Source, placed: pd.DataFrame) -> None:
    for figure in (ipa_figure(placed), gap_figure(all_scores(source))):
        drawn = figures.svg(figure, "<label>")
        assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
        assert "var(--blue)" in drawn
        assert 'aria-label="&lt;label&gt;"' in drawn


def test_the_same_data_give_the_same_bytes(placed: pd.DataFrame) -> None:
    assert figures.svg(ipa_figure(placed)) == figures.svg(ipa_figure(placed))


def test_nothing_to_draw_is_an_error_and_no_empty_frame(placed: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="places nothing"):
        ipa_figure(placed[placed["crosshair"] == "diagonal"])
    with pytest.raises(ValueError, match="no row"):
        gap_figure(all_scores(load_published()).query("level == 'item'"))


def test_the_report_on_answers_of_persons_carries_probabilities(tmp_path: Path) -> None:
    survey = load_survey(write(tmp_path / "s.csv", rows(60)), "1-6")
    result = link(survey, full_store(tmp_path / "synthetic.db").write())
    table = make_tables(result)["ipa"]
    assert table["p_quadrant"].notna().all()
    page = render(result, "id")
    first = table.iloc[0]
    assert f'{first["quadrant_id"]} <span class="better">{first["p_quadrant"]:.0%}</span>' in page
    assert page.count('<th scope="row"><span class="key">') >= 21
