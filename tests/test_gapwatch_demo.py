"""The demonstration as a newcomer runs it: everything the README promises, from one command."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gapwatch_processes import PATIENCE, ROOT, environment, gapwatch, get, wait_until


@dataclass(frozen=True)
class Shown:
    """What one demonstration gave: its folder, what it printed, its status page, how it ended, and who was left."""

    out: Path
    stdout: str
    log: str
    status_page: str
    exit_code: int
    children: tuple[int, ...]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("demo")
    out, stdout, log = folder / "out", folder / "stdout", folder / "log"
    command = [sys.executable, "-m", "gapwatch", "demo", "--out", str(out), "--serve", "--listen", "127.0.0.1:0"]
    with stdout.open("w") as to, log.open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=to, stderr=errors)
    try:
        ready = wait_until(
            lambda: process.poll() is not None or re.search(r"http://\S+:\d+(?=/\")", log.read_text()), 240
        )
        assert isinstance(ready, re.Match), log.read_text()
        page = get(ready[0] + "/?lang=en")[1]
        children = tuple(children_of(process.pid))
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)
    return Shown(out, stdout.read_text(), log.read_text(), page, code, children)


def children_of(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.browser
def test_it_ends_well_and_prints_both_tables(demo: Shown) -> None:
    assert demo.exit_code == 0, demo.log
    rows = re.findall(r"^ +(as_surveyed|recommended) +(\w+) +(\d+) +(\d+)", demo.stdout, re.MULTILINE)
    assert len(rows) == 16
    assert "Measured beside perceived" in demo.stdout
    for score in ("5.21*", "5.27*", "-0.06*", "5.11*", "5.36*", "-0.25*"):
        assert score in demo.stdout
    assert "none, since n_units=1" in demo.stdout
    assert "Compared, indicator by indicator: as_surveyed (left), recommended (right)" in demo.stdout
    assert re.search(
        r"Not like for like:\n(- .*\n)*- Home \(.*page_load.* requests, .* MB → .* kB: .* two designs", demo.stdout
    )
    assert "[40/40]" in demo.log
    assert "Traceback" not in demo.log


@pytest.mark.browser
def test_a_synthetic_study_shows_an_association_that_holds_its_truth(demo: Shown) -> None:
    assert re.search(
        r"Synthetic: spearman of lcp_p75_seconds .* the true value -0\.89 lies inside the interval", demo.stdout
    )
    assert "SYNTHETIC" in (demo.out / "synthetic" / "report" / "index.html").read_text().upper()
    linked = json.loads((demo.out / "synthetic" / "report" / "link.json").read_text())
    assert linked["synthetic"] is True
    assert linked["association"]["r"] < 0
    assert (demo.out / "synthetic" / "synthetic-store.db").exists()


@pytest.mark.browser
def test_served_it_shows_the_portals_and_leaves_no_process(demo: Shown) -> None:
    assert "Licensing portal, as surveyed" in demo.status_page
    assert len(demo.children) >= 2  # the portals and the browser's driver
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in demo.children))


@pytest.mark.browser
def test_it_writes_store_metrics_report_and_figures(demo: Shown) -> None:
    out = demo.out
    page = (out / "report/index.html").read_text()
    assert "<html" in page
    assert (out / "report/index.id.html").is_file()
    assert list((out / "report/figures").glob("*.svg"))
    text = (out / "metrics.prom").read_text()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    for name in (
        "gapwatch_runs_total",
        "gapwatch_survey_dimension_score",
        "gapwatch_indicator",
        "gapwatch_web_vital_cls",
    ):
        assert f"\n{name}{{" in text
    body = json.loads((out / "report/link.json").read_text())
    assert body["association"]["r"] is None
    assert body["association"]["reason"] == "n_units=1"


@pytest.mark.browser
def test_it_finds_what_was_injected_and_nothing_grave_in_the_good_portal(demo: Shown) -> None:
    out = demo.out
    store = sqlite3.connect(out / "store.db")
    found: dict[str, set[tuple[str, str]]] = {"as_surveyed": set(), "recommended": set()}
    for portal, class_, severity in store.execute(
        "select portal, class, severity from findings join runs using (run_id)"
    ):
        found[portal].add((class_, severity))
    outcomes = {row[0] for row in store.execute("select outcome from runs where portal = 'recommended'")}
    store.close()
    classes = {class_ for class_, _ in found["as_surveyed"]}
    assert classes >= {"slow", "form_rejected", "duplicate_fields"}
    assert outcomes <= {"passed", "degraded"}
    assert not {each for each in found["recommended"] if each[1] == "critical"}
    assert "duplicate_fields" not in {class_ for class_, _ in found["recommended"]}


def test_a_store_that_is_no_demonstrations_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a store")
    done = gapwatch(tmp_path, "demo", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "(give another folder with --out)" in done.stderr
    assert (tmp_path / "store.db").read_text() == "not a store"


def test_a_place_that_is_no_folder_is_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = gapwatch(tmp_path, "demo", "--out", str(tmp_path / "file" / "out"))
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/file/out: cannot be used: Not a directory\n"
