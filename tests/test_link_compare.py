"""Two sides of a store compared: what is told, what is refused, and against published figures and scipy."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from egovqual_link.compare import Comparison, compare
from egovqual_link.differences import (
    DayDraws,
    Interval,
    mean_interval,
    newcombe,
    over_streaks,
    quantile_interval,
    rank_difference,
    wilson,
)
from egovqual_link.figures import NARROW, WIDE
from egovqual_link.figures_compare import difference_figure
from egovqual_link.instrument import Language
from egovqual_link.like_for_like import Design, unlike
from egovqual_link.measuring import Settings
from egovqual_link.quantiles import Counted, Mix
from egovqual_link.sides import Side, parse_side, parse_sides
from scenarios.source import InputError
from tests.link_store import START, StoreMaker, full_store

RNG = np.random.default_rng(7)


def counted(values: np.ndarray, days: int = 10, page: str = "home", bound: float = 30.0) -> list[Counted]:
    """One wait each; NaN is a wait at the deadline."""
    return [
        Counted(i % days, (page,), None if math.isnan(v) else float(v), 1, bound if math.isnan(v) else None)
        for i, v in enumerate(values)
    ]


def draws(left: int = 10, right: int = 10, *, paired: bool = False, **settings: int) -> DayDraws:
    return DayDraws(tuple(range(left)), tuple(range(right)), paired, Settings(**settings))


@pytest.fixture(scope="module")
def two_portals(tmp_path_factory: pytest.TempPathFactory) -> str:
    """`slow` and `fast`, ten whole days each."""
    path = tmp_path_factory.mktemp("compare") / "store.sqlite"
    both = full_store(path, portal="slow")
    for table, rows in full_store(path, portal="fast", slow=0.6).rows.items():
        both.rows[table] += [row | {"run_id": f"b-{row['run_id']}"} for row in rows]
    both.write()
    return str(path)


def row(result: Comparison, key: str) -> dict[str, object]:
    return result.indicators.set_index("indicator").loc[key].to_dict()


# Sides


def test_a_side_is_keys_and_values_or_a_portal() -> None:
    assert parse_side("oss", "--left") == Side("oss")
    assert parse_side("portal=oss, from=2024-05-01,to=2024-05-02,browser=firefox", "--left") == Side(
        "oss", "2024-05-01", "2024-05-02", browser="firefox"
    )


def test_every_mistake_in_both_sides_is_told() -> None:
    with pytest.raises(InputError) as caught:
        parse_sides("portl=oss,from=", "oss,portal=other")
    assert [str(each) for each in caught.value.problems] == [
        "--left: unknown key 'portl' (did you mean 'portal'?)",
        "--left: from has no value (write from=…)",
        "--right: portal stands twice (leave one out)",
    ]


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ("from=2024-05-01", "slow", "--left: names no portal (write portal=fast)"),
        ("slwo", "fast", "--left: the store has no runs of the portal 'slwo' (did you mean 'slow'?)"),
        ("slow,location=moon", "fast", "--left: no run of slow has the location 'moon' (there are: lab)"),
        ("slow", "slow", "--right: is the same as --left"),
        ("slow", "location=lab", "--right: shares runs with --left"),
        ("slow,from=2024-05-01,to=2024-05-05", "from=2024-05-05,to=2024-05-06", "--right: shares runs with --left"),
        ("slow,from=2024-05-09,to=2024-05-01", "fast", "--left: starts at"),
        ("slow,from=yesterday", "fast,from=2024-05-01", "--left: 'yesterday' is no date"),
        ("slow,from=2023-01-01,to=2023-01-02", "from=2024-05-01", "--left: no run of slow fits"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(two_portals: str, left: str, right: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        compare(two_portals, *parse_sides(left, right))
    assert any(str(each).startswith(said) for each in caught.value.problems), caught.value.problems


def test_the_right_side_is_as_the_left_where_it_says_nothing(two_portals: str) -> None:
    sides = parse_sides("slow,from=2024-05-01,to=2024-05-04,browser=chromium", "from=2024-05-06,to=2024-05-09")
    right = compare(two_portals, *sides).right
    assert (right.portal, right.browser, right.window.days) == ("slow", "chromium", 4)
    one_dated = compare(two_portals, *parse_sides("slow", "fast,from=2024-05-02,to=2024-05-09"))
    assert one_dated.left.window == one_dated.right.window
    freed = compare(two_portals, *parse_sides("slow,browser=chromium", "fast,browser=any"))
    assert (freed.left.browser, freed.right.browser) == ("chromium", None)


# Statistics


def test_dominance_and_its_test_are_those_of_scipy() -> None:
    left, right = np.round(RNG.lognormal(0, 0.5, 40), 1), np.round(RNG.lognormal(0.2, 0.5, 55), 1)
    found = rank_difference(counted(left), counted(right), draws())
    known = stats.mannwhitneyu(right, left, use_continuity=False, method="asymptotic")
    assert found is not None
    assert found.delta == pytest.approx(2 * known.statistic / (40 * 55) - 1)
    assert found.p == pytest.approx(known.pvalue)
    assert found.interval is not None
    assert found.interval.low < found.delta < found.interval.high


def test_waits_at_the_shorter_deadline_are_ties_at_the_top() -> None:
    left = counted(np.array([1.0, 2.0, math.nan]), bound=30.0)
    right = [*counted(np.array([1.5, math.nan]), bound=60.0), Counted(0, ("home",), 45.0, 1)]
    found = rank_difference(left, right, draws(3, 3))
    assert found is not None
    # 45 s and the wait beyond 60 s both tie with the one beyond 30 s.
    assert found.delta == pytest.approx(((1 - 2) + (2 + 0) * 2) / 9)
    assert found.p is None  # fewer than eight waits
    assert found.interval is None  # fewer than seven days


def test_pages_are_compared_each_with_itself() -> None:
    """A heavy page that one side opens more often must not make that side slow."""
    light, heavy = np.linspace(1, 2, 40), np.linspace(11, 12, 40)
    left = [*counted(light), *counted(heavy[:10], page="heavy")]
    right = [*counted(light[::4]), *counted(heavy, page="heavy")]
    found = rank_difference(left, right, draws())
    assert found is not None
    assert found.strata == 2
    assert abs(found.delta) < 0.4
    assert rank_difference(counted(light), counted(heavy, page="heavy"), draws()) is None


def test_newcombe_meets_his_published_examples() -> None:
    # Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 6/7 - 2/7, 10/10 - 0/20.
    for right, left, low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ):
        found = newcombe(left, right)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("good", "n"), [(0, 12), (3, 9), (81, 263), (40, 40)])
def test_wilson_is_that_of_statsmodels(good: int, n: int) -> None:
    assert wilson(good, n) == pytest.approx(proportion_confint(good, n, method="wilson"))


def test_failures_of_one_streak_count_once() -> None:
    assert over_streaks(100, 10, 2) == pytest.approx((18.0, 20.0))
    assert over_streaks(100, 0, 0) == (100.0, 100.0)


def test_paired_days_cancel_what_a_day_did_to_both() -> None:
    day = np.repeat(RNG.normal(5, 2, 14).clip(1), 20)
    values = np.round(day + RNG.uniform(0, 0.2, day.size), 2), np.round(day + 0.5 + RNG.uniform(0, 0.2, day.size), 2)
    sides = [[Counted(i // 20, ("home",), float(v), 1) for i, v in enumerate(side)] for side in values]
    mixes = Mix(sides[0]), Mix(sides[1])
    paired = quantile_interval(*mixes, 0.75, draws(14, 14, paired=True))
    apart = quantile_interval(*mixes, 0.75, draws(14, 14))
    assert 0.3 < paired.low <= paired.high < 0.7
    assert apart.high - apart.low > 3 * (paired.high - paired.low)


def test_a_p75_at_the_deadline_leaves_the_interval_open() -> None:
    left = Mix(counted(np.where(np.arange(100) % 10 < 4, math.nan, np.round(RNG.uniform(1, 2, 100), 2)), days=7))
    right = Mix(counted(np.round(RNG.uniform(1, 2, 100), 2), days=7))
    found = quantile_interval(left, right, 0.75, draws(7, 7))
    assert found.low == -math.inf
    assert -29 <= found.high <= -28


def test_intervals_of_differences_cover_the_truth() -> None:
    """60 weeks of two portals that differ by 1.0 in mean: at the nominal 95 % few intervals miss."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        days = [[(float(mean * 24), 24.0) for mean in centre + rng.normal(0, 0.5, 14)] for centre in (3.0, 4.0)]
        found = mean_interval(*days, draws(14, 14, resamples=499))
        held += found.low <= 1.0 <= found.high
    assert held >= 53  # 95 % of 60 is 57; fewer than 53 has a chance below 2 %


