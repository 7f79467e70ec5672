"""JUnit XML and JSON Lines."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from exporters_runs import full_run, make_run, runs
from hypothesis import HealthCheck, given, settings

from exporters import JsonLinesExporter, JunitExporter, WriteError, json_line, junit_xml
from probes.run import Finding, StepResult


def suites(*some) -> list[ET.Element]:
    return list(ET.fromstring(junit_xml(some)))


def test_a_suite_is_a_run_and_a_case_a_step():
    (suite,) = suites(full_run(1))
    assert suite.attrib == {
        "name": "demo / home", "id": "run-000001", "timestamp": "2026-11-02T08:01:00Z", "time": "30.000",
        "tests": "3", "failures": "1", "errors": "0", "skipped": "0",
    }  # fmt: skip
    passed, failed, whole = suite.findall("testcase")
    assert (passed.get("name"), passed.get("time"), len(passed)) == ("open home", "1.500", 0)
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("type") == "timeout"
    assert failure.get("message") == "timeout (critical): the hits did not come in 28.5 s"
    assert whole.get("name") == "run"
    assert len(whole) == 0


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, "0 0 0"),
        ({"outcome": "degraded"}, "0 0 0"),
        ({"outcome": "failed"}, "1 0 0"),
        ({"outcome": "failed", "steps": (StepResult("a", "failed", 1.0), StepResult("b", "skipped", None))}, "1 0 1"),
        ({"outcome": "error"}, "0 1 0"),
        ({"outcome": "error", "steps": (StepResult("a", "error", None),)}, "0 1 0"),
        ({"outcome": "blocked"}, "0 1 0"),
        ({"outcome": "maintenance"}, "0 0 1"),
    ],
)
def test_every_outcome_has_its_verdict(changes, counts):
    (suite,) = suites(make_run(1, **changes))
    assert " ".join(suite.get(name, "") for name in ("failures", "errors", "skipped")) == counts


def test_the_whole_is_the_sum():
    root = ET.fromstring(junit_xml([make_run(1), full_run(2), make_run(3, outcome="blocked")]))
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped", "time")] == [
        "7", "1", "1", "0", "33.000",
    ]  # fmt: skip
    assert len(suites()) == 0


def test_what_xml_forbids_is_replaced():
    evil = "a\x00b\x1bc\ud800d\ufffe]]><x>&"
    step = StepResult(evil, "failed", 1.0)
    (suite,) = suites(make_run(1, outcome="failed", steps=(step,), findings=(Finding("slow", "minor", evil, evil),)))
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == "slow (minor): a\ufffdb\ufffdc\ufffdd\ufffd]]><x>&"


@given(run=runs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_run_gives_sound_xml_and_one_line_of_json(run):
    (suite,) = suites(run)
    assert int(suite.get("tests", "0")) == len(run.steps) + 1
    line = json_line(run)
    assert line.count(b"\n") == 1
    assert json.loads(line) == json.loads(json.dumps(run.as_dict()))


async def test_the_junit_exporter_writes_at_the_end(tmp_path):
    exporter = JunitExporter(tmp_path / "junit.xml")
    await exporter.export(make_run(1))
    assert list(tmp_path.iterdir()) == []
    await exporter.close()
    assert (tmp_path / "junit.xml").read_bytes() == junit_xml([make_run(1)])
    with pytest.raises(WriteError, match="there is no such folder"):
        await JunitExporter(tmp_path / "no" / "junit.xml").close()


async def test_json_lines_are_appended_and_may_be_rotated(tmp_path):
    path = tmp_path / "sub" / "runs.jsonl"
    exporter = JsonLinesExporter(path)
    await exporter.export(make_run(1))
    await exporter.export(full_run(2))
    path.rename(tmp_path / "old.jsonl")
    await exporter.export(make_run(3))
    await exporter.close()
    old = [json.loads(line)["run_id"] for line in (tmp_path / "old.jsonl").read_text().splitlines()]
    assert old == ["run-000001", "run-000002"]
    assert json.loads(path.read_text())["started_at"] == "2026-11-02T08:03:00Z"
    with pytest.raises(WriteError, match="is a file, not a folder"):
        await JsonLinesExporter(path / "x" / "y.jsonl").export(make_run(1))


def test_json_holds_no_nan_and_no_broken_text():
    run = make_run(1, duration_seconds=math.nan, findings=(Finding("slow", "minor", None, "x\ud800"),))
    read = json.loads(json_line(run))
    assert read["duration_seconds"] is None
    assert read["findings"][0]["message"] == "x\ud800"
    assert datetime.fromisoformat(read["started_at"]).tzinfo == UTC
