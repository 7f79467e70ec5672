"""Where the runs of a configuration go: the store first, then the metrics, then files and other services."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporters.fanout import Exporter, Fanout
from exporters.jsonlines import JsonLinesExporter
from exporters.metrics import RunMetrics
from exporters.otlp_target import OtlpTarget
from exporters.pushgateway import PushError, carry_over, delete, push
from exporters.store import Store
from exporters.textfile import TextfileExporter
from probes.run import Run

log = logging.getLogger(__name__)

#: What waits for a slow store or service at the end gets this long.
CLOSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PushTarget:
    """A Pushgateway, the labels that make the group, and whether a call in which all went well takes the group away."""

    url: str
    grouping: Mapping[str, str] = field(default_factory=dict)
    delete_on_success: bool = False


class Outlets:
    """An open store, its metrics, and whoever else is told; StoreError when the store cannot be opened.

    `objectives` are latency objectives in seconds, see RunMetrics. `keep` are the (portal, scenario) pairs of the
    configuration: what an earlier call exported of others is not carried on.
    """

    def __init__(
        self,
        store_url: str,
        *,
        textfile: Path | None = None,
        pushgateway: PushTarget | None = None,
        jsonlines: Path | None = None,
        otlp: OtlpTarget | None = None,
        objectives: Collection[float] = (),
        keep: Collection[tuple[str, str]] | None = None,
        location: str = "local",
    ) -> None:
        self.metrics = RunMetrics(objectives=objectives)
        exporters: list[Exporter] = []
        if textfile is not None:
            exporters.append(TextfileExporter(textfile, self.metrics))
        if jsonlines is not None:
            exporters.append(JsonLinesExporter(jsonlines))
        if otlp is not None:
            from exporters.otlp import OtlpExporter

            exporters.append(OtlpExporter(otlp, self.metrics, location=location))
        self._keep = keep
        self._retain()
        self.store = Store.open(store_url)
        self._pushgateway = pushgateway
        self._well = True
        self._fanout = Fanout(self.store, exporters, self.metrics)

    def _retain(self) -> None:
        if self._keep is not None:
            self.metrics.retain(self._keep)

    async def publish(self, run: Run) -> None:
        """Keep a run and tell of it; never fails, and waits about a second at most."""
        self._well = self._well and run.outcome in ("passed", "degraded")
        await self._fanout.publish(run)

    async def close(self) -> list[str]:
        """Deliver what waits, then close; what went wrong, in words."""
        lost = await self._fanout.close(CLOSE_SECONDS)
        self.store.close()
        trouble = [f"{lost} runs could not be kept in the store"] if lost else []
        if self._pushgateway is not None:
            trouble += self._push(self._pushgateway, well=self._well and not trouble)
        return trouble

    def _push(self, target: PushTarget, *, well: bool) -> list[str]:
        try:
            if well and target.delete_on_success:
                delete(target.url, target.grouping)
                return []
            try:
                carry_over(target.url, self.metrics, target.grouping)
            except PushError as error:
                # The push tells better what is wrong; counts that begin anew are no reason not to try it.
                log.info("%s", error)
            self._retain()
            push(target.url, self.metrics, target.grouping)
        except PushError as error:
            return [str(error)]
        return []
