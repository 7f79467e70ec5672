"""The command line around the commands: help, version, and errors that become a line and a code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gapwatch import cli
from gapwatch.cli import main
from gapwatch.config import load_config
from gapwatch.exits import ExitCode
from tests.gapwatch_processes import ROOT, gapwatch


def test_help_teaches(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "--help")
    assert done.returncode == 0
    assert "gapwatch once --config config.yaml" in done.stdout


def test_heavy_libraries_stay_out_of_help() -> None:
    code = (
        "import sys, gapwatch.cli\n"
        "heavy = {'playwright', 'pandas', 'matplotlib', 'aiohttp', 'sqlalchemy', 'rich', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_version(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("gapwatch ")


@pytest.mark.parametrize("arguments", [["nonsense"], ["check", "--nonsense"], ["export"], ["link", "--lang", "fr"]])
def test_wrong_usage_is_2(tmp_path: Path, arguments: list[str]) -> None:
    done = gapwatch(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_errors_stand_on_stderr_as_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("version: 1\nlisten: nowhere\nportals: []\n")
    done = gapwatch(tmp_path, "check", "--config", str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"{path}:2: listen: must be host:port such as 127.0.0.1:9464 (IPv6 as [::1]:9464)\n"
        f"{path}:3: portals: is empty; give at least one\n"
    )


def test_our_own_crash_is_3_and_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(cli, "app", broken)
    monkeypatch.delenv("GAPWATCH_DEBUG", raising=False)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == ExitCode.OWN
    said = capsys.readouterr().err
    assert said == "gapwatch: internal error: RuntimeError: first line (gapwatch --debug … shows where)\n"
    monkeypatch.setenv("GAPWATCH_DEBUG", "1")
    with pytest.raises(SystemExit):
        main()
    assert "Traceback" in capsys.readouterr().err


def test_init_writes_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    done = gapwatch(tmp_path, "init", "--url", "https://portal.example.go.id", str(path))
    assert done.returncode == 0, done.stderr
    written = path.read_text()
    assert load_config(path, environment={}).portals[0].base_url == "https://portal.example.go.id"
    again = gapwatch(tmp_path, "init", str(path))
    assert again.returncode == 2
    assert again.stderr == f"{path}: exists already and stays as it is (name another file)\n"
    assert path.read_text() == written


@pytest.mark.parametrize("url", ["portal.example", "ftp://portal.example", "https://a:b@portal.example", ""])
def test_init_refuses_what_is_no_portal(tmp_path: Path, url: str) -> None:
    done = gapwatch(tmp_path, "init", "--url", url, str(tmp_path / "config.yaml"))
    assert done.returncode == 2
    assert done.stderr.startswith("--url: ")
    assert not (tmp_path / "config.yaml").exists()


def test_survey_of_the_seed_in_both_languages(tmp_path: Path) -> None:
    from egovqual_link.published import SEMARANG

    english = gapwatch(tmp_path, "survey", str(SEMARANG))
    indonesian = gapwatch(tmp_path, "survey", str(SEMARANG), "--lang", "id")
    assert (english.returncode, indonesian.returncode) == (0, 0), english.stderr
    overall = next(line for line in english.stdout.splitlines() if line.split()[:1] == ["overall"])
    assert overall.split()[2:5] == ["5.19", "5.35", "-0.16"]
    assert "5,19" in next(line for line in indonesian.stdout.splitlines() if line.split()[:1] == ["keseluruhan"])
    body = json.loads(gapwatch(tmp_path, "survey", str(SEMARANG), "--format", "json").stdout)
    row = next(row for row in body["scores"] if row["level"] == "overall")
    assert round(row["gap"], 2) == -0.16


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", "", "empty"),
        ("no-survey.csv", "a,b\n1,2\n", ""),
        ("empty.yaml", "", "is empty"),
        ("no-survey.yaml", "a: 1\n", "unknown key 'a'"),
    ],
)
def test_a_file_that_is_no_survey_is_2(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    out = tmp_path / "out"
    done = gapwatch(tmp_path, "survey", str(path), "--scale", "1-6", "--out", str(out))
    assert done.returncode == 2
    assert done.stderr.startswith(str(path))
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


def test_link_and_export_without_a_store_are_2(tmp_path: Path) -> None:
    from egovqual_link.published import SEMARANG

    missing = f"sqlite:///{tmp_path}/none.db"
    for arguments in (
        ("export", "--store", missing, "--out", str(tmp_path / "out")),
        ("link", "--survey", str(SEMARANG), "--store", missing, "--out", str(tmp_path / "out")),
    ):
        done = gapwatch(tmp_path, *arguments)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "none.db").exists()
        assert not (tmp_path / "out").exists()


def test_doctor_finds_this_machine_fit(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "doctor", "--config", "config.yaml")
    assert done.returncode == 0, done.stdout
    assert "ok    package probes:" in done.stdout
    assert "ok    chromium:" in done.stdout
    assert " 0 failed" in done.stdout


def test_doctor_says_what_to_do_about_a_missing_browser(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = (
        (ROOT / "config.yaml").read_text().replace("  headed: false\n", "  executables: {chromium: no-such-browser}\n")
    )
    path.write_text(text)
    done = gapwatch(tmp_path, "doctor", "--config", str(path))
    assert done.returncode == 3
    assert "fail  chromium: no-such-browser is not a program" in done.stdout
