"""The configuration that `init` writes, and that stands at the top of the repository for the demo portal."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from gapwatch.config_file import PortalFile
from scenarios.source import InputError, Problem

DEMO_URL = "http://127.0.0.1:8090"


def config_text(url: str) -> str:
    """The commented configuration for the portal at `url`; for the demo portal, one that uses all it has.

    Raises:
        InputError: `url` is no portal's address.
    """
    from jinja2 import Environment, StrictUndefined
    from pydantic import ValidationError

    try:
        checked = PortalFile(name="portal", base_url=url, scenarios=({"scenario": "page_load"},))  # type: ignore[arg-type]  # pydantic reads it
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError([Problem("--url", None, f"{url[:100]!r} {reason}")]) from None
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)  # noqa: S701 - it writes YAML
    source = files("gapwatch").joinpath("config_template.yaml").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        demo=checked.base_url == DEMO_URL, url=checked.base_url, name=portal_name(checked.base_url)
    )


def portal_name(url: str) -> str:
    """A portal's name made of its host: `oss-go-id` of https://www.oss.go.id."""
    host = (urlsplit(url).hostname or "portal").removeprefix("www.")
    name = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:63]
    return name or "portal"


def write_config(file: Path, url: str) -> None:
    """Write it to `file`, which must not exist.

    Raises:
        InputError: it exists, cannot be written, or `url` is no portal's address.
    """
    _write_new(file, config_text(url))


def study_text() -> str:
    """The commented study file that `init --study` writes and docs/study.md shows."""
    return files("gapwatch").joinpath("study_template.yaml").read_text(encoding="utf-8")


def write_study(file: Path) -> None:
    """Write a study file to fill in to `file`, which must not exist.

    Raises:
        InputError: it exists, or cannot be written.
    """
    _write_new(file, study_text())


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError([Problem(str(file), None, "exists already and stays as it is", "name another file")]) from None
    except OSError as error:
        raise InputError([Problem(str(file), None, f"cannot be written: {error.strerror}")]) from None
