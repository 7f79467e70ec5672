"""The command line, the daemon and the demo portal as real processes, for the tests of the application."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE = 30.0

FLOWS = {
    "up": "name: up\nkind: http\nrequest: {path: /, status: [200]}\n",
    "gone": "name: gone\nkind: http\nrequest: {path: /no-such-page, status: [200]}\n",
    "home": "name: home\nkind: page_load\ndeadline: 8s\nstep_timeout: 7s\nsteps:\n  - {name: Home, open: /}\n",
    "wait": (
        "name: wait\nkind: page_load\ndeadline: 25s\nstep_timeout: 20s\nsteps:\n"
        "  - {name: Home, open: /}\n  - {name: Never, wait_for: {text: this never comes}}\n"
    ),
}


def environment(folder: Path) -> dict[str, str]:
    """The process's environment with the tool's own files kept in `folder`, and plain output."""
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "200", "PYTHONWARNINGS": "error"}


def gapwatch(folder: Path, *arguments: str, timeout: float = 90.0) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gapwatch", *arguments],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def write_config(folder: Path, url: str, scenarios: str, head: str = "") -> Path:
    """A configuration of one portal named `demo`, with the flows of FLOWS beside it; `scenarios` is YAML."""
    for name, text in FLOWS.items():
        (folder / f"{name}.yaml").write_text(text)
    path = folder / "config.yaml"
    path.write_text(
        f"version: 1\nlisten: 127.0.0.1:0\nstore: sqlite:///runs.db\n{head}"
        f"portals:\n  - name: demo\n    base_url: {url}\n    allow_submit: true\n    scenarios:\n{scenarios}"
    )
    return path


def wait_until(what: Callable[[], object], patience: float = PATIENCE) -> object:
    """The first true answer of `what`; AssertionError when none comes."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true within {patience} s")


def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Status and body of an address."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextlib.contextmanager
def portal(preset: str = "healthy") -> Iterator[str]:
    """The demo portal in a process of its own; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo_portal", "--preset", preset, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()


class Daemon:
    """A running `gapwatch run` and its log."""

    def __init__(self, folder: Path, config: Path) -> None:
        self._log = folder / "daemon.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gapwatch", "run", "--config", str(config)],
                cwd=ROOT,
                env=environment(folder),
                stdout=log,
                stderr=log,
            )
        found = wait_until(lambda: self.process.poll() is not None or re.search(r"http://127\S+:\d+", self.log))
        assert isinstance(found, re.Match), self.log
        self.url = found[0]

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and body of one of its pages."""
        return get(self.url + path, headers)

    def metric(self, start: str) -> str:
        """The lines of /metrics that begin so."""
        return "\n".join(line for line in self.get("/metrics")[1].splitlines() if line.startswith(start))

    def hang_up(self) -> None:
        """Ask it to read its configuration again."""
        self.process.send_signal(signal.SIGHUP)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def daemon(folder: Path, config: Path) -> Iterator[Daemon]:
    """A daemon that is ready; killed at the end where the test did not end it."""
    running = Daemon(folder, config)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait(PATIENCE)
