"""Metrics to a Prometheus Pushgateway, for calls that end before anyone can scrape them.

A push replaces its group whole (PUT), so nothing of an earlier push can pass for new. A Pushgateway never forgets: what
says how old a success is, is `gapwatch_run_last_success_timestamp_seconds`, which is the time of the run and not of the
push; a failed run pushes the old success time (after `carry_over`) or none. Alert on the age of that, and of
`gapwatch_run_last_timestamp_seconds`, never on whether the series exist.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, delete_from_gateway, generate_latest, push_to_gateway
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from exporters.metrics import RunMetrics

#: Bytes of a Pushgateway's answer above which it is not read.
_MAX_BYTES = 64 * 2**20
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class PushError(Exception):
    """The Pushgateway cannot be used: which one, why, and what to do about it."""

    def __init__(self, url: str, reason: str, remedy: str) -> None:
        super().__init__(f"Pushgateway {url}: {reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


def _shown(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _checked(url: str, grouping: Mapping[str, str]) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        right = False
    if not right:
        raise PushError(url[:200], "this is not an address", "write it like http://HOST:9091")
    for name in grouping:
        if not _LABEL.fullmatch(name) or name.startswith("__") or name == "job":
            raise PushError(_shown(url), f"{name!r} cannot be a grouping label", "use letters, digits and _")


def _push_error(url: str, error: Exception) -> PushError:
    if isinstance(error, urllib.error.HTTPError):
        said = error.read(500).decode("utf-8", errors="replace").strip() or error.reason
        error.close()
        return PushError(_shown(url), f"it refused with status {error.code} ({said})", "check its address and its log")
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return PushError(_shown(url), f"it cannot be reached ({cause})", "check that it runs and that the address is right")


def push(
    url: str,
    metrics: RunMetrics | Collector,
    grouping: Mapping[str, str] | None = None,
    *,
    job: str = "gapwatch",
    timeout: float = 5.0,
) -> None:
    """Replace the group of `job` and the grouping labels by these metrics; `timeout` in seconds. Raises PushError.

    Calls that measure different things need different groups, or each takes away what the other said: group by
    instance, and by portal where one call does one portal.
    """
    _checked(url, grouping or {})
    registry = metrics.registry if isinstance(metrics, RunMetrics) else metrics
    try:
        push_to_gateway(url, job=job, registry=registry, grouping_key=dict(grouping or {}), timeout=timeout)
    except (OSError, HTTPException) as error:
        raise _push_error(url, error) from error


def delete(url: str, grouping: Mapping[str, str] | None = None, *, job: str = "gapwatch", timeout: float = 5.0) -> None:
    """Take the group away, for instance when a portal is no longer watched. Raises PushError."""
    _checked(url, grouping or {})
    try:
        delete_from_gateway(url, job=job, grouping_key=dict(grouping or {}), timeout=timeout)
    except (OSError, HTTPException) as error:
        raise _push_error(url, error) from error


class _Group(Collector):
    """The families of one group of a Pushgateway's answer, without the labels that make the group."""

    def __init__(self, text: str, group: Mapping[str, str]) -> None:
        self._text = text
        self._group = group.items()

    def collect(self):  # type: ignore[no-untyped-def]
        for family in text_string_to_metric_families(self._text):
            family.samples = [
                sample._replace(labels={k: v for k, v in sample.labels.items() if (k, v) not in self._group})
                for sample in family.samples
                if self._group <= sample.labels.items()
            ]
            if family.samples:
                yield family


def carry_over(
    url: str,
    metrics: RunMetrics,
    grouping: Mapping[str, str] | None = None,
    *,
    job: str = "gapwatch",
    timeout: float = 5.0,
) -> None:
    """Let `metrics` count on from what the group says; once, before the first push of a process. Raises PushError."""
    _checked(url, grouping or {})
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/metrics", timeout=timeout) as answer:  # noqa: S310 - checked
            body = answer.read(_MAX_BYTES + 1)
    except (OSError, HTTPException) as error:
        raise _push_error(url, error) from error
    if len(body) > _MAX_BYTES:
        raise PushError(_shown(url), f"it holds more than {_MAX_BYTES} bytes", "delete groups that nobody needs")
    try:
        group = {"job": job, **(grouping or {})}
        registry = CollectorRegistry()
        registry.register(_Group(body.decode("utf-8"), group))
        metrics.restore(generate_latest(registry).decode("utf-8"))
    except ValueError as error:
        raise PushError(
            _shown(url), f"its /metrics cannot be read ({error})", "check that it is a Pushgateway"
        ) from error
