"""How it is measured: browser journeys and HTTP checks that turn a scenario into a Run."""

from probes.prober import Prober, RunRequest
from probes.probes import Probes, new_run_id
from probes.run import Finding, PageMetrics, Run, StepResult
from probes.trouble import BrowserMissingError, ProbeError

__all__ = [
    "BrowserMissingError",
    "Finding",
    "PageMetrics",
    "ProbeError",
    "Prober",
    "Probes",
    "Run",
    "RunRequest",
    "StepResult",
    "new_run_id",
]
