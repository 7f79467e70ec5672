"""Evidence of a failure: seen on the run's page, opened by `trace`, kept within bounds, and nothing else given away."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gapwatch.evidence import Retention, prune
from tests.gapwatch_processes import daemon, gapwatch, portal, wait_until, write_config

DAY = 86_400
NAMES = [f"20261124T05233{number}Z-b1b8803f5{number}" for number in range(4)]


def fill(folder: Path) -> None:
    for age, name in enumerate(NAMES):
        for kind in ("png", "zip"):
            path = folder / f"{name}.{kind}"
            path.write_bytes(b"x" * 1000)
            os.utime(path, (100 * DAY - age * DAY, 100 * DAY - age * DAY))


def left(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("keep", "stay"),
    [
        (Retention(30, 10**6), NAMES),
        (Retention(1.5, 10**6), NAMES[:2]),
        (Retention(30, 4000), NAMES[:2]),
        (Retention(30, 0), []),
    ],
)
def test_the_oldest_goes_first_by_age_and_by_size(tmp_path: Path, keep: Retention, stay: list[str]) -> None:
    fill(tmp_path)
    assert prune(tmp_path, keep, 100 * DAY + 1) == 8 - 2 * len(stay)
    assert left(tmp_path) == set(stay)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.zip").write_bytes(b"x" * 1000)
    (tmp_path / f"{NAMES[0]}.png").symlink_to("/etc/hostname")
    assert prune(tmp_path, Retention(0.001, 0), 1e12) == 0
    assert prune(tmp_path / "gone", Retention(), 0) == 0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with portal() as address:
        yield address


@pytest.mark.browser
def test_a_failed_run_has_a_page_with_its_screenshot_and_a_trace(tmp_path: Path, url: str) -> None:
    (tmp_path / "wrong.yaml").write_text(
        "name: wrong\nkind: page_load\nstep_timeout: 1s\nsteps:\n  - open: /\n  - expect: {text: Tidak ada di sini}\n"
    )
    head = "defaults: {retest: false}\n"
    config = write_config(tmp_path, url, "      - {scenario: wrong.yaml, every: 10m}\n", head)
    with daemon(tmp_path, config) as running:
        wait_until(lambda: json.loads(running.get("/api/v1/runs?outcome=failed")[1])["runs"], 60)
        (run,) = json.loads(running.get("/api/v1/runs?outcome=failed")[1])["runs"]
        assert f"/runs/{run['run_id']}" in running.get("/?lang=en")[1]
        status, page = running.get(f"/runs/{run['run_id']}?lang=id")
        assert status == 200
        assert "Tangkapan layar" in page
        assert "Tidak ada di sini" in page
        assert f'src="/evidence/{run["evidence"]["screenshot"]}"' in page
        for path in ("/runs/none", "/evidence/none.png", "/evidence/..%2Fruns.db", "/evidence/..%2F..%2Fconfig.yaml"):
            assert running.get(path)[0] == 404
        shot = tmp_path / "var/evidence" / run["evidence"]["screenshot"]
        assert shot.read_bytes().startswith(b"\x89PNG")
        told = gapwatch(tmp_path, "trace", run["run_id"], "--config", str(config), "--path")
        assert (told.returncode, told.stderr) == (0, "")
        assert Path(told.stdout.strip()).is_file()
        Path(told.stdout.strip()).unlink()
        assert running.end() == 0
    for name, said in ((run["run_id"], "its trace has been pruned"), ("none", "the store has no such run")):
        refused = gapwatch(tmp_path, "trace", name, "--config", str(config), "--path")
        assert refused.returncode == 2
        assert said in refused.stderr


@pytest.mark.browser
def test_the_second_try_keeps_a_network_log_without_cookies_contents_and_secrets(tmp_path: Path, url: str) -> None:
    (tmp_path / "wrong.yaml").write_text(
        "name: wrong\nkind: page_load\nstep_timeout: 1s\nsteps:\n"
        "  - open: '/?code={{ secrets.code }}'\n  - open: /\n  - expect: {text: Tidak ada di sini}\n"
    )
    config = write_config(tmp_path, url, "      - {scenario: wrong.yaml, every: 10m}\n")
    text = config.read_text().replace("    allow_submit", "    secrets: {code: file:code.txt}\n    allow_submit")
    (tmp_path / "code.txt").write_text("opensesame-77")
    config.write_text(text)
    with daemon(tmp_path, config) as running:
        wait_until(lambda: len(json.loads(running.get("/api/v1/runs?outcome=failed")[1])["runs"]) == 2, 60)
        again, first = json.loads(running.get("/api/v1/runs?outcome=failed")[1])["runs"]
        assert again["retest_of"] == first["run_id"]
        assert f"/runs/{again['run_id']}" in running.get(f"/runs/{first['run_id']}?lang=en")[1]
        assert f"/evidence/{again['run_id']}.har" in running.get(f"/runs/{again['run_id']}?lang=en")[1]
        status, log = running.get(f"/evidence/{again['run_id']}.har")
        assert status == 200
        assert running.end() == 0
    entries = json.loads(log)["log"]["entries"]
    assert f"{url}/" in [each["request"]["url"] for each in entries]
    assert all(each["response"]["status"] for each in entries)
    assert "opensesame" not in log
    assert "?code=[redacted]" in log
    sides = [side for each in entries for side in (each["request"], each["response"])]
    assert all(side["cookies"] == [] and "postData" not in side for side in sides)
    named = {header["name"].lower(): header["value"] for side in sides for header in side["headers"]}
    assert named.get("set-cookie", "[redacted]") == "[redacted]"
    assert not any("text" in each["response"]["content"] for each in entries)
    left = {path.suffix for path in (tmp_path / "var/evidence").iterdir() if path.name.startswith(".")}
    assert left == set()
    # The measured run records nothing.
    assert not (tmp_path / "var/evidence" / f"{first['run_id']}.har").exists()
