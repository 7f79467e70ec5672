"""Checks of the machine and the installation, each with what to do where it is not well."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from exporters.store import Store, StoreError
from gapwatch.config import Config
from gapwatch.version import version
from probes import BrowserMissingError
from probes.host import cpu_stall_seconds
from probes.pool import BrowserPool

Level = Literal["ok", "warn", "fail"]
PACKAGES = ("scenarios", "probes", "exporters", "egovqual_link", "gapwatch", "demo_portal")
#: A word of each package's first line: packages of the same names, but of others, are on the package index.
_OURS = {
    "scenarios": "What is exercised",
    "probes": "How it is measured",
    "exporters": "Where a Run goes",
    "egovqual_link": "What citizens say",
    "gapwatch": "The application",
    "demo_portal": "portal",
}
#: The clock of a machine whose image is older than this tool cannot be right.
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, what was found, and what to do."""

    level: Level
    what: str
    found: str
    remedy: str = ""


def examine(config: Config | None = None) -> list[Check]:
    """All checks; with a configuration also its store, evidence folder, port and browsers."""
    return [
        *_python(),
        *_packages(),
        *asyncio.run(_browsers(config)),
        *_host(),
        *_time(),
        *_folders(config),
    ]


def _python() -> Iterator[Check]:
    good = sys.version_info >= (3, 11)
    yield Check(
        "ok" if good else "fail", "python", platform.python_version(), "" if good else "3.11 or newer is needed"
    )
    yield Check("ok", "gapwatch", version())
    in_venv = sys.prefix != sys.base_prefix
    remedy = "" if in_venv else "install it into its own: other packages named probes or exporters may overwrite ours"
    yield Check("ok" if in_venv else "warn", "virtual environment", sys.prefix if in_venv else "none", remedy)


def _packages() -> Iterator[Check]:
    """Each top-level package is ours: names like `probes` are taken on the package index, and the last install wins.

    They are looked at, not imported: a stranger's code is not to be run for that.
    """
    home = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            yield Check("fail", f"package {name}", "is not there", "install gapwatch again")
            continue
        place = Path(spec.origin).resolve()
        said = ast.get_docstring(ast.parse(place.read_text(encoding="utf-8", errors="replace"))) or ""
        ours = place.parent == home / name and _OURS[name] in said
        remedy = "" if ours else f"another package took its place: uninstall that, then install gapwatch again ({home})"
        yield Check("ok" if ours else "fail", f"package {name}", str(place.parent), remedy)


async def _browsers(config: Config | None) -> list[Check]:
    needed = {job.browser for job in config.jobs if job.needs_browser} if config else {"chromium"}
    executables = config.browser_executables if config else {}
    pool = BrowserPool(executables=executables)
    checks = []
    try:
        for engine in ("chromium", "firefox", "webkit"):
            try:
                found = await pool.find(engine)
            except BrowserMissingError as error:
                message, _, remedy = str(error).partition("; ")
                wanted = engine in needed
                checks.append(Check("fail" if wanted else "ok", engine, message if wanted else "none", remedy))
                continue
            checks.append(Check("ok", engine, f"{found.executable} {await _browser_version(found.executable)}".strip()))
    finally:
        await pool.close()
    return checks


async def _browser_version(program: Path) -> str:
    """What `--version` says; empty where a program does not know it."""
    try:
        process = await asyncio.create_subprocess_exec(
            program, "--version", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return ""
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 20)
    except TimeoutError:
        process.kill()
        await process.wait()
        return ""
    return (said.decode("utf-8", "replace").strip().splitlines() or [""])[-1][:80]


def _host() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0))
    remedy = "" if cores > 1 else "2 are better: one for the browser"
    yield Check("ok" if cores > 1 else "warn", "processor", f"{cores} cores", remedy)
    if cpu_stall_seconds() is None:
        yield Check("warn", "cpu pressure", "the kernel does not tell (PSI)", "load is used instead; boot with psi=1")
    else:
        yield Check("ok", "cpu pressure", "/proc/pressure/cpu")
    if os.geteuid() == 0:
        yield Check("warn", "user", "root: Chromium's sandbox is off", "run as an ordinary user")
    else:
        yield Check("ok", "user", f"uid {os.geteuid()}, browser sandbox on")
    shared = Path("/dev") / "shm"
    if shared.is_dir() and shutil.disk_usage(shared).total < 2**28:
        size = f"{shutil.disk_usage(shared).total / 2**20:.0f} MiB"
        yield Check("warn", str(shared), size, "browsers crash on big pages below 256 MiB; containers: --shm-size=1g")


def _time() -> Iterator[Check]:
    now = datetime.now(UTC)
    right = now >= _EARLIEST
    remedy = "" if right else "set the clock (systemd-timesyncd, chrony)"
    yield Check("ok" if right else "fail", "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC", remedy)
    steady = time.get_clock_info("monotonic")
    yield Check("ok" if steady.resolution <= 1e-3 else "warn", "monotonic clock", f"{steady.resolution:g} s steps")
    try:
        ZoneInfo("Asia/Jakarta")
        yield Check("ok", "time zones", "Asia/Jakarta is known")
    except ZoneInfoNotFoundError:
        yield Check("fail", "time zones", "no data", "install the package tzdata")


def _folders(config: Config | None) -> Iterator[Check]:
    yield _writable("temporary folder", Path(tempfile.gettempdir()))
    if config is None:
        return
    yield _writable("evidence", config.evidence_dir)
    if config.store_url.startswith("sqlite:///"):
        place = Path(config.store_url.removeprefix("sqlite:///"))
        if not place.exists():
            yield _writable("store", place.parent)
            return
    try:
        # Looked at, not made: a doctor leaves nothing behind.
        with Store.open(config.store_url, read_only=True) as store:
            problems = store.integrity_check()
            yield Check("fail" if problems else "ok", "store", problems[0] if problems else f"{store.where}, sound")
    except StoreError as error:
        yield Check("fail", "store", f"{error.where}: {error.reason}", error.remedy)


def _writable(what: str, folder: Path) -> Check:
    """Whether files can be made there; a folder that is not there yet is judged by its nearest parent."""
    existing = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        with tempfile.NamedTemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check("fail", what, f"{folder}: {error.strerror}", "give a folder that can be written")
    free = shutil.disk_usage(existing).free
    low = free < 2**28
    remedy = "free some space" if low else ""
    return Check("warn" if low else "ok", what, f"{folder}, {free / 2**30:.1f} GiB free", remedy)