# The whole


def test_a_faster_portal_is_better_and_its_like_failures_cannot_be_told_apart(two_portals: str) -> None:
    result = compare(two_portals, Side("slow"), Side("fast"))
    load = row(result, "load_p75_seconds")
    assert load["verdict"] == "better"
    assert load["difference"] == pytest.approx(load["right"] - load["left"])  # type: ignore[operator]
    assert load["low"] <= load["difference"] <= load["high"] < 0  # type: ignore[operator]
    assert load["delta"] < -0.9  # type: ignore[operator]
    assert load["paired"]
    assert load["text_en"].startswith("Page load (p75): fast is better by 1.0")  # type: ignore[attr-defined]
    assert "lebih baik sebesar 1,0" in load["text_id"]  # type: ignore[operator]
    available = row(result, "availability_share")
    assert available["verdict"] == "unclear"
    assert "may be worse by as much as" in available["text_en"]  # type: ignore[operator]
    assert available["interval_method"].startswith("Newcombe")  # type: ignore[attr-defined]
    fields = row(result, "duplicate_fields_count")
    assert (fields["verdict"], fields["interval_reason_en"]) == (
        "same",
        "no interval: what a form asks is a property of the form, not a sample",
    )
    assert result.two_designs.empty


def test_excluded_runs_are_counted_on_each_side(two_portals: str) -> None:
    sides = compare(two_portals, Side("slow"), Side("fast")).sides
    assert list(sides["excluded_error"]) == [1, 1]
    assert list(sides["excluded_maintenance"]) == [1, 1]


