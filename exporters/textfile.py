"""A `.prom` file for node_exporter's textfile collector: always whole, and counting on from one call to the next.

A process that makes one run would write counters of 0 and 1 each time, and `increase()` over them is 0. So the file is
its own memory: what it says is read first and counted on (`carry_over`). Without the file the counts begin anew, which
Prometheus takes for a restart. The store's totals are no substitute: pruning lowers them, and they have no buckets.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from pathlib import Path

from exporters.files import WriteError, write_atomically
from exporters.metrics import RunMetrics
from probes.run import Run

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.prom")
#: Bytes above which a file is not taken for one that we wrote.
_MAX_BYTES = 64 * 2**20


def textfile_path(path: str | Path) -> Path:
    """The path, if a textfile collector would read it: its name ends in `.prom` and does not begin with a dot.

    Raises WriteError.
    """
    checked = Path(path)
    if not _NAME.fullmatch(checked.name):
        raise WriteError(checked, "node_exporter would not read a file of this name", "name it like gapwatch.prom")
    if checked.is_dir():
        raise WriteError(checked, "this is a folder", "give the path of a file in it")
    return checked


def carry_over(path: str | Path, metrics: RunMetrics) -> bool:
    """Let `metrics` count on from what the file says; once, at the start of a process. False: nothing to go on from.

    A file that cannot be read is logged and the counts begin anew: monitoring goes on either way.
    """
    source = textfile_path(path)
    try:
        if not source.exists():
            return False
        if source.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES} bytes")  # noqa: TRY301 - one place logs all reasons
        metrics.restore(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        log.warning("%s is no file to count on from (%s): the counters begin at 0", source, error)
        return False
    return True


def write_textfile(path: str | Path, metrics: RunMetrics) -> None:
    """Write the metrics by write-then-rename in the same folder: mode 0644, no timestamps. Raises WriteError."""
    write_atomically(textfile_path(path), metrics.render())


class TextfileExporter:
    """Keeps the file up to date, at most once in `interval` seconds, and writes it a last time at the end.

    It writes what `metrics` says; telling `metrics` of the runs is the Fanout's part.
    """

    name = "textfile"

    def __init__(self, path: str | Path, metrics: RunMetrics, *, interval: float = 5.0) -> None:
        self._path = textfile_path(path)
        self._metrics = metrics
        self._interval = interval
        self._written = float("-inf")
        self._later: asyncio.Task[None] | None = None
        carry_over(self._path, metrics)

    async def export(self, run: Run) -> None:  # noqa: ARG002 - the metrics know it already
        """Write now if it is time, else as soon as it is. Raises WriteError."""
        if self._later is not None and not self._later.done():
            return
        wait = self._written + self._interval - time.monotonic()
        if wait > 0:
            self._later = asyncio.create_task(self._write_later(wait))
        else:
            await self._write()

    async def close(self) -> None:
        """Write what is not written yet. Raises WriteError."""
        if self._later is not None:
            self._later.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._later
        await self._write()

    async def _write(self) -> None:
        self._written = time.monotonic()
        await asyncio.to_thread(write_textfile, self._path, self._metrics)

    async def _write_later(self, wait: float) -> None:
        await asyncio.sleep(wait)
        try:
            await self._write()
        except WriteError as error:
            log.warning("textfile not written: %s", error)
