"""The shipped questionnaire holds together, and a mistaken one is refused with its line."""

from pathlib import Path

import pytest

from egovqual_link.instrument import SHIPPED, load_instrument
from scenarios.source import InputError


def refused(tmp_path: Path, old: str, new: str, count: int = 1) -> str:
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "own.yaml"
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_instrument(path)
    return str(caught.value).replace(str(path), "own.yaml")


def test_e_govqual_has_its_21_items_in_4_dimensions() -> None:
    instrument = load_instrument()
    sizes = {each.key: len(instrument.items_of(each.key)) for each in instrument.dimensions}
    assert sizes == {"efficiency": 7, "trust": 4, "reliability": 6, "citizen_support": 4}
    assert instrument.item_keys[0] == "EF1"
    assert instrument.item_keys[-1] == "CS4"


def test_what_no_browser_can_measure_is_said_in_both_languages() -> None:
    instrument = load_instrument()
    unmeasured = [item for item in instrument.items if item.fit == "none"]
    assert [item.key for item in unmeasured] == ["TR3", "TR4", "RL4", "CS1", "CS2", "CS3", "CS4"]
    for item in unmeasured:
        assert item.limit is not None
        assert item.limit["en"] != item.limit["id"]
        assert all(indicator.origin == "external" for indicator in item.indicators)


def test_every_text_differs_between_the_languages() -> None:
    instrument = load_instrument()
    for item in instrument.items:
        assert item.statement.en != item.statement.id
        assert item.title.en != item.title.id


def test_a_published_rating_has_three_grades() -> None:
    lcp = next(each for _, each in load_instrument().indicators() if each.key == "lcp_p75_seconds")
    assert [lcp.rate(value) for value in (2.5, 2.6, 4.0, 4.1, None)] == ["good", "fair", "fair", "poor", None]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("fit: direct", "fits: direct", "unknown key 'fits' (did you mean 'fit'?)"),
        ("key: EF2", "key: EF1", "the key 'EF1' stands twice"),
        ("dimension: trust", "dimension: trus", "which is not listed (did you mean 'trust'?)"),
        ("unit: levels", "unit: count", "'menu_depth_levels' must end in its unit '_count'"),
        ("    fit: none\n", "    fit: partial\n", "no indicator that a probe measures"),
        ("near: RL5", "near: RL9", "which is no item (did you mean"),
        ("rating: {good: 2.5, poor: 4.0", "rating: {good: 4.0, poor: 2.5", "runs against its direction"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_the_mend(tmp_path: Path, old: str, new: str, said: str) -> None:
    message = refused(tmp_path, old, new)
    assert said in message
    line = SHIPPED.read_text(encoding="utf-8").split(old)[0].count("\n") + 1
    told = int(message.split("own.yaml:")[1].split(":")[0])
    assert abs(told - line) <= 8  # an item's fault may be told at the head of the item


def test_every_mistake_is_told_not_just_the_first(tmp_path: Path) -> None:
    message = refused(tmp_path, "dimension: trust", "dimension: trus", count=4)
    assert message.count("which is not listed") == 4
    assert "the dimension 'trust' has no item" in message
