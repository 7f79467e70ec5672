"""What can be typed and what can be configured is documented, or a test fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from pydantic import BaseModel

from egovqual_link.instrument import load_instrument
from egovqual_link.study import Hypothesis, StudyFile, Wave, load_study
from gapwatch.cli import app
from gapwatch.config import load_config
from gapwatch.config_file import (
    BrowserFile,
    ConfigFile,
    ExportersFile,
    LatencyFile,
    MaintenanceFile,
    Network,
    OtlpFile,
    PortalFile,
    RetentionFile,
    ScenarioFile,
    SloFile,
    SurveyFile,
    TimingFile,
)
from gapwatch.template import DEMO_URL, config_text, study_text, write_study
from probes.browsers import NETWORKS
from scenarios.loader import shipped_flows
from scenarios.model import GoldQuery
from scenarios.source import InputError

ROOT = Path(__file__).parents[1]


def flat(group: Any, before: str = "") -> dict[str, Any]:
    """Commands by what is typed; a group of commands and each command in it."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found[before + name] = command
        if hasattr(command, "commands"):
            found |= flat(command, f"{before}{name} ")
    return found


COMMANDS = flat(typer.main.get_command(app))
CLI = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
CONTRACT = {"demo", "run", "once", "check", "survey", "link", "export", "doctor", "init"}


def section(command: str) -> str:
    found = re.search(rf"^## gapwatch {command}\n(.*?)(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/cli.md has no section on {command}"
    return found[1]


def test_all_fixed_commands_are_there() -> None:
    assert set(COMMANDS) >= CONTRACT


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_option_is_documented(command: str) -> None:
    text = section(command)
    for parameter in COMMANDS[command].params:
        for option in parameter.opts:
            if option.startswith("-") and option not in ("--help", "-h"):
                assert re.search(rf"`{option}[ `]", text), f"{command} {option}"
    for option in re.findall(r"`(--[a-z-]+)", text):
        known = {each for parameter in COMMANDS[command].params for each in parameter.opts}
        assert option in known | {"--serve"}, f"docs/cli.md tells of {command} {option}, which there is not"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_an_example_and_its_exit_codes(command: str) -> None:
    assert f"gapwatch {command}" in (COMMANDS[command].help or "")
    assert (COMMANDS[command].epilog or "").startswith("Exit codes: 0")


MODELS = (
    RetentionFile,
    SurveyFile,
    ConfigFile, BrowserFile, TimingFile, MaintenanceFile, PortalFile, ScenarioFile, GoldQuery, SloFile, LatencyFile,
    ExportersFile, OtlpFile,
)  # fmt: skip


def keys(*models: type[BaseModel]) -> Iterator[str]:
    for model in models:
        yield from model.model_fields


@pytest.mark.parametrize("key", sorted(set(keys(*MODELS))))
def test_every_key_is_documented_and_in_the_example(key: str) -> None:
    row = re.search(rf"^\| (`\w+`, )?`{key}`(, `\w+`)? \|", CONFIGURATION, re.MULTILINE)
    assert row or f"`{key}` is" in CONFIGURATION, f"docs/configuration.md lacks {key}"
    assert re.search(rf"\b{key}:", (ROOT / "config.yaml").read_text()) or key == "cron"


def test_documented_keys_are_keys() -> None:
    known = set(keys(*MODELS))
    assert set(re.findall(r"^\| `([a-z_]+)` \|", CONFIGURATION, re.MULTILINE)) <= known


def test_shipped_scenarios_are_named_where_people_look() -> None:
    for name in shipped_flows():
        assert f"`{name}`" in CONFIGURATION
        assert name in config_text(DEMO_URL)


def test_the_example_is_what_init_writes_and_can_be_run() -> None:
    path = ROOT / "config.yaml"
    assert path.read_text(encoding="utf-8") == config_text(DEMO_URL)
    config = load_config(path, environment={})
    assert {job.scenario for job in config.jobs} == set(shipped_flows())
    assert config.portals[0].base_url == DEMO_URL


def test_init_for_another_portal_can_be_run(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config_text("https://portal.example.go.id/app/"))
    config = load_config(path, environment={})
    assert config.portals[0].name == "portal-example-go-id"
    assert config.portals[0].allow_submit is False


def test_the_study_file_of_the_documentation_is_what_init_writes(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    write_study(path)
    assert f"```yaml\n{path.read_text(encoding='utf-8')}```" in (ROOT / "docs/study.md").read_text(encoding="utf-8")
    study = load_study(path)
    assert len(study.hypotheses) == 2
    text = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    for key in (*StudyFile.model_fields, *Wave.model_fields, *Hypothesis.model_fields):
        assert re.search(rf"\b{key}:", study_text()), key
    for _, indicator in load_instrument().indicators():
        assert f"`{indicator.key}`" in text, f"docs/study.md lacks {indicator.key}"
    with pytest.raises(InputError, match="exists already"):
        write_study(path)


def test_networks_are_those_that_the_probes_know() -> None:
    assert set(get_args(Network)) == set(NETWORKS)
