"""What a result was made from and with: files by their SHA-256, and the versions of what computed it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

#: What figures, statistics and pictures come from; another version of one of these may change a last digit.
LIBRARIES: Final = (
    "gapwatch",
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "matplotlib",
    "sqlalchemy",
    "duckdb",
    "openpyxl",
)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that went into a result: what it was for, its name without folders, and the SHA-256 of its bytes."""

    role: str
    name: str
    sha256: str


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits; OSError where it cannot be read."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            found.update(part)
    return found.hexdigest()


def input_files(named: Sequence[tuple[str, str | Path | None]]) -> tuple[InputFile, ...]:
    """(role, path) as InputFile; what is no file (an answer set made in memory) is left out."""
    return tuple(_known(named))


def _known(named: Sequence[tuple[str, str | Path | None]]) -> Iterator[InputFile]:
    for role, path in named:
        if path and Path(path).is_file():
            yield InputFile(role, Path(path).name, sha256_of(Path(path)))


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries behind figures and statistics; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
