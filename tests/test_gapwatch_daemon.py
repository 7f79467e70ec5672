"""The daemon as a process: it probes on schedule, answers, reloads, refuses, ends cleanly, and Prometheus reads it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.gapwatch_processes import PATIENCE, Daemon, daemon, gapwatch, portal, wait_until, write_config

SCENARIOS = (
    "      - {scenario: up.yaml, every: 1s, deadline: 1s}\n      - {scenario: gone.yaml, every: 1s, deadline: 1s}\n"
)
RAN = 'gapwatch_runs_total{browser="none",location="local",outcome="passed",portal="demo",scenario="up"}'


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with portal() as address:
        yield address


def ran(running: Daemon, at_least: int = 1) -> bool:
    line = running.metric(RAN)
    return bool(line) and float(line.split()[-1]) >= at_least


def test_it_probes_keeps_exports_and_ends_cleanly(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, SCENARIOS)
    with daemon(tmp_path, config) as running:
        wait_until(lambda: ran(running, 3))
        assert running.get("/healthz") == (200, "ok\n")
        assert running.get("/readyz") == (200, "ready\n")
        lateness = 'gapwatch_schedule_lateness_seconds_count{location="local",portal="demo",scenario="up"}'
        assert float(running.metric(lateness).split()[-1]) >= 3
        text = running.get("/metrics")[1]
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
        assert running.end() == 0
    assert "level=error" not in running.log
    announced = set(re.findall(r"run=(\S+) ", running.log))
    store = sqlite3.connect(tmp_path / "runs.db")
    assert {row[0] for row in store.execute("select run_id from runs")} == announced
    assert store.execute("select distinct outcome from runs order by 1").fetchall() == [("failed",), ("passed",)]
    store.close()


def test_a_run_under_way_is_ended_within_the_grace_and_kept(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, "      - {scenario: wait.yaml, every: 1m}\n", "grace: 500ms\n")
    with daemon(tmp_path, config) as running:
        wait_until(lambda: json.loads(running.get("/api/v1/status")[1])["running"])
        assert running.end(signal.SIGINT) == 0
    assert "1 runs were cancelled" in running.log
    store = sqlite3.connect(tmp_path / "runs.db")
    assert store.execute("select outcome, error_reason from runs").fetchall() == [("error", "shutdown")]
    store.close()


def test_the_same_job_never_runs_twice_at_once_and_missed_turns_count(tmp_path: Path) -> None:
    with silent_server() as url:
        config = write_config(tmp_path, url, "      - {scenario: up.yaml, every: 2s, deadline: 2s}\n")
        with daemon(tmp_path, config) as running:
            missed = 'gapwatch_probe_errors_total{reason="schedule_overlap"}'
            wait_until(lambda: running.metric(missed))
            wait_until(lambda: len(json.loads(running.get("/api/v1/runs?outcome=failed")[1])["runs"]) >= 2)
            done = json.loads(running.get("/api/v1/runs?outcome=failed")[1])["runs"]
            assert running.end() == 0
    spans = sorted((datetime.fromisoformat(run["started_at"]), run["duration_seconds"]) for run in done)
    for (began, seconds), (following, _) in pairwise(spans):
        assert following >= began + timedelta(seconds=seconds)


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_reload_takes_the_new_file_and_forgets_what_is_gone(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, SCENARIOS)
    with daemon(tmp_path, config) as running:
        wait_until(
            lambda: (
                ran(running) and running.metric('gapwatch_runs_total{browser="none",location="local",outcome="failed"')
            )
        )
        text = config.read_text()
        config.write_text(text.replace("- name: demo", "- name: other").replace("gone.yaml", "home.yaml", 1))
        running.hang_up()
        wait_until(lambda: "reloaded: 2 jobs" in running.log)
        assert 'portal="demo"' not in running.get("/metrics")[1]
        wait_until(lambda: running.metric(RAN.replace('"demo"', '"other"')))
        assert 'scenario="gone"' not in running.get("/metrics")[1]
        assert 'portal="demo"' not in running.get("/metrics")[1]
        assert running.end() == 0


def test_a_bad_file_changes_nothing_and_is_told(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, SCENARIOS)
    good = config.read_text()
    with daemon(tmp_path, config) as running:
        wait_until(lambda: ran(running))
        config.write_text(good + "concurency: 3\n")
        running.hang_up()
        wait_until(lambda: "reload refused" in running.log)
        line = len(good.splitlines()) + 1
        assert f"config.yaml:{line}: unknown key 'concurency' (did you mean 'concurrency'?)" in running.log
        assert running.metric('gapwatch_probe_errors_total{reason="config_reload"}').endswith(" 1.0")
        page = running.get("/?lang=en")[1]
        assert "the one before it is still at work" in page
        assert "unknown key &#39;concurency&#39;" in page
        before = float(running.metric(RAN).split()[-1])
        wait_until(lambda: ran(running, int(before) + 2))
        config.write_text(good)
        running.hang_up()
        wait_until(lambda: "reloaded: 2 jobs" in running.log)
        assert "still at work" not in running.get("/?lang=en")[1]
        assert running.end() == 0


def test_a_removed_file_changes_nothing(tmp_path: Path, url: str) -> None:
    config = write_config(tmp_path, url, SCENARIOS)
    with daemon(tmp_path, config) as running:
        config.unlink()
        running.hang_up()
        wait_until(lambda: "no such file" in running.log)
        assert running.get("/readyz")[0] == 200
        assert running.end() == 0


def test_a_taken_port_is_2_and_writes_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = write_config(tmp_path, "http://127.0.0.1:9", "      - up.yaml\n")
        config.write_text(config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        done = gapwatch(tmp_path, "run", "--config", str(config))
    assert done.returncode == 2
    assert done.stderr == (
        f"{config}: cannot listen on 127.0.0.1:{port}: the port is taken "
        "(end the other process or give another port in `listen`)\n"
    )
    assert not (tmp_path / "runs.db").exists()


def test_a_store_that_cannot_be_written_is_2(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9", "      - up.yaml\n")
    config.write_text(config.read_text().replace("sqlite:///runs.db", "sqlite:////proc/runs.db"))
    done = gapwatch(tmp_path, "run", "--config", str(config))
    assert done.returncode == 2
    assert done.stderr.startswith("/proc/runs.db: ")
    assert "Traceback" not in done.stderr


def test_no_browser_is_2_and_writes_nothing(tmp_path: Path) -> None:
    head = "browser: {executables: {firefox: no-such-browser}}\ndefaults: {browser: firefox}\n"
    config = write_config(tmp_path, "http://127.0.0.1:9", "      - home.yaml\n", head)
    done = gapwatch(tmp_path, "run", "--config", str(config))
    assert done.returncode == 2
    assert "no-such-browser is not a program that can be run (install one:" in done.stderr
    assert not (tmp_path / "runs.db").exists()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[Daemon]:
    """One daemon for the tests that only look."""
    folder = tmp_path_factory.mktemp("daemon")
    scenarios = SCENARIOS + "      - {scenario: wait.yaml, cron: '0 0 1 1 *'}\n"
    with daemon(folder, write_config(folder, url, scenarios)) as each:
        wait_until(lambda: ran(each, 2))
        yield each


def test_probe_runs_configured_names(running: Daemon) -> None:
    status, text = running.get("/probe?target=demo&module=up")
    assert status == 200
    assert "probe_success 1.0" in text
    assert 'probe_http_duration_seconds{phase="processing"}' in text
    assert "probe_success 0.0" in running.get("/probe?target=demo&module=gone")[1]


def test_probe_explains_itself(running: Daemon) -> None:
    status, text = running.get("/probe?target=demo&module=gone&debug=true")
    assert status == 200
    assert "outcome: failed\n" in text
    assert re.search(r"^  request: failed, \d\.\d{3} s$", text, re.MULTILINE)
    assert re.search(r"^  critical http_error: .*404", text, re.MULTILINE)
    assert "probe_success 0.0" in text
    assert running.get("/probe?target=demo&module=up&debug=yes")[0] == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("target=demo", 400),
        ("target=other&module=up", 404),
        ("target=demo&module=other", 404),
        ("target=demo&module=up&browser=firefox", 404),
        ("target=http://127.0.0.1:80/&module=up", 404),
        ("target=http://0x7f000001/&module=up", 404),
        ("target=file:///etc/passwd&module=up", 404),
        ("target=[::ffff:127.0.0.1]&module=up", 404),
    ],
)
def test_probe_cannot_be_aimed(running: Daemon, query: str, status: int) -> None:
    before = json.loads(running.get("/api/v1/runs?outcome=failed")[1])
    assert running.get(f"/probe?{query}")[0] == status
    assert json.loads(running.get("/api/v1/runs?outcome=failed")[1]) == before


def test_probe_honours_the_scrape_timeout(tmp_path: Path) -> None:
    header = "X-Prometheus-Scrape-Timeout-Seconds"
    with silent_server() as url:
        scenarios = "      - {scenario: up.yaml, cron: '0 0 1 1 *'}\n      - {scenario: home.yaml, cron: '0 0 1 1 *'}\n"
        with daemon(tmp_path, write_config(tmp_path, url, scenarios)) as running:
            # An HTTP check is cut to fit, and a portal that does not answer in time has failed.
            began = time.monotonic()
            status, text = running.get("/probe?target=demo&module=up", {header: "2"})
            assert (status, "probe_success 0.0" in text) == (200, True)
            assert time.monotonic() - began < 2
            # A journey is not cut: it goes on, and until it has ended there is nothing to say.
            began = time.monotonic()
            status, text = running.get("/probe?target=demo&module=home", {header: "2"})
            assert (status, "no result before it" in text) == (503, True)
            assert time.monotonic() - began < 2.5
            # Those who ask meanwhile wait for the same run.
            assert json.loads(running.get("/api/v1/status")[1])["running"] == 1
            assert running.get("/probe?target=demo&module=home", {header: "1"})[0] == 503
            assert json.loads(running.get("/api/v1/status")[1])["running"] == 1
            wait_until(lambda: json.loads(running.get("/api/v1/status")[1])["running"] == 0)
            status, text = running.get("/probe?target=demo&module=home", {header: "1"})
            assert (status, "probe_success 0.0" in text) == (200, True)
            for wrong in ("soon", "-1", "inf", "nan"):
                assert running.get("/probe?target=demo&module=up", {header: wrong})[0] == 400


def test_runs_as_json(running: Daemon) -> None:
    status, text = running.get("/api/v1/runs?scenario=up&outcome=passed&limit=2")
    runs = json.loads(text)["runs"]
    assert (status, len(runs)) == (200, 2)
    assert runs[0]["started_at"] > runs[1]["started_at"]
    since = urllib.parse.quote(runs[0]["started_at"])
    assert len(json.loads(running.get(f"/api/v1/runs?scenario=up&until={since}&limit=1")[1])["runs"]) == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "outcome=bad", "since=soon", "portl=demo"])
def test_bad_queries_are_refused_in_words(running: Daemon, query: str) -> None:
    status, text = running.get(f"/api/v1/runs?{query}")
    assert status == 400
    assert json.loads(text)["error"]


def test_status_page_in_both_languages(running: Daemon) -> None:
    english, indonesian = running.get("/?lang=en")[1], running.get("/?lang=id")[1]
    assert "1 of 3 scenarios do not work" in english
    assert "1 dari 3 skenario tidak berjalan" in indonesian
    assert '<html lang="id">' in running.get("/", {"Accept-Language": "id-ID,id;q=0.9"})[1]
    assert '<html lang="en">' in running.get("/", {"Accept-Language": "fr"})[1]
    assert "<script" not in english


def test_every_answer_has_its_headers(running: Daemon) -> None:
    for path in ("/", "/metrics", "/api/v1/runs", "/static/status.css"):
        with urllib.request.urlopen(running.url + path, timeout=PATIENCE) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "script-src" not in answer.headers["Content-Security-Policy"]


@pytest.mark.server
def test_a_real_prometheus_reads_it_and_answers(running: Daemon, tmp_path: Path) -> None:
    target = running.url.removeprefix("http://")
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: gapwatch, static_configs: [{{targets: ['{target}']}}]}}\n"
        "  - job_name: probe\n    metrics_path: /probe\n    params: {target: [demo], module: [up]}\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (tmp_path / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        for query in (
            'sum(gapwatch_runs_total{portal="demo",outcome="passed"}) > 2',
            'rate(gapwatch_runs_total{portal="demo",scenario="up",outcome="passed"}[10s]) > 0',
            'histogram_quantile(0.5, rate(gapwatch_run_duration_seconds_bucket{portal="demo",scenario="up"}[10s])) > 0',
            'gapwatch_http_phase_seconds{portal="demo",phase="processing"}',
            'gapwatch_findings_total{portal="demo",class="http_error"} > 0',
            'time() - gapwatch_run_last_timestamp_seconds{portal="demo",scenario="up"} < 60',
            'gapwatch_run_last_success_timestamp_seconds{scenario="up"} > 0',
            'absent(gapwatch_run_last_success_timestamp_seconds{scenario="gone"})',
            "rate(gapwatch_schedule_lateness_seconds_count[10s]) > 0",
            'gapwatch_exporter_dropped_total{exporter="store"} == 0',
            "gapwatch_build_info",
            'probe_success{job="probe"} == 1',
            'up{job="gapwatch"} == 1',
        ):
            wait_until(lambda query=query: answers(port, query), 60)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def answers(port: int, query: str) -> bool:
    """Whether Prometheus has a result for the query."""
    address = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(json.load(answer)["data"]["result"])
    except OSError:
        return False
