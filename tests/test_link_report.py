"""The link from a real store to the page that people read: figures, refusals, both languages, no outside request."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from link_store import full_store
from playwright.async_api import async_playwright

from egovqual_link import SEMARANG, load_published
from egovqual_link.figures_link import beside_rows, hours_figure
from egovqual_link.link import LinkResult, link
from egovqual_link.report import write_report
from egovqual_link.report_view import comparison
from egovqual_link.table_files import neutral
from exporters.store import Store
from probes.browsers import find_browser
from probes.run import FormField, FormsResult, PageMetrics, Run, StepResult
from scenarios.source import InputError

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


#: Texts that are wider than the box that holds them, outside of what scrolls by intention.
CUT_OFF = """() => [...document.querySelectorAll("h1,h2,h3,h4,p,li,dt,dd,td,th,figcaption,svg")]
    .filter(e => e.getClientRects().length && !e.closest(".scroll"))
    .filter(e => { const box = e.getBoundingClientRect(); return box.left < -1 || box.right > innerWidth + 1
        || (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline"); })
    .map(e => e.tagName + " " + e.textContent.slice(0, 40))"""


def run(number: int, portal: str = "<b>portal</b>", **changes: object) -> Run:
    """A run as a probe would make it; all values are made up and synthetic."""
    values: dict[str, object] = {
        "run_id": f"run-{number}",
        "portal": portal,
        "scenario": "page_load",
        "kind": "page_load",
        "location": "test",
        "browser": "chromium",
        "device": "desktop",
        "network": "native",
        "started_at": START + timedelta(hours=number),
        "duration_seconds": 1.0,
        "deadline_seconds": 60.0,
        "outcome": "passed",
        "steps": (StepResult("Home", "passed", 1.0),),
        "pages": (
            PageMetrics("http://127.0.0.1/", "Home", 0.2, 0.5, 1.0 + number / 100, 0.0, None, 0.6, 0.9, 5, 1000),
        ),
    }
    return Run(**{**values, **changes})  # type: ignore[arg-type]


def store(path: Path, runs: list[Run]) -> str:
    url = f"sqlite:///{path / 'store.db'}"
    opened = Store.open(url)
    opened.add_many(runs)
    opened.close()
    return url


@pytest.fixture
def result(tmp_path: Path) -> LinkResult:
    fields = tuple(FormField("Home", page, "NIK", "text", True, True, True, "national_id") for page in (0, 1))
    forms = FormsResult(fields, duplicates=("NIK",), personal_before_login=1)
    runs = [run(number) for number in range(30)]
    runs.append(run(30, scenario="apply", kind="form_submission", forms=forms))
    return link(load_published(SEMARANG), store(tmp_path, runs))


def test_the_published_figures_are_met_to_the_printed_digit(result: LinkResult) -> None:
    overall = result.scores[result.scores["level"] == "overall"].iloc[0]
    assert [f"{overall[name]:.2f}" for name in ("performance", "importance", "gap")] == ["5.19", "5.35", "-0.16"]
    gaps = result.scores[result.scores["level"] == "dimension"].set_index("key")["gap"].round(2).to_dict()
    assert gaps == {"efficiency": -0.06, "trust": -0.20, "reliability": -0.19, "citizen_support": -0.25}


def test_all_items_stand_side_by_side_and_none_is_silently_missing(result: LinkResult) -> None:
    table = result.side_by_side
    assert list(dict.fromkeys(table["item"])) == list(result.instrument.item_keys)
    assert len(result.instrument.item_keys) == 21
    without = table[table["value"].isna()]
    assert without["reason_en"].notna().all()
    assert without["reason_id"].notna().all()
    asked_twice = table[table["indicator"] == "duplicate_fields_count"].iloc[0]
    assert asked_twice["value"] == 1
    assert (table["score_level"] == "dimension").all()


def test_a_heavy_home_page_does_not_hide_among_the_light_pages_of_other_flows(tmp_path: Path) -> None:
    light = tuple(
        PageMetrics(f"http://127.0.0.1/{step}", step, 0.1, 0.2, 0.3, 0.0, None, 0.3, 0.4, 3, 500) for step in "abcdefgh"
    )
    heavy = (PageMetrics("http://127.0.0.1/", "Home", 2.0, 2.5, 3.0, 0.0, None, 3.0, 3.5, 30, 3_000_000),)
    runs = [run(number, pages=heavy) for number in range(5)]
    runs += [run(10 + number, scenario="apply", kind="form_submission", pages=light) for number in range(5)]
    table = link(load_published(SEMARANG), store(tmp_path, runs)).side_by_side.set_index("indicator")
    assert table.loc["lcp_p75_seconds", "value"] == 3.0
    assert table.loc["lcp_p75_seconds", "rating"] == "fair"
    assert "page_load flows" in table.loc["lcp_p75_seconds", "method"]


def test_no_coefficient_from_one_portal(result: LinkResult) -> None:
    data = json.loads(result.to_json())
    assert data["association"]["r"] is None
    assert data["association"]["reason"] == "n_units=1"
    assert data["association"]["reason_en"]
    said = " ".join(each["en"] for each in data["limits"])
    for item in ("CS1", "CS2", "CS3", "CS4", "RL4"):
        assert item in said
    assert "RL3 only partly" in said
    assert data["exploratory"] is True


def test_a_window_without_runs_is_refused(tmp_path: Path) -> None:
    url = store(tmp_path, [run(1)])
    survey = load_published(SEMARANG)
    with pytest.raises(InputError, match="has no run between"):
        link(survey, url, from_="2020-01-01", to="2020-01-31")
    with pytest.raises(InputError, match="is no date"):
        link(survey, url, from_="soon")
    with pytest.raises(InputError, match="has no runs of the portal 'portel'"):
        link(survey, url, only=["portel"])
    with pytest.raises(InputError, match="no such store"):
        link(survey, f"sqlite:///{tmp_path / 'nowhere.db'}")


def test_the_same_input_gives_the_same_bytes(result: LinkResult, tmp_path: Path) -> None:
    first, second = write_report(result, tmp_path / "a"), write_report(result, tmp_path / "b")
    for name in ("index.html", "index.id.html", "link.json", "figures/gaps.svg", "figures/ipa.png"):
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes(), name


def test_cells_cannot_become_formulas(result: LinkResult) -> None:
    table = result.side_by_side.assign(portal="=HYPERLINK(1)")
    assert set(neutral(table)["portal"]) == {"'=HYPERLINK(1)"}


def test_hostile_text_of_the_survey_and_the_store_stays_text(tmp_path: Path) -> None:
    url = store(tmp_path, [run(number, steps=(StepResult("<script>alert(1)</script>", "passed", 1.0),),
                               pages=(PageMetrics("http://x/", "<script>alert(1)</script>", lcp_seconds=1.0),))
                           for number in range(3)])  # fmt: skip
    survey = load_published(SEMARANG)
    hostile = dataclasses.replace(survey, portal="<img src=x onerror=alert(1)>")
    page = write_report(link(hostile, url), tmp_path / "report").read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img src=x onerror" in page
    assert "<b>" not in page
    assert (tmp_path / "report" / "tables" / "pages.csv").read_text().count("<script>") == 1


def test_both_pages_name_the_priorities_that_stay_unseen_and_link_to_each_other(
    result: LinkResult, tmp_path: Path
) -> None:
    write_report(result, tmp_path)
    english, indonesian = ((tmp_path / name).read_text() for name in ("index.html", "index.id.html"))
    assert "Of the 6 priorities that the study names, 5 (CS1, CS2, CS3, CS4, RL4)" in english
    assert "Dari 6 prioritas yang disebut studi, 5 (CS1, CS2, CS3, CS4, RL4)" in indonesian
    for page in (english, indonesian):
        assert page.count('class="card"') == 21
        assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
        assert 'href="index.html"' in page
        assert 'href="index.id.html"' in page
    assert "\u221205,16" not in indonesian
    assert "\u22120,16" in indonesian
    assert "\u22120.16" in english


def test_clear_differences_between_portals_are_marked_and_only_those(tmp_path: Path) -> None:
    slow, quick = full_store(tmp_path / "a.db", portal="slow", slow=3.0), full_store(tmp_path / "a.db", portal="quick")
    for table, rows in quick.rows.items():
        slow.rows[table] += [{**row, "run_id": f"quick-{row['run_id']}"} for row in rows]
    compared = {row["title"]: row["cells"] for row in comparison(link(load_published(), slow.write()), "en")}
    paint = {cell["portal"]: cell["best"] for cell in compared["Largest contentful paint (p75)"]}
    assert paint == {"quick": True, "slow": False}
    assert not any(cell["best"] for cell in compared["Availability"])


def test_figures_say_nothing_about_hours_that_were_not_seen(result: LinkResult) -> None:
    hours = result.overview.hours
    assert hours_figure(hours) is not None
    assert hours_figure(hours[hours["hour"] < 4]) is None
    turned = {row["item"]: row for row in beside_rows(result.side_by_side, "en")}["EF4"]
    assert turned["turned"]
    assert turned["portals"]["<b>portal</b>"][0] == 0.5  # one of two fields was asked again


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(("page_name", "scheme"), [("index.html", "light"), ("index.id.html", "dark")])
async def test_the_page_opens_quietly_at_every_width(
    result: LinkResult, tmp_path: Path, page_name: str, scheme: Literal["light", "dark"], width: int
) -> None:
    report = write_report(result, tmp_path / "report")
    trouble: list[str] = []
    requests: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**find_browser(playwright, "chromium").launch_options())
        page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        address = (report.parent / page_name).as_uri()
        await page.goto(address)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        heading = await page.get_by_role("heading", level=1).inner_text()
        injected = await page.locator("b").count()
        cut = await page.evaluate(CUT_OFF)
        paper = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await browser.close()
    assert trouble == []
    assert requests == [address]
    assert wide <= width
    assert cut == []
    assert heading == ("Measured beside perceived" if page_name == "index.html" else "Terukur di samping dirasakan")
    assert injected == 0
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 24, 31)"}[scheme]
