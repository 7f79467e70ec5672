"""The probe's own machine while a run goes on: pressure, load, a late event loop, and whether to trust the timings."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

from probes.run import HostState

PSI = Path("/proc/pressure/cpu")
_TOTAL = re.compile(r"^some .*total=(\d+)", re.MULTILINE)

#: Above these the steps' waits are likely to be the host's rather than the portal's. A lone journey on two calm cores
#: reads a pressure of 0.1 to 0.5 by itself: a browser is many processes.
MAX_CPU_PRESSURE = 0.8
MAX_LOAD_PER_CPU = 2.0
MAX_LOOP_LAG_SECONDS = 0.5
_TICK = 0.05


def cpu_stall_seconds() -> float | None:
    """Seconds since boot in which some task waited for a CPU (Linux PSI); None where the kernel does not tell."""
    try:
        match = _TOTAL.search(PSI.read_text())
    except OSError:
        return None
    return int(match[1]) / 1e6 if match else None


class HostWatch:
    """Watches the host from `start` to `stop` of one run; `running` counts the runs of this process at work."""

    running = 0

    def __init__(self, browser_version: str | None = None, probe_version: str | None = None) -> None:
        self._versions = (browser_version, probe_version)
        self._lag = 0.0
        self._most = 0
        self._ticker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; must be followed by `stop`."""
        HostWatch.running += 1
        self._most = HostWatch.running
        self._began = time.monotonic()
        self._stalled = cpu_stall_seconds()
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            due = time.monotonic() + _TICK
            await asyncio.sleep(_TICK)
            self._lag = max(self._lag, time.monotonic() - due)
            self._most = max(self._most, HostWatch.running)

    def stop(self) -> HostState:
        """End, and say how it was."""
        HostWatch.running -= 1
        if self._ticker is not None:
            self._ticker.cancel()
        stalled, elapsed = cpu_stall_seconds(), time.monotonic() - self._began
        pressure = None
        if stalled is not None and self._stalled is not None and elapsed > 0:
            pressure = min(1.0, (stalled - self._stalled) / elapsed)
        return HostState(
            cpu_pressure=pressure,
            load_per_cpu=os.getloadavg()[0] / (os.cpu_count() or 1),
            concurrent_runs=self._most,
            loop_lag_seconds=self._lag,
            browser_version=self._versions[0],
            probe_version=self._versions[1],
        )


def invalid_reasons(host: HostState) -> tuple[str, ...]:
    """Why the run's timings say more about the host than about the portal; empty where they can be trusted.

    Load counts only where the kernel gives no pressure: it lags by a minute and counts waiting for disks too.
    """
    reasons = []
    if host.cpu_pressure is not None:
        if host.cpu_pressure > MAX_CPU_PRESSURE:
            reasons.append("cpu_pressure")
    elif host.load_per_cpu is not None and host.load_per_cpu > MAX_LOAD_PER_CPU:
        reasons.append("load")
    if host.loop_lag_seconds is not None and host.loop_lag_seconds > MAX_LOOP_LAG_SECONDS:
        reasons.append("loop_lag")
    return tuple(reasons)
