"""Runs for the exporters' tests: one by hand, many at random."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from probes.run import (
    FINDING_CLASSES,
    OUTCOMES,
    SEVERITIES,
    STEP_OUTCOMES,
    Evidence,
    Finding,
    FormField,
    FormsResult,
    HostState,
    HttpPhases,
    HttpResult,
    PageMetrics,
    Run,
    SearchQueryResult,
    SearchResult,
    StepResult,
)

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def make_run(number: int = 1, **changes: Any) -> Run:
    """A passed run, a minute after the one with the number before."""
    values: dict[str, Any] = {
        "run_id": f"run-{number:06}",
        "portal": "demo",
        "scenario": "home",
        "kind": "page_load",
        "location": "local",
        "browser": "chromium",
        "device": "desktop",
        "network": "native",
        "started_at": START + timedelta(minutes=number),
        "duration_seconds": 1.5,
        "deadline_seconds": 30.0,
        "outcome": "passed",
        "steps": (StepResult("open home", "passed", 1.5),),
        "pages": (PageMetrics("http://demo.test/", "open home", 0.2, 0.5, 0.9, 0.01, None, 0.8, 1.4, 20, 300_000),),
    }
    if changes.get("outcome") == "error":
        values["error_reason"] = "browser_died"
    return Run(**(values | changes))


def full_run(number: int = 1, **changes: Any) -> Run:
    """A run with every part."""
    field = FormField("register", 1, "NIK", "text", True, True, False, "nik")
    parts: dict[str, Any] = {
        "outcome": "failed",
        "timed_out": True,
        "duration_seconds": 30.0,
        "dry_stop": "submit",
        "steps": (StepResult("open home", "passed", 1.5), StepResult("search", "failed", 28.5, True)),
        "findings": (
            Finding("timeout", "critical", "search", "the hits did not come in 28.5 s"),
            Finding("slow", "minor", None, "everything was slow"),
        ),
        "search": SearchResult(
            (SearchQueryResult("kbli 56101", 3, 2, 0.5, 0.4), SearchQueryResult("zzz", 0, None, None, None))
        ),
        "forms": FormsResult((field, dataclasses.replace(field, page=2)), ("nik",), 2, 1, 0),
        "http": HttpResult(200, 1, 5120, HttpPhases(0.01, 0.02, 0.03, 0.2, 0.1), START + timedelta(days=60)),
        "timing_valid": True,
        "host": HostState(0.02, 0.4, 2, 0.003, "145.0", "0.1.0"),
        "evidence": Evidence("a.png", "a.zip"),
    }
    return make_run(number, **(parts | changes))


def texts(length: int, *, least: int = 0) -> st.SearchStrategy[str]:
    """Any text that a database can hold, hostile otherwise."""
    alphabet = st.characters(exclude_categories=("Cs",), exclude_characters="\x00")
    return st.text(alphabet, min_size=least, max_size=length)


seconds = st.floats(min_value=0, max_value=1e6)
maybe_seconds = st.none() | seconds
shares = st.none() | st.floats(min_value=0, max_value=1)
counts = st.integers(min_value=0, max_value=2**31 - 1)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
steps = st.builds(StepResult, texts(80), st.sampled_from(STEP_OUTCOMES), maybe_seconds, st.booleans())
pages = st.builds(
    PageMetrics,
    texts(300),
    texts(80),
    *[maybe_seconds] * 3,
    st.none() | st.floats(0, 100),
    *[maybe_seconds] * 3,
    st.none() | counts,
    st.none() | st.integers(0, 2**60),
)
findings = st.builds(
    Finding, st.sampled_from(FINDING_CLASSES), st.sampled_from(SEVERITIES), st.none() | texts(80), texts(300)
)
queries = st.builds(SearchQueryResult, texts(200), counts, st.none() | st.integers(1, 100), shares, maybe_seconds)
fields = st.builds(
    FormField, texts(80), counts, texts(200), texts(32), *[st.booleans()] * 3, st.none() | texts(32, least=1)
)
few = {"max_size": 3}
hosts = st.builds(
    HostState, shares, maybe_seconds, st.integers(1, 100), maybe_seconds, st.none() | texts(40), st.none() | texts(40)
)
https = st.builds(
    HttpResult,
    st.none() | st.integers(100, 599),
    counts,
    st.none() | counts,
    st.builds(HttpPhases, *[maybe_seconds] * 5),
    st.none() | times,
)
evidence = st.builds(Evidence, texts(255, least=1), st.none() | texts(255, least=1))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Any run that probes could make."""
    outcome = draw(st.sampled_from(OUTCOMES))
    return Run(
        run_id=draw(texts(64, least=1)),
        portal=draw(texts(64, least=1)),
        scenario=draw(texts(64, least=1)),
        kind="search",
        location=draw(texts(64, least=1)),
        browser=draw(st.sampled_from(["chromium", "firefox", "webkit"])),
        device="desktop",
        network="native",
        started_at=draw(times),
        duration_seconds=draw(seconds),
        deadline_seconds=draw(seconds),
        outcome=outcome,
        timed_out=draw(st.booleans()),
        error_reason=draw(texts(64)) if outcome == "error" else None,
        dry_stop=draw(st.none() | texts(200)),
        steps=draw(st.lists(steps, **few).map(tuple)),
        pages=draw(st.lists(pages, **few).map(tuple)),
        findings=draw(st.lists(findings, **few).map(tuple)),
        search=draw(st.none() | st.builds(SearchResult, st.lists(queries, **few).map(tuple))),
        forms=draw(
            st.none()
            | st.builds(
                FormsResult,
                st.lists(fields, **few).map(tuple),
                st.lists(texts(40), **few).map(tuple),
                st.none() | counts,
                counts,
                counts,
            )
        ),
        http=draw(st.none() | https),
        timing_valid=draw(st.booleans()),
        invalid_reasons=draw(st.lists(texts(60), **few).map(tuple)),
        host=draw(hosts),
        evidence=draw(st.none() | evidence),
    )
