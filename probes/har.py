"""The network log (HAR 1.2) of a run that tries a failure again: times, sizes and statuses, no contents, no cookies."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from probes.evidence import without_secrets
from scenarios.variables import REDACTED

log = logging.getLogger(__name__)

#: Headers that let whoever holds them be somebody else.
_CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-csrf-token", "x-xsrf-token"}
)


def recording(folder: Path, run_id: str) -> dict[str, Any]:
    """Options of a browser context that let it write the log when it closes."""
    folder.mkdir(parents=True, exist_ok=True)
    return {"record_har_path": raw_path(folder, run_id), "record_har_content": "omit"}


def raw_path(folder: Path, run_id: str) -> Path:
    """Where the browser's own log stands until it is made clean."""
    return folder / f".{run_id}.raw.har"


def finish(folder: Path, run_id: str, secrets: Sequence[str], *, wanted: bool) -> None:
    """Make `RUN_ID.har` of what the browser wrote, where it is wanted; what was not made clean never stays."""
    raw, part = raw_path(folder, run_id), folder / f".{run_id}.har.part"
    try:
        if wanted and raw.is_file():
            har = cleaned(json.loads(raw.read_text("utf-8")))
            part.write_bytes(without_secrets(json.dumps(har, ensure_ascii=False).encode(), secrets))
            part.replace(folder / f"{run_id}.har")
    except (OSError, ValueError) as error:
        log.info("no network log of run %s: %s", run_id, error)
    finally:
        raw.unlink(missing_ok=True)
        part.unlink(missing_ok=True)


def cleaned(har: dict[str, Any]) -> dict[str, Any]:
    """The log without cookies, credentials, and what was typed or sent back."""
    for entry in har.get("log", {}).get("entries", []):
        for side in (entry.get("request", {}), entry.get("response", {})):
            side["cookies"] = []
            for header in side.get("headers", []):
                if header.get("name", "").lower() in _CREDENTIALS:
                    header["value"] = REDACTED
            side.pop("postData", None)
            side.get("content", {}).pop("text", None)
    return har
