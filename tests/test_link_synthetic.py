"""The made-up study: labelled in every file, the same for a seed, and its truth found by the link."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from egovqual_link.link import LinkResult, link
from egovqual_link.report import render
from egovqual_link.study import load_study
from egovqual_link.survey_load import load_survey
from egovqual_link.synthetic import TRUE_R, TRUE_RHO, Example, make_study
from exporters.store import Store
from scenarios.source import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return make_study(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="module")
def linked(made: Example) -> LinkResult:
    return link(load_survey(made.answers, made.scale), str(made.store), study=load_study(made.study))


def test_every_file_says_what_it_is(made: Example) -> None:
    with made.answers.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 * 3 * 40
    assert {row["synthetic"] for row in rows} == {"synthetic"}
    assert all(row["portal"].startswith("synthetic-") and row["id"].startswith("synthetic-") for row in rows)
    assert "synthetic: true" in made.study.read_text()
    truth = json.loads(made.truth.read_text())
    assert truth["synthetic"] is True
    assert truth["pairs"][0]["rho"] == pytest.approx(6 / math.pi * math.asin(TRUE_R / 2))
    assert f"{TRUE_RHO:.3f}" in made.readme.read_text()
    assert f"{TRUE_RHO:.3f}" in made.study.read_text()
    with Store.open(made.store, read_only=True) as store:
        assert store.count() == 12 * 4 * (28 + 2 * 30 + 3)
        run = next(store.runs(limit=1))
    assert run.portal.startswith("synthetic-")
    assert run.location == "synthetic"


def test_the_relation_is_found_and_the_truth_lies_inside_its_interval(linked: LinkResult) -> None:
    found = linked.association
    assert found.r is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= TRUE_RHO <= found.high < 0
    assert found.n_units == 12
    rows = linked.associations.query("method == 'spearman' and declared").set_index("item")
    assert rows.loc["RL5", "p_adjusted"] < 0.05
    assert rows.loc["RL1", "low"] < 0 < rows.loc["RL1", "high"]
    assert not linked.warnings or all("cover" not in text.en for text in linked.warnings)


def test_outputs_say_synthetic(linked: LinkResult) -> None:
    assert linked.synthetic
    assert json.loads(linked.to_json())["synthetic"] is True
    for lang, word, mark in (("en", "synthetic", "SYNTHETIC DATA"), ("id", "sintetis", "DATA SINTETIS")):
        page = render(linked, lang)  # type: ignore[arg-type]
        assert f"({word})</h1>" in page
        assert f"· {word}</title>" in page
        assert page.count("<figure>") * 2 <= page.count("<svg ")
        del mark


def test_the_same_seed_gives_the_same_study(tmp_path: Path) -> None:
    one, two = make_study(tmp_path / "a", 3, 2, seed=1), make_study(tmp_path / "b", 3, 2, seed=1)
    other = make_study(tmp_path / "c", 3, 2, seed=2)
    assert one.answers.read_bytes() == two.answers.read_bytes() != other.answers.read_bytes()
    with Store.open(one.store, read_only=True) as first, Store.open(two.store, read_only=True) as second:
        assert list(first.runs()) == list(second.runs())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    make_study(tmp_path, 2, 1)
    with pytest.raises(InputError, match="exists already"):
        make_study(tmp_path, 2, 1)
    with pytest.raises(InputError, match="at least two portals"):
        make_study(tmp_path / "new", 1, 1)
