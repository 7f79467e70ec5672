"""Printed tables: what the shipped study gives to the printed digit, and what cannot be right together."""

from pathlib import Path

import pytest

from egovqual_link.published import SEMARANG, load_published
from egovqual_link.scores import all_scores, dimension_scores, gap_scores, overall_scores
from scenarios.source import InputError


def problems(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_published(path)
    return [str(each).removeprefix(str(path)) for each in caught.value.problems]


def changed(old: str, new: str) -> str:
    text = SEMARANG.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1)


def test_the_overall_is_the_mean_over_items_to_the_printed_digit() -> None:
    row = overall_scores(load_published()).iloc[0]
    assert f"{row.performance:.2f} {row.importance:.2f} {row.gap:+.2f}" == "5.19 5.35 -0.16"
    assert row.performance == pytest.approx((7 * 5.21 + 4 * 5.23 + 6 * 5.19 + 4 * 5.11) / 21)


def test_the_gaps_of_the_dimensions_are_those_printed() -> None:
    table = dimension_scores(load_published()).set_index("key")
    assert table.gap.to_dict() == {
        "efficiency": -0.06,
        "trust": -0.20,
        "reliability": -0.19,
        "citizen_support": -0.25,
    }


def test_what_is_not_published_is_null_with_its_reason() -> None:
    table = all_scores(load_published())
    assert len(table) == 21 + 4 + 1
    assert table[["n", "gap_low", "gap_high", "boot_low", "performance_sd"]].isna().all(axis=None)
    assert set(table.reason) == {"not_published", "n_and_sd_not_published"}
    assert table.reason_en.notna().all()
    assert table.reason_id.notna().all()


def test_the_one_gap_of_an_item_carries_its_doubt() -> None:
    row = gap_scores(load_published()).set_index("key").loc["EF5"]
    assert row.gap == -0.07
    assert "EF4" in row.note_en
    assert "EF4" in row.note_id


def test_a_printed_sd_and_n_give_an_interval(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("item,performance,importance,gap,n,gap_sd\nEF1,3.10,3.60,-0.50,100,1.0\n", encoding="utf-8")
    row = gap_scores(load_published(path)).iloc[0]
    # t(0.975, df 99) = 1.984217 (printed tables of Student's t)
    assert (row.gap_low, row.gap_high) == pytest.approx((-0.6984217, -0.3015783), abs=1e-6)
    assert "df 99" in row.gap_method


def test_a_gap_that_the_means_cannot_give_is_told_with_its_place(tmp_path: Path) -> None:
    (told,) = problems(tmp_path / "t.csv", "item;performance;importance;gap\nEF1;3,45;3,42;0,014\n")
    assert told.startswith(":2: EF1: performance 3.45 and importance 3.42 give a gap of +0.03, not +0.014")


def test_a_gap_within_rounding_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("item,performance,importance,gap\nEF1,3.45,3.42,0.04\nEF2,3.45,3.42,0.02\n", encoding="utf-8")
    assert load_published(path).problems == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gap: -0.06", "gap: 0.06", "the sign turned round"),
        ("importance: 5.35", "importance: 5.37", "not the mean over all items"),
        ("gap: -0.16", "gap: -0.175", "the plain mean over dimensions"),
        ("items: 7", "items: 6", "e-govqual has 7"),
        ("trust: ", "trus: ", "did you mean 'trust'?"),
        ("item: EF5", "item: EF55", "did you mean 'EF5'?"),
        ("performance: 5.21", "performance: .nan", "finite number"),
        ("study:", "studi:", "did you mean 'study'?"),
    ],
)
def test_a_contradiction_or_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = problems(tmp_path / "t.yaml", changed(old, new))
    line = SEMARANG.read_text(encoding="utf-8").split(old)[0].count("\n") + 1
    assert any(each.startswith(f":{line}: ") and said in each for each in told), told


def test_a_mean_outside_the_declared_scale_is_refused(tmp_path: Path) -> None:
    told = problems(tmp_path / "t.yaml", changed("instrument:", "scale: 1-5\ninstrument:"))
    assert any("cannot come from a scale of 1-5" in each for each in told)


def test_a_contradicting_table_can_be_read_on_demand_with_its_problems(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(changed("gap: -0.06", "gap: 0.06"), encoding="utf-8")
    assert len(load_published(path, strict=False).problems) == 2


def test_unquoted_prose_with_commas_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        "study: s\ndimensions:\n  trust: {performance: 5.2, importance: 5.4}\n"
        "said_to_work:\n  - {item: EF2, text: it finds things, most of the time}\n",
        encoding="utf-8",
    )
    (said,) = load_published(path).said
    assert said.text is not None
    assert said.text.en == "it finds things, most of the time"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: is empty"),
        ("name,age\nx,3\n", ":1: column 1: unknown column 'name'"),
        ("item,performance\nEF1,3\n", ":1: has no scores"),
        ("performance,importance\n3,4\n", ":1: has no column `item` or `dimension`"),
        ("item,gap,gap\nEF1,1,1\n", ":1: the column 'gap' stands twice"),
        ("item,gap\nEF1,1,1\n", ":2: has 3 cells, the header 2"),
        ("item,gap\nEF1,x\n", ":2: EF1, gap: 'x' is not a number"),
        ("item,gap\nEF1,inf\n", ":2: EF1, gap: 'inf' is not a usable number"),
        ("item,gap\nEF1,1\nEF1,1\n", ":3: EF1 stands twice"),
        ("item,gap,n\nEF1,1,1\n", ":2: EF1, n: input should be greater than or equal to 2"),
        ("item,gap\n", ":2: holds no scores"),
    ],
)
def test_a_csv_that_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert any(each.startswith(said) for each in problems(tmp_path / "t.csv", text))
