"""Runs as JUnit XML, for continuous integration: a suite a run, a case a step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from exporters.files import write_atomically
from probes.run import Run, StepResult

# XML 1.0 forbids these even escaped, and a page's message may hold any of them.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(value: object) -> str:
    return _FORBIDDEN.sub("\ufffd", str(value))


def _seconds(value: float | None) -> str:
    return f"{value or 0.0:.3f}"


def _messages(run: Run, step: str | None) -> list[str]:
    return [f"{each.class_} ({each.severity}): {each.message}" for each in run.findings if each.step == step]


def _case(suite: Element, run: Run, name: str, seconds: float | None) -> Element:
    where = f"{run.portal}.{run.scenario}"
    return SubElement(suite, "testcase", {"classname": _text(where), "name": _text(name), "time": _seconds(seconds)})


def _verdict(case: Element, tag: str, kind: str, messages: list[str]) -> None:
    first = messages[0] if messages else kind
    SubElement(case, tag, {"type": _text(kind), "message": _text(first)}).text = _text("\n".join(messages))


def _add_step(suite: Element, run: Run, step: StepResult) -> None:
    case = _case(suite, run, step.name, step.duration_seconds)
    if step.outcome == "failed":
        _verdict(case, "failure", "timeout" if step.timed_out else "failed", _messages(run, step.name))
    elif step.outcome == "error":
        _verdict(case, "error", run.error_reason or "error", _messages(run, step.name))
    elif step.outcome == "skipped":
        SubElement(case, "skipped")


def _add_whole(suite: Element, run: Run) -> None:
    """What the steps alone do not say: the run's own verdict."""
    case = _case(suite, run, "run", None)
    messages = _messages(run, None)
    if run.outcome == "failed" and all(step.outcome != "failed" for step in run.steps):
        said = [f"{each.class_} ({each.severity}): {each.message}" for each in run.findings]
        _verdict(case, "failure", "timeout" if run.timed_out else "failed", said)
    elif run.outcome == "error" and all(step.outcome != "error" for step in run.steps):
        _verdict(case, "error", run.error_reason or "error", messages)
    elif run.outcome == "blocked":
        # Not the portal's failure and no pass either: nothing was seen of the service.
        _verdict(case, "error", "blocked", _messages_of(run, "blocked"))
    elif run.outcome == "maintenance":
        SubElement(case, "skipped", {"message": "maintenance"})


def _messages_of(run: Run, kind: str) -> list[str]:
    return [each.message for each in run.findings if each.class_ == kind]


def _suite(run: Run) -> Element:
    suite = Element(
        "testsuite",
        {
            "name": _text(f"{run.portal} / {run.scenario}"),
            "id": _text(run.run_id),
            "timestamp": run.started_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "time": _seconds(run.duration_seconds),
        },
    )
    properties = SubElement(suite, "properties")
    for name in ("kind", "location", "browser", "device", "network", "outcome", "timing_valid"):
        SubElement(properties, "property", {"name": name, "value": _text(getattr(run, name))})
    for step in run.steps:
        _add_step(suite, run, step)
    _add_whole(suite, run)
    _count(suite)
    return suite


def _count(suite: Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))


def junit_xml(runs: Iterable[Run]) -> bytes:
    """The runs as one JUnit document, UTF-8.

    A failed step is a failure, the probe's own trouble and a firewall are errors, maintenance is skipped.
    """
    root = Element("testsuites", {"name": "gapwatch"})
    for run in runs:
        root.append(_suite(run))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", _seconds(sum(float(suite.get("time", "0")) for suite in root)))
    indent(root)
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


class JunitExporter:
    """Collects the runs of one call and writes them as one file at the end; not for a daemon, which has no end."""

    name = "junit"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._runs: list[Run] = []

    async def export(self, run: Run) -> None:
        """Keep the run for the file."""
        self._runs.append(run)

    async def close(self) -> None:
        """Write the file. Raises WriteError."""
        write_atomically(self._path, junit_xml(self._runs))