def test_the_same_seed_gives_the_same_bytes_and_json_has_no_nan(two_portals: str) -> None:
    one, two = (compare(two_portals, Side("slow"), Side("fast")).to_json() for _ in range(2))
    assert one == two
    assert {each["verdict"] for each in json.loads(one)["indicators"]} >= {"better", "unclear", "same", "missing"}


def test_too_few_days_give_no_interval_but_words(two_portals: str) -> None:
    result = compare(
        two_portals, *parse_sides("slow,from=2024-05-02,to=2024-05-05", "slow,from=2024-05-06,to=2024-05-09")
    )
    load = row(result, "load_p75_seconds")
    assert load["verdict"] == "seen"
    assert math.isnan(load["low"])  # type: ignore[arg-type]
    assert "4 day(s) of data; at least 7" in load["text_en"]  # type: ignore[operator]
    assert not load["paired"]
    assert any("other days" in each.en for each in result.remarks)
    assert result.names[0].en == "2024-05-02 – 2024-05-05"  # noqa: RUF001 - the dash of a range


def at_deadline(path: Path, *, both: bool) -> str:
    maker = StoreMaker(path)
    for hour in range(24 * 8):
        at = START + timedelta(hours=hour)
        maker.lost(at, portal="down", scenario="home") if hour % 2 else maker.opened(at, 1.0, portal="down")
        late = both and hour % 2
        maker.lost(at, portal="up", scenario="home") if late else maker.opened(at, 1.0 + hour % 5 / 10, portal="up")
    return maker.write()


def test_figures_at_the_deadline_give_bounds_and_on_both_sides_nothing(tmp_path: Path) -> None:
    store = at_deadline(tmp_path / "a.sqlite", both=False)
    better = row(compare(store, Side("down"), Side("up")), "lcp_p75_seconds")
    assert (better["left_bound"], better["difference_bound"], better["verdict"]) == (">=", "<=", "better")
    assert "by at least 28.7 s" in better["text_en"]  # type: ignore[operator]
    assert math.isnan(better["low"])  # type: ignore[arg-type]  # open: the left side may have waited much longer
    assert better["high"] == pytest.approx(-28.7, abs=0.2)
    worse = row(compare(store, Side("up"), Side("down")), "lcp_p75_seconds")
    assert (worse["difference_bound"], worse["verdict"]) == (">=", "worse")
    neither = row(compare(at_deadline(tmp_path / "b.sqlite", both=True), Side("down"), Side("up")), "lcp_p75_seconds")
    assert neither["verdict"] == "unclear"
    assert "nobody knows which is longer" in neither["text_en"]  # type: ignore[operator]


