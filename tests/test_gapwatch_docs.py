"""The documentation says what the program does: commands, options, and configuration are held to the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from gapwatch.cli import app

DOCS = Path(__file__).parent.parent / "docs"
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_documented(name: str) -> None:
    text = (DOCS / "cli.md").read_text()
    section = text.split(f"## gapwatch {name}\n", 1)
    assert len(section) == 2, f"docs/cli.md lacks gapwatch {name}"
    body = section[1].split("\n## ", 1)[0]
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert option in body, f"docs/cli.md lacks {option} of {name}"


def test_the_documented_configuration_is_the_shipped_one() -> None:
    shipped = (DOCS.parent / "config.yaml").read_text()
    assert shipped in (DOCS / "configuration.md").read_text()


def test_links_of_the_readme_lead_somewhere() -> None:
    readme = DOCS.parent / "README.md"
    for target in re.findall(r"\]\(([^)#]+)\)", readme.read_text()):
        assert (readme.parent / target).exists(), target
