"""Real Prometheus, Alertmanager and receivers for the tests, each on a free loopback port and ended at the end."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from demo_portal.server import DemoPortal, ThreadedPortal
from demo_portal.settings import preset
from tests.gapwatch_processes import PATIENCE, get, wait_until


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextlib.contextmanager
def process(command: Sequence[str], log: Path, ready: str) -> Iterator[None]:
    """A server that has answered `ready` (an address); ended at the end."""
    with log.open("w") as stream:
        running = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:

        def answers() -> bool:
            assert running.poll() is None, log.read_text()
            try:
                return get(ready)[0] == 200
            except OSError:
                return False

        wait_until(answers)
        yield
    finally:
        running.terminate()
        running.wait(PATIENCE)


@contextlib.contextmanager
def prometheus(folder: Path, config: str) -> Iterator[str]:
    """A Prometheus with this configuration; its address."""
    (folder / "prometheus.yml").write_text(config)
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        "--rules.alert.resend-delay=1s", f"--web.listen-address={url.removeprefix('http://')}",
    ]  # fmt: skip
    with process(command, folder / "prometheus.log", f"{url}/-/ready"):
        yield url


@contextlib.contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[str]:
    """An Alertmanager that tells `webhook` of everything at once; its address."""
    (folder / "alertmanager.yml").write_text(
        "route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: test, webhook_configs: [{{url: '{webhook}', send_resolved: true}}]}}]\n"
    )
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        "prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alerts",
        "--cluster.listen-address=", f"--web.listen-address={url.removeprefix('http://')}",
    ]  # fmt: skip
    with process(command, folder / "alertmanager.log", f"{url}/-/ready"):
        yield url


def ask(prometheus_url: str, query: str) -> list[dict[str, Any]]:
    """The result of an instant query; AssertionError with Prometheus' words where it is not valid."""
    status, text = get(f"{prometheus_url}/api/v1/query?query={urllib.parse.quote(query)}")
    answer = json.loads(text)
    assert status == 200, f"{query}: {answer}"
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


class Web:
    """A small HTTP server in a thread: `get` answers GETs with a text, `post` is told of the bodies of POSTs."""

    def __init__(self, answer: Callable[[], bytes] | None = None) -> None:
        posted: list[bytes] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(answer() if answer else b"")

            def do_POST(self) -> None:
                posted.append(self.rfile.read(int(self.headers["Content-Length"])))
                self._say(b"")

            def _say(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.posted = posted
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def web(answer: Callable[[], bytes] | None = None) -> Iterator[Web]:
    """A Web, closed at the end."""
    server = Web(answer)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def faulty_portal() -> Iterator[DemoPortal]:
    """The demo portal in a thread of this process, so that a test can put faults into it while it serves."""
    portal = DemoPortal(preset("healthy"))
    with ThreadedPortal([portal]):
        yield portal
