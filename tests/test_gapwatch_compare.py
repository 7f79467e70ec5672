"""`gapwatch compare` and `gapwatch study plan` as people call them, and the page that a comparison writes."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.gapwatch_processes import ROOT, gapwatch
from tests.link_store import StoreMaker, full_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """`old` and `new`, ten days each; `new` is faster and made of another page, and its name is hostile elsewhere."""
    path = tmp_path_factory.mktemp("compare") / "store.sqlite"
    both = full_store(path, portal="old")
    add(both, full_store(path, portal="new", slow=0.6))
    for page in both.rows["pages"]:
        if page["run_id"].startswith("new-"):
            page["requests"], page["transferred_bytes"] = 5, 200_000
        page["step"] = {"open /": "<b>open & wait</b>"}.get(page["step"], page["step"])
    for step in both.rows["steps"]:
        step["name"] = {"open /": "<b>open & wait</b>"}.get(step["name"], step["name"])
    both.write()
    return str(path)


def documented(page: str) -> list[str]:
    """What docs/PAGE.md tells people to type, without the program's name."""
    return re.findall(r"^gapwatch (.*)$", (ROOT / f"docs/{page}.md").read_text(), re.MULTILINE)


def add(both: StoreMaker, other: StoreMaker) -> None:
    for table, rows in other.rows.items():
        both.rows[table] += [row | {"run_id": f"new-{row['run_id']}"} for row in rows]


def test_it_prints_a_table_what_is_not_alike_and_what_cannot_be_told(store: str, tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "compare", "--store", store, "--left", "portal=old", "--right", "portal=new")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Page load \(p75\)\* +2\.66 s +1\.59 s +−1\.07 s \(−.* … −.*\) .*better", done.stdout)  # noqa: RUF001 - minus signs
    assert "Not like for like:\n" in done.stdout
    assert "a comparison of two designs, not of the same page" in done.stdout
    assert "Cannot be told apart:\n- " in done.stdout
    assert "left out: 1 own trouble, 0 firewall, 1 maintenance, 0 contended" in done.stdout
    assert "What this does not say:" in done.stdout


def test_it_speaks_indonesian(store: str, tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "compare", "--store", store, "--left", "old", "--right", "new", "--lang", "id")
    assert done.returncode == 0, done.stderr
    assert "perbandingan dua rancangan, bukan halaman yang sama" in done.stdout
    assert "Tidak dapat dibedakan:\n- " in done.stdout
    assert not re.search(r"\d\.\d\d s", done.stdout)


def test_json_is_one_object_and_the_same_each_time(store: str, tmp_path: Path) -> None:
    command = ("compare", "--store", store, "--left", "old", "--right", "new", "--format", "json")
    one, two = (gapwatch(tmp_path, *command).stdout for _ in range(2))
    assert one == two
    body = json.loads(one)
    load = next(each for each in body["indicators"] if each["indicator"] == "load_p75_seconds")
    assert (load["verdict"], load["like_for_like"], load["paired"]) == ("better", False, True)
    assert load["high"] < 0
    assert len(body["limits"]) >= 2


def test_mistakes_are_2_with_their_reasons(store: str, tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "compare", "--store", store, "--left", "portal=odl", "--right", "new")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--left: the store has no runs of the portal 'odl' (did you mean 'old'?)\n"
    done = gapwatch(tmp_path, "compare", "--store", store, "--left", "old,from=x", "--right", "portl=new")
    assert (done.returncode, done.stderr) == (2, "--right: unknown key 'portl' (did you mean 'portal'?)\n")
    done = gapwatch(tmp_path, "compare", "--store", str(tmp_path / "none.db"), "--left", "old", "--right", "new")
    assert done.returncode == 2
    assert "no such store" in done.stderr
    (tmp_path / "file").write_text("")
    done = gapwatch(
        tmp_path, "compare", "--store", store, "--left", "old", "--right", "new", "--out", str(tmp_path / "file/out")
    )
    assert done.returncode == 2
    assert "cannot be written: Not a directory" in done.stderr


@pytest.fixture(scope="module")
def written(store: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    done = gapwatch(
        folder, "compare", "--store", store, "--left", "old", "--right", "new", "--out", str(folder / "out")
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_it_writes_page_figure_tables_and_json(written: Path) -> None:
    for name in ("index.html", "index.id.html", "compare.json", "figures/differences.svg", "figures/differences.png",
                 "figures/differences.pdf", "figures/differences.id.svg"):  # fmt: skip
        assert (written / name).stat().st_size > 1000
    with (written / "tables/pages.csv").open() as file:
        pages = list(csv.DictReader(file))
    assert {row["like_for_like"] for row in pages} >= {"False"}
    page = (written / "index.html").read_text()
    assert "<b>open" not in page
    assert "&lt;b&gt;open &amp; wait" in page


def seen(page: Page, path: Path) -> tuple[list[str], int]:
    """What the browser complained of or asked for from outside, and how far the page is too wide."""
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("request", lambda request: None if request.url.startswith("file:") else trouble.append(request.url))
    page.goto(path.as_uri())
    return trouble, page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["index.html", "index.id.html"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_asks_for_nothing(written: Path, name: str, width: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
        trouble, too_wide = seen(page, written / name)
        figures = page.locator("figure svg:visible").count()
        browser.close()
    assert (trouble, too_wide <= 0, figures) == ([], True, 1)


def test_a_plan_prints_both_numbers_and_every_assumption(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "study", "plan", "--about", "correlation", "--waves", "3", "--sims", "400")
    assert done.returncode == 0, done.stderr
    assert re.search(r"power 0\.8 +30 portals +\d+ portals +power 0\.8\d* \(MC ± 0\.0\d+\)", done.stdout)
    assert "two-sided test at the level 0.05" in done.stdout
    assert "permutation test of the analysis" in done.stdout
    assert "gapwatch: simulating: Portals so that a rank correlation" in done.stderr


def test_a_plan_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    command = ("study", "plan", "--about", "gap", "--sims", "200", "--seed", "5", "--format", "json")
    one, two = (gapwatch(tmp_path, *command).stdout for _ in range(2))
    assert one == two
    body = json.loads(one)
    assert body["assumptions"]["seed"] == 5
    assert [each["formula_n"] for each in body["answers"]] == [90, 174]


def test_a_plan_that_cannot_be_is_2_with_every_reason(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "study", "plan", "--power", "2", "--gap-sd", "0.1", "--lang", "id")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "--power: 2 is not between 0.5 and 0.999 (0.8 is usual)\n"
        "--gap-sd: 0.1 is not between 0.3 and 10 (whole-number answers spread at least that much)\n"
    )


@pytest.mark.parametrize("command", documented("study-plan"))
def test_the_documented_plans_work(tmp_path: Path, command: str) -> None:
    done = gapwatch(tmp_path, *command.split(), "--sims", "100")
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("command", documented("compare"))
def test_the_documented_comparisons_work(store: str, tmp_path: Path, command: str) -> None:
    """With the names of this store in place of the demonstration's."""
    given = command.replace("var/demo/store.db", store).replace("as_surveyed", "old").replace("recommended", "new")
    done = gapwatch(tmp_path, *given.replace("var/comparison", str(tmp_path / "out")).split())
    assert done.returncode == 0, done.stderr
    assert done.stdout
