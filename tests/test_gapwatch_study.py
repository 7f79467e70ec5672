"""Study files and operators' records on the command line, from the example to the labels of the output."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

from tests.gapwatch_processes import gapwatch


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    done = gapwatch(folder, "study", "example", "--out", str(folder / "s"), "--portals", "6", "--waves", "2")
    assert done.returncode == 0, done.stderr
    assert "gapwatch link --survey" in done.stdout
    return folder / "s"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def inputs(example: Path) -> list[str]:
    return [
        "--survey", str(example / "synthetic-answers.csv"), "--scale", "1-6",
        "--store", str(example / "synthetic-store.db"), "--study", str(example / "synthetic-study.yaml"),
    ]  # fmt: skip


def test_link_takes_the_study_and_labels_what_it_declared(example: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = gapwatch(tmp_path, "link", *inputs(example), "--out", str(out))
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256((example / "synthetic-study.yaml").read_bytes()).hexdigest()
    assert f"SHA-256 of its file {digest}" in done.stdout
    assert "SYNTHETIC: nobody answered" in done.stdout
    declared = [line for line in done.stdout.splitlines() if line.rstrip().endswith(" declared")]
    assert {line.split()[0] for line in declared} == {"lcp_p75_seconds", "download_p75_seconds"}
    assert "all exploratory" in done.stdout
    assert digest in (out / "index.html").read_text()
    rows = read(out / "tables" / "associations.csv")
    assert {row["status"] for row in rows} == {"declared", "exploratory"}
    assert {(row["indicator"], row["item"]) for row in rows if row["status"] == "declared"} == {
        ("lcp_p75_seconds", "RL5"),
        ("download_p75_seconds", "RL1"),
    }
    assert len({row["choice"] for row in read(out / "tables" / "robustness.csv")}) == 10
    assert json.loads((out / "link.json").read_text())["study"]["digest"] == digest


def test_dates_beside_a_study_are_refused_and_refusals_speak_indonesian(example: Path, tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "link", *inputs(example), "--from", "2024-05-01")
    assert done.returncode == 2
    assert "declares window and portals itself" in done.stderr
    arguments = inputs(example)[:2] + inputs(example)[4:]
    done = gapwatch(tmp_path, "link", *arguments, "--lang", "id")
    assert done.returncode == 2
    assert "ujung skala jawaban tidak dinyatakan (misalnya --scale 1-6)" in done.stderr


def test_tickets_and_issue_times_stand_beside_what_no_browser_sees(example: Path, tmp_path: Path) -> None:
    tickets, issued = tmp_path / "tickets.csv", tmp_path / "issued.csv"
    tickets.write_text(
        "opened,first_reply,closed,portal\n"
        + "".join(f"2024-06-0{1 + n} 08:00,2024-06-0{1 + n} 1{n}:00,,synthetic-0{n + 1}\n" for n in range(5))
        + "2024-06-05 08:00,,,synthetic-06\n"
    )
    issued.write_text("applied,issued,portal\n2024-06-01 08:00,2024-06-04 08:00,synthetic-01\n")
    done = gapwatch(
        tmp_path, "link", *inputs(example), "--tickets", str(tickets), "--issue-times", str(issued), "-f", "json"
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    rows = {(row["portal"], row["indicator"]): row for row in data["side_by_side"] if row["origin"] == "operator"}
    assert rows["synthetic-02", "helpdesk_first_reply_median_hours"]["value"] == 3.0
    assert rows["synthetic-06", "helpdesk_first_reply_median_hours"]["bound"] == ">="
    assert rows["synthetic-01", "issue_time_p75_hours"]["value"] == 72.0
    assert any("operator's own records" in text["en"] for text in data["warnings"])
    tickets.write_text("opened,first_reply,closed,portal\n2024-06-02 08:00,2024-06-01 08:00,,synthetic-01\n")
    done = gapwatch(tmp_path, "link", *inputs(example), "--tickets", str(tickets))
    assert done.returncode == 2
    assert f"{tickets.name}:2: column 'first_reply'" in done.stderr


def test_init_writes_a_study_file_and_none_over_another(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "init", "--study", str(tmp_path / "mine.yaml"))
    assert done.returncode == 0, done.stderr
    assert "hypotheses:" in (tmp_path / "mine.yaml").read_text()
    done = gapwatch(tmp_path, "init", "--study", str(tmp_path / "mine.yaml"))
    assert done.returncode == 2
    assert "exists already" in done.stderr


def test_an_example_is_not_written_over_another(example: Path, tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "study", "example", "--out", str(example))
    assert done.returncode == 2
    assert "exists already and stays as it is" in done.stderr
