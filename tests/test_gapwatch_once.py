"""`once` as cron meets it: five exit codes, one object on stdout, one run at a time, an end in time."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gapwatch_processes import ROOT, environment, gapwatch, portal, wait_until, write_config


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with portal() as address:
        yield address


def once(folder: Path, config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return gapwatch(folder, "once", "--config", str(config), *arguments)


def test_all_passed_is_0_and_json_stands_alone_on_stdout(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - up.yaml\n      - home.yaml\n")
    done = once(tmp_path, config, "--format", "json")
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert [run["scenario"] for run in body["runs"]] == ["up", "home"]
    assert {run["outcome"] for run in body["runs"]} <= {"passed", "degraded"}
    summary = body["summary"]
    assert (summary["runs"], summary["exit_code"], summary["trouble"]) == (2, 0, [])
    assert sum(summary["outcomes"].values()) == 2
    assert "[2/2]" in done.stderr  # progress, in plain lines: stderr is no terminal here
    assert "\x1b" not in done.stderr
    with sqlite3.connect(tmp_path / "runs.db") as store:
        kept = {row[0] for row in store.execute("select run_id from runs")}
    store.close()
    assert kept == {run["run_id"] for run in body["runs"]}


def test_a_failing_portal_is_1(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - gone.yaml\n      - up.yaml\n")
    done = once(tmp_path, config)
    assert done.returncode == 1, done.stderr
    assert "failed" in done.stdout
    assert "http_error" in done.stdout


def test_a_portal_that_is_not_there_is_1(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9", "      - home.yaml\n")
    done = once(tmp_path, config, "--format", "json")
    assert done.returncode == 1, done.stderr
    run = json.loads(done.stdout)["runs"][0]
    assert (run["outcome"], run["error_reason"]) == ("failed", None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--portal", "dmo"], "no portal is named 'dmo' (did you mean 'demo'?)"),
        (["--scenario", "hom"], "no scenario is named 'hom' (did you mean 'home'?)"),
        (["--deadline", "soon"], "must be a duration"),
        (["--deadline", "0s"], "must be more than nothing"),
        (["--format", "xml"], "is not one of"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_wrong_usage_is_2_and_writes_nothing(tmp_path: Path, arguments: list[str], said: str) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9", "      - home.yaml\n")
    done = once(tmp_path, config, *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", "").split())
    assert done.stdout == ""
    assert not (tmp_path / "runs.db").exists()


def test_a_browser_that_is_not_there_is_2_and_writes_nothing(tmp_path: Path) -> None:
    head = "browser: {executables: {chromium: no-such-browser}}\n"
    config = write_config(tmp_path, "http://127.0.0.1:9", "      - home.yaml\n", head)
    done = once(tmp_path, config)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{config}: no-such-browser is not a program that can be run (install one:")
    assert not (tmp_path / "runs.db").exists()


def test_a_store_that_cannot_be_written_is_2(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9", "      - up.yaml\n")
    (tmp_path / "file").write_text("a file, no folder")
    config.write_text(config.read_text().replace("sqlite:///runs.db", "sqlite:///file/runs.db"))
    done = once(tmp_path, config)
    assert done.returncode == 2, done.stderr
    assert "a part of the path is a file, not a folder (give another path)" in done.stderr
    assert (tmp_path / "file").read_text() == "a file, no folder"


def test_a_textfile_that_nobody_would_read_is_2_before_anything_runs(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - up.yaml\n")
    done = once(tmp_path, config, "--textfile", str(tmp_path / "metrics.txt"))
    assert done.returncode == 2
    assert "name it like gapwatch.prom" in done.stderr
    assert not (tmp_path / "runs.db").exists()


def test_own_trouble_is_3_and_not_the_portals(tmp_path: Path, url: str) -> None:
    # A program that is there and runs, and is no browser.
    config = write_config(tmp_path, url, "      - home.yaml\n", "browser: {executables: {chromium: /bin/false}}\n")
    done = once(tmp_path, config, "--format", "json")
    assert done.returncode == 3, done.stderr
    run = json.loads(done.stdout)["runs"][0]
    assert (run["outcome"], run["error_reason"]) == ("error", "browser_launch")


def test_a_failing_portal_goes_before_own_trouble(tmp_path: Path, url: str) -> None:
    head = "browser: {executables: {chromium: /bin/false}}\n"
    config = write_config(tmp_path, url, "      - home.yaml\n      - gone.yaml\n", head)
    done = once(tmp_path, config, "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["summary"]["outcomes"]["error"] == 1


def test_a_pushgateway_that_is_not_there_is_3_after_the_runs_were_kept(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - up.yaml\n")
    done = once(tmp_path, config, "--push", "http://127.0.0.1:9", "--format", "json")
    assert done.returncode == 3
    body = json.loads(done.stdout)
    assert body["runs"][0]["outcome"] == "passed"
    assert "it cannot be reached" in body["summary"]["trouble"][0]
    assert "it cannot be reached" in done.stderr


def start(folder: Path, config: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gapwatch", "once", "--config", str(config), "--format", "json", *arguments],
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_second_of_two_is_75_and_a_killed_one_frees_the_lock(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - wait.yaml\n")
    lock = tmp_path / "the.lock"
    first = start(tmp_path, config, "--lock", str(lock))
    try:
        wait_until(lambda: lock.exists() and lock.read_text())
        second = once(tmp_path, config, "--lock", str(lock))
        assert second.returncode == 75
        assert f"another run holds {lock} (process {first.pid}); nothing was run" in second.stderr
        assert second.stdout == ""
    finally:
        first.kill()
        first.communicate()
    third = once(tmp_path, config, "--lock", str(lock), "--deadline", "1s")
    assert third.returncode == 3, third.stderr


def test_the_default_lock_is_one_for_each_configuration(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - wait.yaml\n")
    first = start(tmp_path, config)
    try:
        wait_until(lambda: any((tmp_path / "state").rglob("*.lock")))
        wait_until(lambda: next((tmp_path / "state").rglob("*.lock")).read_text())
        assert once(tmp_path, config).returncode == 75
        other = tmp_path / "other.yaml"
        other.write_text(config.read_text().replace("wait.yaml", "up.yaml"))
        assert once(tmp_path, other).returncode == 0
    finally:
        first.kill()
        first.communicate()


def test_the_deadline_ends_the_call_and_every_selected_scenario_has_its_run(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - wait.yaml\n      - up.yaml\n")
    began = time.monotonic()
    done = once(tmp_path, config, "--deadline", "3s", "--format", "json")
    assert time.monotonic() - began < 20
    assert done.returncode == 3, done.stderr
    outcomes = {run["scenario"]: (run["outcome"], run["error_reason"]) for run in json.loads(done.stdout)["runs"]}
    assert outcomes == {"wait": ("error", "call_deadline"), "up": ("passed", None)}


def test_sigterm_ends_it_and_tells_what_was_done(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - wait.yaml\n      - up.yaml\n")
    process = start(tmp_path, config)

    def kept() -> bool:
        if not (tmp_path / "runs.db").exists():
            return False
        store = sqlite3.connect(tmp_path / "runs.db")
        try:
            return bool(store.execute("select count(*) from runs").fetchone()[0])
        except sqlite3.OperationalError:
            return False
        finally:
            store.close()

    wait_until(kept)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert {run["scenario"]: run["error_reason"] for run in json.loads(out)["runs"]} == {
        "wait": "interrupted",
        "up": None,
    }


def test_textfile_and_junit(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - up.yaml\n      - gone.yaml\n")
    textfile = tmp_path / "gapwatch.prom"
    for _ in range(2):
        done = once(tmp_path, config, "--textfile", str(textfile), "--format", "junit")
    assert done.returncode == 1
    suites = ET.fromstring(done.stdout)
    assert len(suites.findall(".//testsuite")) == 2
    text = textfile.read_text()
    # Counters go on from one call to the next.
    assert (
        'gapwatch_runs_total{browser="none",location="local",outcome="passed",portal="demo",scenario="up"} 2.0' in text
    )
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert textfile.stat().st_mode & 0o777 == 0o644


def test_a_submitting_flow_stops_before_the_submit_where_it_may_not(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - helpdesk\n")
    config.write_text(config.read_text().replace("allow_submit: true", "allow_submit: false"))
    done = once(tmp_path, config, "--format", "json")
    run = json.loads(done.stdout)["runs"][0]
    assert run["dry_stop"], done.stderr
    assert done.returncode == 0
