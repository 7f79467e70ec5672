"""Every way a configuration can be wrong has its own file and its exact messages; a right one resolves as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gapwatch.config import load_config
from gapwatch.timetable import Schedule
from scenarios.source import InputError

BAD = Path(__file__).parent / "bad_configs"
MESSAGES = (BAD / "messages.txt").read_text(encoding="utf-8").splitlines()
NAMES = sorted(path.stem for path in BAD.glob("*.yaml"))


def said(path: Path) -> list[str]:
    """Problems of a configuration, without the folder they lie in."""
    with pytest.raises(InputError) as caught:
        load_config(path, environment={})
    return [str(problem).replace(f"{BAD}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize("name", NAMES)
def test_bad_config_is_refused_with_its_exact_messages(name: str) -> None:
    expected = [line for line in MESSAGES if line.startswith(f"{name}.yaml:")]
    if name == "broken_flow_file":
        expected = [line for line in MESSAGES if line.startswith("flows/broken.yaml:")]
    assert expected, f"{name}.yaml has no line in messages.txt"
    assert said(BAD / f"{name}.yaml") == expected


def test_every_expected_message_belongs_to_a_file() -> None:
    assert {line.split(".yaml:")[0] for line in MESSAGES} - {"flows/broken"} == set(NAMES) - {"broken_flow_file"}


def test_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("version: 1\n")
    path = tmp_path / "confg.yaml"
    assert said(path) == [f"{path}: no such file (did you mean {tmp_path / 'config.yaml'}?)"]


def test_secrets_written_in_the_open_are_not_repeated() -> None:
    for name in ("secret_in_the_open", "address_with_password"):
        assert "canary" in (BAD / f"{name}.yaml").read_text()
        assert "canary" not in "".join(said(BAD / f"{name}.yaml"))


def write(folder: Path, text: str) -> Path:
    (folder / "flow.yaml").write_text(
        "name: home\nkind: page_load\ndeadline: 30s\nsteps:\n  - open: '{{ settings.start }}'\n"
    )
    path = folder / "config.yaml"
    path.write_text(text)
    return path


GOOD = """\
version: 1
store: sqlite:///runs.db
listen: "[::1]:0"
defaults: {every: 10m, jitter: 5s, timezone: UTC, deadline: 45s}
portals:
  - name: demo
    base_url: https://portal.example/app/
    settings: {start: /}
    secrets: {password: "env:PORTAL_PASSWORD", token: "file:token.txt"}
    scenarios:
      - flow.yaml
      - {scenario: flow.yaml, browser: firefox, cron: "0 9 * * 1-5", timezone: Asia/Makassar, deadline: 90s}
"""


def test_what_a_scenario_says_goes_before_its_flow_and_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("t0ken\n")
    config = load_config(write(tmp_path, GOOD), environment={"PORTAL_PASSWORD": "pass"})
    first, second = config.jobs
    assert first.schedule == Schedule(600.0, None, "UTC", 5.0)
    assert first.deadline_seconds == 30.0  # the flow's own, not the default
    assert (first.browser, first.device) == ("chromium", "desktop")
    assert second.schedule == Schedule(None, "0 9 * * 1-5", "Asia/Makassar", 5.0)
    assert (second.browser, second.deadline_seconds) == ("firefox", 90.0)
    assert first.id == "demo/home/chromium/desktop/native"
    assert config.portals[0].base_url == "https://portal.example/app"
    assert config.portals[0].secrets == {"password": "pass", "token": "t0ken"}
    assert config.listen == ("::1", 0)


def test_relative_paths_start_at_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token.txt").write_text("t0ken")
    path = write(tmp_path, GOOD)
    monkeypatch.chdir("/")
    config = load_config(path, environment={"PORTAL_PASSWORD": "pass"})
    assert config.store_url == f"sqlite:///{tmp_path}/runs.db"
    assert config.evidence_dir == tmp_path / "var/evidence"


def test_the_store_may_be_a_secret_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("t0ken")
    path = write(tmp_path, GOOD.replace("sqlite:///runs.db", "env:STORE"))
    url = "postgresql://gapwatch:canary@db/gapwatch"
    config = load_config(path, environment={"PORTAL_PASSWORD": "pass", "STORE": url})
    assert config.store_url == url
    assert "canary" not in repr(config)
    assert "t0ken" not in repr(config)


def test_selection_by_names(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("t0ken")
    config = load_config(write(tmp_path, GOOD), environment={"PORTAL_PASSWORD": "pass"})
    assert len(config.select()) == 2
    assert len(config.select(["demo"], ["home"])) == 2
    with pytest.raises(InputError, match=r"no portal is named 'dema' \(did you mean 'demo'\?\)"):
        config.select(["dema"])
    with pytest.raises(InputError, match="no scenario is named 'hom'"):
        config.select([], ["hom"])
