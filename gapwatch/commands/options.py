"""Options that several commands share, worded once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Language(StrEnum):
    """What people read: English or Indonesian."""

    EN = "en"
    ID = "id"


ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration (see docs/configuration.md).")
]
LanguageOption = Annotated[Language, typer.Option("--lang", help="Language of what is printed: English or Indonesian.")]
DEFAULT_CONFIG = Path("config.yaml")
