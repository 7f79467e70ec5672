"""Runs as JSON Lines: one run a line, appended, in the shape that `once --format json` prints."""

from __future__ import annotations

import asyncio
import json
import math
import os
from pathlib import Path
from typing import Any

from exporters.files import WriteError
from probes.run import Run


def _plain(value: Any) -> Any:
    """NaN and infinity are no JSON and no measurement: null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def json_line(run: Run) -> bytes:
    """The run as one line of JSON, UTF-8, with its line end; a lone surrogate from a page becomes an escape."""
    text = json.dumps(_plain(run.as_dict()), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", errors="backslashreplace") + b"\n"


class JsonLinesExporter:
    """Appends each run to a file. The file is opened anew for each, so it may be rotated away at any time."""

    name = "jsonlines"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    async def export(self, run: Run) -> None:
        """Append one line, in one write. Raises WriteError."""
        await asyncio.to_thread(self._append, json_line(run))

    async def close(self) -> None:
        """Nothing is held open."""

    def _append(self, line: bytes) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                start = os.fstat(descriptor).st_size
                written = os.write(descriptor, line)
                if written < len(line):
                    # A full disk takes a part of it: no line is better than half a line.
                    os.ftruncate(descriptor, start)
                    raise WriteError(self._path, "the disk is full", "free some space")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise WriteError.of(self._path, error) from error
