"""Where the runs of a configuration go: kept in the store first, then told to the metrics."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from exporters.metrics import RunMetrics
from exporters.store import Store, StoreError
from gapwatch.config import Config
from probes.run import Run

log = logging.getLogger(__name__)


class Outlets:
    """The store and the metrics of a configuration; StoreError when the store cannot be opened."""

    def __init__(self, config: Config) -> None:
        self.store = Store.open(config.store_url)
        self.metrics = RunMetrics()
        self.metrics.exporter_dropped("store", 0)
        self._thread = ThreadPoolExecutor(1, "outlets")

    def publish(self, run: Run) -> None:
        """Take a run; returns at once and never fails."""
        self._thread.submit(self._keep, run)

    def _keep(self, run: Run) -> None:
        try:
            self.store.add(run)
        except StoreError as error:
            self.metrics.exporter_dropped("store")
            log.error("run %s was not kept: %s", run.run_id, error)  # noqa: TRY400 - the reason is in the message
        self.metrics.observe(run)

    async def close(self) -> None:
        """Write what is left, then close the store."""
        await asyncio.to_thread(self._thread.shutdown)
        self.store.close()