@pytest.mark.parametrize("lang", ["en", "id"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_no_text_of_the_figure_is_cut_off(tmp_path: Path, lang: Language, width: float) -> None:
    result = compare(at_deadline(tmp_path / "a.sqlite", both=False), Side("down"), Side("up"))
    figure = difference_figure(result.seen, lang, width)
    assert figure is not None
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()  # inches, of what is drawn
    assert (drawn.x0, drawn.y0) >= (0, 0)
    assert drawn.x1 <= figure.get_figwidth()
    assert drawn.y1 <= figure.get_figheight()


def redesigned(path: Path) -> str:
    """`new` has a lighter page, one step more, one page of its own, another deadline and another browser version."""
    maker = StoreMaker(path)
    for hour in range(24 * 8):
        at = START + timedelta(hours=hour)
        for portal, requests, weight in (("old", 60, 2_000_000), ("new", 20, 300_000)):
            new = portal == "new"
            run_id = maker.run(
                at, portal=portal, deadline_seconds=60.0 if new else 30.0,
                host={"browser_version": "131" if new else "130"}, network="native",
            )  # fmt: skip
            for step in ("open /", *(("accept",) if new else ())):
                maker.step(run_id, step)
                maker.page(run_id, step, lcp_seconds=1.0 + hour % 7 / 10, requests=requests, transferred_bytes=weight)
    return maker.write()


def test_pages_that_are_not_the_same_are_named(tmp_path: Path) -> None:
    result = compare(redesigned(tmp_path / "store.sqlite"), Side("old"), Side("new"))
    (page,) = result.two_designs.to_dict("records")
    assert (page["scenario"], page["step"]) == ("home", "open /")
    for part in ("60 → 20 requests", "2.00 MB → 300 kB", "steps only on the right: accept", "deadline 30 → 60 s"):
        assert part in page["why_en"]
    assert "permintaan 60 → 20" in page["why_id"]
    alone = result.pages[result.pages["sides"] == "right"]
    assert list(alone["step"]) == ["accept"]
    lcp = row(result, "lcp_p75_seconds")
    assert lcp["like_for_like"] is False
    assert "two designs, not of the same page" in lcp["note_en"]  # type: ignore[operator]
    assert "left out, since one side alone has them: home · accept" in lcp["note_en"]  # type: ignore[operator]
    assert lcp["difference"] == 0  # over the page that both have
    assert row(result, "availability_share")["like_for_like"] is False
    assert any("version of the browser: 130 → 131" in each.en for each in result.remarks)


def test_small_changes_leave_a_page_the_same_page() -> None:
    assert unlike(Design(20, 1e6, None), Design(21, 1.1e6, None)) is None
    assert unlike(Design(2, 1e6, 3), Design(3, 1e6, 3)) is None
    assert unlike(Design(20, 1e6, 3), Design(20, 1e6, 4)) is not None
    assert unlike(Design(None, None, None), Design(20, 1e6, None)) is None


def test_a_page_that_only_failing_runs_saw_is_not_called_another(tmp_path: Path) -> None:
    maker = StoreMaker(tmp_path / "store.sqlite")
    for hour in range(24):
        at = START + timedelta(hours=hour)
        maker.lost(at, portal="a", page=1.0)
        maker.opened(at, 1.0, portal="b")
    (page,) = compare(maker.write(), Side("a"), Side("b")).pages.to_dict("records")
    assert (page["sides"], page["like_for_like"]) == ("both", None)


def test_timings_of_a_busy_host_are_left_out_and_said_so(tmp_path: Path) -> None:
    maker = StoreMaker(tmp_path / "store.sqlite")
    for hour in range(24):
        for portal in ("a", "b"):
            maker.opened(START + timedelta(hours=hour), 1.0, portal=portal, timing_valid=False)
    result = compare(maker.write(), Side("a"), Side("b"))
    lcp = row(result, "lcp_p75_seconds")
    assert lcp["reason"] == "contended"
    assert "all 24 runs of this kind were made on a contended host" in lcp["text_en"]  # type: ignore[operator]
    assert list(result.sides["excluded_timing"]) == [24, 24]
    # What a page is made of does not depend on how busy the probe was.
    assert list(result.pages["requests_left"]) == [20]


def test_hostile_names_are_cut_and_kept_out_of_the_way(tmp_path: Path) -> None:
    maker = StoreMaker(tmp_path / "store.sqlite")
    for hour in range(24 * 8):
        for portal, name in (("a", "<script>" + "x" * 70), ("b", "=1+1" + "y" * 70)):
            run_id = maker.run(START + timedelta(hours=hour), portal=portal)
            for number in range(12):
                maker.step(run_id, f"{number}{name}"[:80])
    result = compare(maker.write(), Side("a"), Side("b"))
    assert all(len(each.en) <= 400 and len(each.id) <= 400 for each in result.flow_changes.values())


def test_a_difference_never_seen_on_one_side_is_no_comparison(tmp_path: Path) -> None:
    maker = StoreMaker(tmp_path / "store.sqlite")
    for hour in range(24 * 8):
        maker.opened(datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=hour), 1.0, portal="a")
        maker.run(START + timedelta(hours=hour), portal="b", kind="http", scenario="ping")
    result = compare(maker.write(), Side("a"), Side("b"))
    lcp = row(result, "lcp_p75_seconds")
    assert lcp["verdict"] == "missing"
    assert "not measured for b" in lcp["text_en"]  # type: ignore[operator]


def test_interval_ends_keep_their_order() -> None:
    found = newcombe((90, 100), (95, 100))
    assert isinstance(found, Interval)
    assert found.low < 0.05 < found.high
