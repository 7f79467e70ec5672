"""Pushes to a real Pushgateway, and what is said when there is none."""

from __future__ import annotations

import http.server
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta

import pytest
from exporters_runs import START, full_run, make_run
from prometheus_client.parser import text_string_to_metric_families

from exporters import PushError, RunMetrics, push
from exporters.pushgateway import carry_over, delete


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """The address of a Pushgateway of our own."""
    program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if program is None:
        pytest.skip("no Pushgateway is installed (Debian: prometheus-pushgateway)")
    port = free_port()
    process = subprocess.Popen(
        # Debian's keeps its groups in a file of the system unless told otherwise.
        [program, f"--web.listen-address=127.0.0.1:{port}", "--persistence.file="],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(f"{url}/-/ready", timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "the Pushgateway did not start"
                time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def held(url: str, name: str, job: str) -> dict[str, float]:
    """The metric's values in the gateway, by outcome (or empty text)."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {
        sample.labels.get("outcome", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels["job"] == job
    }


@pytest.mark.server
def test_a_push_replaces_its_group_and_no_other(gateway):
    first, second = RunMetrics(), RunMetrics()
    first.observe(full_run(1))
    push(gateway, first, {"instance": "a"}, job="replace")
    second.observe(make_run(2))
    push(gateway, second, {"instance": "a"}, job="replace")
    assert held(gateway, "gapwatch_findings_total", "replace") == {}
    assert held(gateway, "gapwatch_runs_total", "replace")["passed"] == 1
    push(gateway, first, {"instance": "b/1"}, job="other")
    assert held(gateway, "gapwatch_runs_total", "other")["failed"] == 1
    delete(gateway, {"instance": "b/1"}, job="other")
    # The gateway answers a deletion before it has carried it out.
    deadline = time.monotonic() + 10
    while held(gateway, "gapwatch_runs_total", "other") != {}:
        assert time.monotonic() < deadline, "the deleted group is still there"
        time.sleep(0.02)
    assert held(gateway, "gapwatch_runs_total", "replace")["passed"] == 1


@pytest.mark.server
def test_calls_count_on_and_a_success_keeps_its_own_time(gateway):
    success = (START + timedelta(minutes=1)).timestamp()
    for call, outcome in enumerate(("passed", "failed", "failed"), start=1):
        metrics = RunMetrics()
        carry_over(gateway, metrics, {"instance": "cron"}, job="calls")
        metrics.observe(make_run(call, outcome=outcome))
        push(gateway, metrics, {"instance": "cron"}, job="calls")
        assert held(gateway, "gapwatch_run_last_success_timestamp_seconds", "calls") == {"": success}
        assert held(gateway, "gapwatch_run_last_timestamp_seconds", "calls") == {"": success + 60 * (call - 1)}
    counted = held(gateway, "gapwatch_runs_total", "calls")
    assert (counted["passed"], counted["failed"]) == (1, 2)
    assert held(gateway, "gapwatch_run_duration_seconds_count", "calls") == {"": 3}


@pytest.mark.server
def test_a_failed_run_pushes_no_success(gateway):
    metrics = RunMetrics()
    metrics.observe(make_run(1, outcome="failed"))
    push(gateway, metrics, job="failed")
    assert held(gateway, "gapwatch_run_last_timestamp_seconds", "failed")
    assert held(gateway, "gapwatch_run_last_success_timestamp_seconds", "failed") == {}


def test_a_gateway_that_is_not_there_is_said():
    url = f"http://127.0.0.1:{free_port()}"
    for call in (push, carry_over):
        with pytest.raises(PushError, match=rf"Pushgateway {url}: it cannot be reached \(.*refused\); check that"):
            call(url, RunMetrics())


def test_a_gateway_that_hangs_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(PushError, match=r"cannot be reached \(.*timed out"):
            push(url, RunMetrics(), timeout=0.2)
        assert time.monotonic() - started < 5


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"pushed metrics are inconsistent"
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"\xff\xfe no metrics")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_a_gateway_refuses_or_answers_wrongly_is_said(refusing):
    with pytest.raises(PushError, match=r"refused with status 400 \(pushed metrics are inconsistent\)"):
        push(refusing, RunMetrics())
    with pytest.raises(PushError, match=r"its /metrics cannot be read"):
        carry_over(refusing, RunMetrics())


@pytest.mark.parametrize("url", ["localhost:9091", "ftp://host", "http://", "http://host:port", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(url):
    for call in (push, carry_over):
        with pytest.raises(PushError, match="this is not an address; write it like http://HOST:9091"):
            call(url, RunMetrics())


@pytest.mark.parametrize("label", ["job", "__name__", "a b", "1a", ""])
def test_a_wrong_grouping_label_is_refused(label):
    with pytest.raises(PushError, match="cannot be a grouping label"):
        push("http://127.0.0.1:9", RunMetrics(), {label: "x"})


def test_no_message_shows_a_password():
    with pytest.raises(PushError) as caught:
        push(f"http://me:secret@127.0.0.1:{free_port()}", RunMetrics())
    assert "secret" not in str(caught.value)
