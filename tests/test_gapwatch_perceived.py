"""The configured survey: served by the daemon as metrics, JSON and on the status page, and refused like any mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import egovqual_link
from gapwatch.config import load_config
from scenarios.source import InputError
from tests.gapwatch_processes import daemon, portal, wait_until, write_config

SEED = Path(egovqual_link.__file__).parent / "data" / "semarang_oss.yaml"
JOBS = "      - {scenario: up.yaml, every: 1s, deadline: 1s}\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with portal() as address:
        yield address


def head(folder: Path, more: str = "") -> str:
    (folder / "survey.yaml").write_text(SEED.read_text(encoding="utf-8"), encoding="utf-8")
    return f"survey: {{file: survey.yaml, portal: demo, wave: '2024'{more}}}\n"


def test_scores_indicators_and_gaps_are_served_and_leave_with_the_survey(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, JOBS, head(tmp_path))
    with daemon(tmp_path, config) as running:
        wait_until(lambda: running.metric("gapwatch_runs_total"))
        running.hang_up()
        wait_until(lambda: running.metric("gapwatch_indicator"))
        score = running.metric('gapwatch_survey_dimension_score{dimension="efficiency",kind="gap"')
        assert score.endswith('portal="demo",wave="2024"} -0.06') or score.rsplit(" ", 1)[1].startswith("-0.0")
        assert "NaN" not in running.metric("gapwatch_survey")
        found = json.loads(running.get("/api/v1/link")[1])
        assert {row["item"] for row in found["side_by_side"]} >= {"RL2", "CS1"}
        assert found["association"]["r"] is None
        assert found["association"]["reason"]
        assert "What citizens said" in running.get("/?lang=en")[1]
        assert "Yang dikatakan warga" in running.get("/?lang=id")[1]
        write_config(tmp_path, url, JOBS)
        running.hang_up()
        wait_until(lambda: running.get("/api/v1/link")[0] == 404)
        assert "What citizens said" not in running.get("/?lang=en")[1]
        assert running.end() == 0


def test_a_broken_survey_keeps_the_one_before_and_says_so(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, JOBS, head(tmp_path))
    with daemon(tmp_path, config) as running:
        wait_until(lambda: running.metric("gapwatch_survey_dimension_score"))
        (tmp_path / "survey.yaml").write_text("study: nothing\n")
        running.hang_up()
        wait_until(lambda: running.metric('gapwatch_probe_errors_total{reason="config_reload"} 1'))
        assert "survey.yaml" in running.log
        assert running.metric("gapwatch_survey_dimension_score")
        assert running.end() == 0


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{file: gone.yaml, portal: demo}", "gone.yaml"),
        ("{file: survey.yaml, portal: dmo}", "no portal is named 'dmo'"),
        ("{file: answers.csv, portal: demo}", "scale"),
        ("{file: survey.yaml, portal: demo, every: 1s}", "greater than or equal to 60"),
        ("{file: survey.yaml, portal: demo, days: 0}", "greater than or equal to 1"),
    ],
)
def test_a_survey_that_cannot_be_served_is_refused(tmp_path: Path, written: str, said: str) -> None:
    head(tmp_path)
    (tmp_path / "answers.csv").write_text("id,EF1_performance,EF1_importance\n1,3,4\n2,4,4\n")
    config = write_config(tmp_path, "http://127.0.0.1:9", JOBS, f"survey: {written}\n")
    with pytest.raises(InputError) as refused:
        load_config(config, environment={})
    assert said in "\n".join(str(problem) for problem in refused.value.problems)
