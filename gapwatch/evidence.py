"""Evidence of failures on disk: kept for a time and up to a size, the oldest going first."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

#: What the prober writes: the run's id and what it is. Anything else in the folder is not ours to delete or to serve.
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6,32}\.(png|zip|har)")
#: What the prober had not made clean when it was killed; no run lasts that long.
_UNFINISHED = re.compile(r"\.[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6,32}\.(raw\.zip|raw\.har|har\.part|zip\.part)")
_UNFINISHED_SECONDS = 3600.0
EVERY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long evidence stays, in days, and how many bytes all of it may take."""

    days: float = 30.0
    max_bytes: int = 1_000_000_000


def prune(folder: Path, keep: Retention, now: float) -> int:
    """Delete evidence that is too old (`now` in Unix seconds), then the oldest until the rest fits; how many files."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if _UNFINISHED.fullmatch(path.name) and now - path.lstat().st_mtime > _UNFINISHED_SECONDS:
            path.unlink(missing_ok=True)
        if NAME.fullmatch(path.name) and not path.is_symlink():
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    found.sort()
    size = sum(each for _, each, _ in found)
    gone = 0
    for changed, each, path in found:
        if now - changed <= keep.days * 86_400 and size <= keep.max_bytes:
            break
        path.unlink(missing_ok=True)
        size -= each
        gone += 1
    return gone


async def prune_once(folder: Path, keep: Retention) -> None:
    """Prune off the event loop; a folder that cannot be read is told and tried again at the next time."""
    try:
        gone = await asyncio.to_thread(prune, folder, keep, time.time())
    except OSError as error:
        log.warning("evidence was not pruned: %s", error)
    else:
        if gone:
            log.info("%d files of old evidence were deleted", gone)
