"""The textfile: whole at every moment, refused with words, and counting on from call to call."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import threading
import time

import pytest
from exporters_runs import make_run

from exporters import RunMetrics, TextfileExporter, WriteError, carry_over, write_textfile


def passed(metrics: RunMetrics) -> float | None:
    labels = {"portal": "demo", "scenario": "home", "location": "local", "browser": "chromium", "outcome": "passed"}
    return metrics.registry.get_sample_value("gapwatch_runs_total", labels)


@pytest.fixture
def metrics():
    made = RunMetrics()
    made.observe(make_run())
    return made


def test_it_holds_what_metrics_render_and_promtool_is_silent(tmp_path, metrics):
    path = tmp_path / "gapwatch.prom"
    write_textfile(path, metrics)
    assert path.read_bytes() == metrics.render()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["gapwatch.prom"]
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=path.read_bytes(), capture_output=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_reader_never_sees_half_a_file(tmp_path):
    small, big = RunMetrics(), RunMetrics()
    small.observe(make_run())
    for number in range(40):
        big.observe(make_run(number, portal=f"portal-{number}"))
    whole = {small.render(), big.render()}
    path = tmp_path / "gapwatch.prom"
    write_textfile(path, small)
    seen: set[bytes] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    rounds = 0
    while rounds < 100 or (len(seen) < 2 and rounds < 5000):
        write_textfile(path, big if rounds % 2 else small)
        rounds += 1
    stop.set()
    reader.join()
    assert seen == whole


@pytest.mark.parametrize("name", ["metrics.txt", ".hidden.prom", "prom", "a b.prom"])
def test_a_name_that_node_exporter_would_not_read_is_refused(tmp_path, metrics, name):
    with pytest.raises(WriteError, match=r"would not read a file of this name; name it like gapwatch\.prom"):
        write_textfile(tmp_path / name, metrics)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path, metrics):
    with pytest.raises(WriteError, match=r"there is no such folder; make it"):
        write_textfile(tmp_path / "no" / "x.prom", metrics)
    (tmp_path / "dir.prom").mkdir()
    with pytest.raises(WriteError, match=r"this is a folder"):
        write_textfile(tmp_path / "dir.prom", metrics)
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"is a file, not a folder"):
        write_textfile(tmp_path / "file" / "x.prom", metrics)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_full_and_a_read_only_disk_are_said_and_the_old_file_stays(tmp_path, metrics):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        path = disk / "gapwatch.prom"
        write_textfile(path, metrics)
        before = path.read_bytes()
        big = RunMetrics()
        for number in range(100):
            big.observe(make_run(number, portal=f"portal-{number}"))
        with pytest.raises(WriteError, match="the disk is full; free some space"):
            write_textfile(path, big)
        assert [each.name for each in disk.iterdir()] == ["gapwatch.prom"]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(WriteError, match="the file system is read-only"):
            write_textfile(path, metrics)
        assert path.read_bytes() == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_what_a_killed_writer_left_is_swept_and_a_fresh_one_is_not(tmp_path, metrics):
    old, fresh = tmp_path / ".gapwatch.prom.old.tmp", tmp_path / ".gapwatch.prom.new.tmp"
    old.touch()
    fresh.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    write_textfile(tmp_path / "gapwatch.prom", metrics)
    assert not old.exists()
    assert fresh.exists()


def test_calls_count_on_from_one_another(tmp_path):
    path = tmp_path / "gapwatch.prom"
    for call in range(3):
        metrics = RunMetrics()
        assert carry_over(path, metrics) is (call > 0)
        metrics.observe(make_run(call))
        write_textfile(path, metrics)
    assert passed(metrics) == 3


@pytest.mark.parametrize("content", [b"not { metrics", b"\xff\xfe", b"gapwatch_runs_total{portal="])
def test_a_file_that_cannot_be_read_begins_anew_and_says_so(tmp_path, caplog, content):
    path = tmp_path / "gapwatch.prom"
    path.write_bytes(content)
    metrics = RunMetrics()
    assert carry_over(path, metrics) is False
    assert "the counters begin at 0" in caplog.text
    metrics.observe(make_run())
    write_textfile(path, metrics)
    assert passed(metrics) == 1


async def test_the_exporter_writes_soon_and_at_the_end(tmp_path, metrics):
    path = tmp_path / "gapwatch.prom"
    exporter = TextfileExporter(path, metrics, interval=0.2)
    await exporter.export(make_run())
    first = path.read_bytes()
    metrics.observe(make_run(2))
    await exporter.export(make_run(2))
    await exporter.export(make_run(2))
    assert path.read_bytes() == first
    async with asyncio.timeout(10):
        while path.read_bytes() == first:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)
    metrics.observe(make_run(3))
    await exporter.export(make_run(3))
    await exporter.close()
    assert path.read_bytes() == metrics.render()
    assert passed(metrics) == 3
