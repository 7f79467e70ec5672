"""Runs from cron and those who collect them: a real node_exporter, a real Pushgateway, and calls that are killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.gapwatch_processes import ROOT, environment, gapwatch, get, portal, write_config
from tests.monitoring_servers import free_port, process

RAN = "gapwatch_runs_total"
BEGAN = "gapwatch_run_last_timestamp_seconds"
SUCCEEDED = "gapwatch_run_last_success_timestamp_seconds"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with portal() as address:
        yield address


@pytest.fixture
def config(tmp_path: Path, url: str) -> Path:
    return write_config(tmp_path, url, "      - up.yaml\n")


def once(folder: Path, config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return gapwatch(folder, "once", "--config", str(config), "--format", "json", *arguments)


def fail(config: Path) -> None:
    """From now on the portal fails."""
    flow = config.parent / "up.yaml"
    flow.write_text(flow.read_text().replace("path: /,", "path: /no-such-page,"))


def samples(address: str) -> dict[str, dict[str, float]]:
    """The values of our metrics at an address: name, then outcome (or empty text)."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(get(address)[1]):
        for sample in family.samples:
            if sample.name.startswith("gapwatch_"):
                found.setdefault(sample.name, {})[sample.labels.get("outcome", "")] = sample.value
    return found


@pytest.mark.server
def test_node_exporter_reads_what_cron_wrote(tmp_path: Path, config: Path) -> None:
    folder = tmp_path / "textfiles"
    folder.mkdir()
    textfile = folder / "gapwatch.prom"
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
        f"--collector.textfile.directory={folder}", f"--web.listen-address={address}",
    ]  # fmt: skip
    metrics = f"http://{address}/metrics"
    with process(command, tmp_path / "node.log", metrics):
        assert once(tmp_path, config, "--textfile", str(textfile)).returncode == 0
        first = samples(metrics)
        assert (first[RAN]["passed"], first[RAN]["failed"]) == (1, 0)
        fail(config)
        assert once(tmp_path, config, "--textfile", str(textfile)).returncode == 1
        second = samples(metrics)
        assert (second[RAN]["passed"], second[RAN]["failed"]) == (1, 1)
        # The success is as old as it is, and the file says when anything ran at all.
        assert second[SUCCEEDED] == first[SUCCEEDED]
        assert second[BEGAN][""] > first[BEGAN][""]
        assert "node_textfile_scrape_error 0" in get(metrics)[1]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    # Debian's would keep what it was told from one test to the next.
    command = [
        "prometheus-pushgateway", f"--web.listen-address={address}", f"--persistence.file={tmp_path}/gateway.db",
    ]  # fmt: skip
    with process(command, tmp_path / "gateway.log", f"http://{address}/-/ready"):
        yield f"http://{address}"


@pytest.mark.server
def test_a_pushgateway_never_shows_a_stale_success(tmp_path: Path, config: Path, gateway: str) -> None:
    arguments = ("--push", gateway, "--push-group", "instance=cron-1")
    assert once(tmp_path, config, *arguments).returncode == 0
    first = samples(f"{gateway}/metrics")
    fail(config)
    assert once(tmp_path, config, *arguments).returncode == 1
    second = samples(f"{gateway}/metrics")
    assert (second[RAN]["passed"], second[RAN]["failed"]) == (1, 1)
    assert second[SUCCEEDED] == first[SUCCEEDED]
    assert second[BEGAN][""] > first[BEGAN][""]
    assert 'instance="cron-1"' in get(f"{gateway}/metrics")[1]


@pytest.mark.server
def test_two_groups_stand_beside_each_other_and_the_location_is_one(tmp_path: Path, config: Path, gateway: str) -> None:
    assert once(tmp_path, config, "--push", gateway).returncode == 0
    assert (
        once(tmp_path, config, "--push", gateway, "--push-group", "instance=b", "--push-group", "team=x").returncode
        == 0
    )
    text = get(f"{gateway}/metrics")[1]
    groups = set(re.findall(r'^gapwatch_build_info\{instance="(\w+)"', text, re.MULTILINE))
    assert groups == {"local", "b"}
    assert 'team="x"' in text


@pytest.mark.server
def test_delete_on_success_leaves_trouble_alone_in_the_gateway(tmp_path: Path, config: Path, gateway: str) -> None:
    arguments = ("--push", gateway, "--push-delete-on-success")
    good = (config.parent / "up.yaml").read_text()
    fail(config)
    assert once(tmp_path, config, *arguments).returncode == 1
    failed = samples(f"{gateway}/metrics")
    assert failed[RAN]["failed"] == 1
    assert SUCCEEDED not in failed
    (config.parent / "up.yaml").write_text(good)
    assert once(tmp_path, config, *arguments).returncode == 0
    assert samples(f"{gateway}/metrics") == {}
    assert once(tmp_path, config, *arguments).returncode == 0  # there was nothing to take away


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--push-delete-on-success",), "goes with --push"),
        (("--push", "http://127.0.0.1:9", "--push-group", "instance"), "is not NAME=VALUE"),
    ],
)
def test_wrong_push_options_are_2(tmp_path: Path, config: Path, arguments: tuple[str, ...], said: str) -> None:
    done = once(tmp_path, config, *arguments)
    assert done.returncode == 2
    assert said in re.sub(r"[\s│]+", " ", done.stderr)
    assert not (tmp_path / "runs.db").exists()


def test_a_reader_in_a_loop_sees_whole_files_while_calls_are_killed(tmp_path: Path, config: Path) -> None:
    textfile, stop, seen = tmp_path / "gapwatch.prom", threading.Event(), []
    assert once(tmp_path, config, "--textfile", str(textfile)).returncode == 0

    def read() -> None:
        while not stop.is_set():
            if not seen or seen[-1] != (content := textfile.read_bytes()):
                seen.append(content if seen else textfile.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for delay in (0.9, 1.1, 1.3, None):
            call = subprocess.Popen(
                [sys.executable, "-m", "gapwatch", "once", "-c", str(config), "--textfile", str(textfile)],
                cwd=ROOT, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if delay is None:
                assert call.wait(60) == 0  # the lock was free again, and the count goes on
            else:
                time.sleep(delay)
                os.kill(call.pid, signal.SIGKILL)
                call.wait(10)
    finally:
        stop.set()
        reader.join()
    counts = []
    for content in seen:
        families = {family.name: family for family in text_string_to_metric_families(content.decode())}
        assert content.endswith(b"\n")
        assert "gapwatch_build_info" in families
        runs = families["gapwatch_runs"].samples
        counts.append(sum(sample.value for sample in runs))
    assert counts == sorted(counts)
    assert len(counts) >= 2
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_a_clock_that_was_set_back_counts_on_and_keeps_the_newest_time(tmp_path: Path, config: Path) -> None:
    """The run before began in the future, as it does after the clock was set back."""
    textfile = tmp_path / "gapwatch.prom"
    assert once(tmp_path, config, "--textfile", str(textfile)).returncode == 0
    ahead = time.time() + 3600
    text = re.sub(rf"^({BEGAN}\{{.*\}}) .*$", rf"\1 {ahead}", textfile.read_text(), flags=re.MULTILINE)
    textfile.write_text(text)
    assert once(tmp_path, config, "--textfile", str(textfile)).returncode == 0
    after = textfile.read_text()
    assert re.search(r'^gapwatch_runs_total\{.*outcome="passed".*\} 2\.0$', after, re.MULTILINE)
    assert float(re.search(rf"^{BEGAN}\{{.*\}} (.*)$", after, re.MULTILINE)[1]) == pytest.approx(ahead)  # type: ignore[index]
