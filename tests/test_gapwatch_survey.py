"""`gapwatch survey` as a researcher meets it: both languages, files, JSON, refusals, and the commands of its guide."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from link_surveys import rows, write

from egovqual_link import SEMARANG
from tests.gapwatch_processes import ROOT, gapwatch

FORMS = ("docs/examples/synthetic_forms.csv", "--mapping", "docs/examples/synthetic_forms.yaml")
GUIDE = (ROOT / "docs/survey.md").read_text(encoding="utf-8")


def blemished(folder: Path) -> Path:
    """40 respondents: one a straight line, one outside the scale, one id twice that a spreadsheet would run."""
    table = rows(40, seed=3)
    table[3][1:] = ["6"] * 42
    table[9][5] = "9"
    table[7][0] = table[5][0] = "=HYPERLINK(1)"
    for row in table[30:]:
        row[-8:] = ["belum pernah"] * 8
    return write(folder / "answers.csv", table)


def test_the_summary_stands_first_in_both_languages(tmp_path: Path) -> None:
    english = gapwatch(tmp_path, "survey", *FORMS)
    indonesian = gapwatch(tmp_path, "survey", *FORMS, "--lang", "id")
    assert (english.returncode, indonesian.returncode) == (0, 0), english.stderr + indonesian.stderr
    assert re.search(r"concentrate here +RL2 \d+%, CS3 \d+%", english.stdout)
    assert re.search(r"prioritas utama +RL2 \d+%, CS3 \d+%", indonesian.stdout)
    assert english.stdout.index("concentrate here") < english.stdout.index("p, Wilcoxon")
    assert "Flagged, not dropped: 2 of 80 respondents: duplicate 1, straight line 1" in english.stdout
    assert "Ditandai, tidak dibuang: 2 dari 80 responden: ganda 1, garis lurus 1" in indonesian.stdout
    assert "sangat tidak setuju = 1" in english.stdout
    assert "columns not read and not kept: Saran" in english.stdout
    assert re.search(r"^ +overall +80 +4\.18 +4\.94 +-0\.76", english.stdout, re.MULTILINE)
    assert re.search(r"^ +keseluruhan +80 +4,18 +4,94 +-0,76", indonesian.stdout, re.MULTILINE)


def test_all_tables_are_printed_on_demand(tmp_path: Path) -> None:
    path = blemished(tmp_path)
    done = gapwatch(tmp_path, "survey", str(path), "--scale", "1-6", "--all", "--population", "500")
    assert done.returncode == 0, done.stderr
    for said in (
        "Quadrants by other lines",
        "Corrected item-total correlation",
        "Flagged respondents",
        "Cells outside the scale",
        "Sample size by Slovin for a population of 500: 223",
        "it says nothing about how precise a mean or a gap will be",
    ):
        assert said in done.stdout
    assert re.search(r"^ +11 +EF3_performance +9", done.stdout, re.MULTILINE)


def test_out_holds_every_table_its_meaning_and_the_figures(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    done = gapwatch(
        tmp_path, "survey", str(blemished(tmp_path)), "--scale", "1-6", "--out", str(out), "--format", "json"
    )
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    tables = {path.stem: pd.read_csv(path) for path in out.glob("*.csv")}
    dictionary = tables.pop("columns")
    assert set(tables) == {
        "scores", "gap_tests", "reliability", "item_total", "ipa", "sample_size", "with_and_without", "flagged",
        "problems", "notes",
    }  # fmt: skip
    for name, table in tables.items():
        described = dictionary[dictionary["table"] == name]
        assert list(described["column"]) == list(table.columns)
        assert described[["meaning", "arti"]].notna().all(axis=None)
        assert len(body[name]) == len(table)
        assert [str(key) for key in body[name][0]] == list(table.columns) if len(table) else True
    assert body["respondents"] == 40
    assert body["flags"] == {
        "duplicate": 1, "straight_lining": 1, "out_of_range": 1, "too_fast": 0, "no_answers": 0,
    }  # fmt: skip
    assert [row["line"] for row in body["flagged"]] == [5, 9, 11]
    assert {entry["key"] for found in body["quadrants"].values() for entry in found} == {
        row["key"] for row in body["scores"] if row["level"] == "item"
    }
    assert [row["n"] for row in body["scores"] if row["key"] in ("EF1", "CS1")] == [40, 30]
    assert set(tables["flagged"]["id"]) >= {"'=HYPERLINK(1)"}
    for figure in ("gaps", "ipa"):
        for lang in ("en", "id"):
            for ending, magic in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
                assert (out / "figures" / f"{figure}-{lang}.{ending}").read_bytes().startswith(magic)
    assert "Importance" not in (out / "figures/ipa-id.svg").read_text()


def test_the_same_answers_give_the_same_files(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        done = gapwatch(tmp_path, "survey", *FORMS, "--out", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append({path.name: path.read_bytes() for path in files})
    assert contents[0] == contents[1]


def test_a_published_table_says_what_it_cannot_tell(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "survey", str(SEMARANG), "--out", str(tmp_path / "out"), "--format", "json")
    body = json.loads(done.stdout)
    assert {row["reason"] for row in body["gap_tests"]} == {"answers_not_published"}
    assert body["quadrants"]["keep"] == [
        {"key": "trust", "p": None, "on_line": False},
        {"key": "reliability", "p": None, "on_line": True},
    ]
    assert not (tmp_path / "out/flagged.csv").exists()
    assert (tmp_path / "out/figures/ipa-en.svg").exists()


@pytest.mark.parametrize(
    ("name", "content", "options", "said"),
    [
        ("t.csv", "item,performance,importance,gap\nEF1,3.45,3.42,0.014\n", [], "t.csv:2: EF1: performance 3.45"),
        ("s.csv", "id,EF1_performance,EF1_importance\na,3,x\n", ["--scale", "1-5"], "s.csv:2: column 'EF1_importance'"),
        ("s.csv", "id,EF1_performance,EF1_importance\na,3,4\n", [], "the end points of the answer scale are not"),
        ("s.csv", "id,EF1_performance,EF1_importance\na,3,4\n", ["--scale", "5"], "'5' is not a scale"),
        (
            "s.csv",
            "id,EF1_performance,EF1_importance\na,3,4\n",
            ["--scale", "1-5", "--mapping", "none.yaml"],
            "none.yaml",
        ),
        ("t.yaml", "study: x\ndimensions:\n  trust: {performance: 4.0, importance: 4.5, gap: 0.5}\n", [],
         "t.yaml:3: trust: performance 4"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_place_and_nothing_is_written(
    tmp_path: Path, name: str, content: str, options: list[str], said: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    done = gapwatch(tmp_path, "survey", str(path), *options, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_and_a_width_of_nothing_are_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for options in (("--out", str(tmp_path / "file" / "out")), ("--half-width", "0"), ("--population", "1")):
        done = gapwatch(tmp_path, "survey", *FORMS, *options)
        assert done.returncode == 2, options
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_guide_works(tmp_path: Path, command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "gapwatch"
    arguments = [str(tmp_path / "out") if each == "scores" else each for each in arguments]
    done = gapwatch(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_mapping_of_the_guide_is_one(tmp_path: Path) -> None:
    text = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    header = [
        "Cap waktu",
        "Nomor responden",
        "Kinerja: Susunan portal jelas sehingga mudah saya ikuti",
        "Kepentingan: Susunan portal jelas sehingga mudah saya ikuti",
        "Saran",
    ]
    table = [["2026-03-01", "synthetic-1", "3", "99", "é"], ["2026-03-02", "synthetic-2", "Gak tau", "4", ""]]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(";".join(row) for row in [header, *table]) + "\n", encoding="cp1252")
    done = gapwatch(tmp_path, "survey", str(path), "--mapping", str(tmp_path / "map.yaml"), "--format", "json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["scores"][0]
    assert (row["n_missing"], row["n_dont_know"]) == (1, 1)
    assert any("cp1252" in note["note_en"] for note in json.loads(done.stdout)["notes"])


def test_every_table_is_explained_in_the_guide() -> None:
    from egovqual_link import load_source, survey_tables

    tables = survey_tables(load_source(ROOT / FORMS[0], mapping=ROOT / FORMS[2]), resamples=500)
    assert set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)) == set(tables)
