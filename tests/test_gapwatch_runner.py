"""The runner and the clock with probers that do what real ones must not: hang, break, and take their time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gapwatch import runner as runner_module
from gapwatch.config import Job
from gapwatch.logs import LineFormatter
from gapwatch.runner import Runner
from gapwatch.schedule import Scheduler
from gapwatch.timetable import Schedule
from probes.prober import RunRequest
from probes.run import Run
from scenarios.model import Flow, Portal, Scenario

HTTP = Scenario.model_validate({"name": "up", "kind": "http", "request": {"path": "/"}})
PAGE = Scenario.model_validate({"name": "home", "kind": "page_load", "steps": [{"open": "/"}]})
PORTAL = Portal("demo", "http://127.0.0.1:9", secrets={"password": "canary-8f2c"})


def job(scenario: Scenario = PAGE, every: float = 1.0, deadline: float = 0.5) -> Job:
    flow = Flow(scenario, Path("flow.yaml"))
    return Job(PORTAL, flow, "chromium", "desktop", "native", Schedule(every, None, "UTC", 0.0), deadline)


class Prober:
    """Gives a passed run after `seconds`, or raises; counts how many are at work at once."""

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.at_work = 0
        self.most = 0
        self.requests: list[RunRequest] = []
        self.arrived: asyncio.Queue[RunRequest] = asyncio.Queue()

    async def run(self, request: RunRequest) -> Run:
        self.requests.append(request)
        self.arrived.put_nowait(request)
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_work -= 1
        if self.error is not None:
            raise self.error
        return Run(
            run_id=request.run_id or "", portal=request.portal.name, scenario=request.flow.scenario.name,
            kind=request.flow.scenario.kind, location=request.location, browser=request.browser,
            device=request.device, network=request.network, started_at=datetime.now(UTC), duration_seconds=0.0,
            deadline_seconds=request.deadline_seconds or 0.0, outcome="passed",
        )  # fmt: skip


def make(prober: Prober, at_once: int = 2) -> tuple[Runner, list[Run]]:
    published: list[Run] = []

    async def publish(run: Run) -> None:
        published.append(run)

    return Runner(prober, location="here", publish=publish, journeys_at_once=at_once), published


async def test_only_so_many_journeys_at_once() -> None:
    prober = Prober(0.05)
    runner, published = make(prober, at_once=1)
    await asyncio.gather(*(runner.run(job(PAGE)) for _ in range(4)))
    assert prober.most == 1
    assert len({run.run_id for run in published}) == 4


async def test_an_http_check_does_not_wait_for_a_journey() -> None:
    prober = Prober(60)
    runner, _ = make(prober, at_once=1)
    journey = asyncio.create_task(runner.run(job(PAGE)))
    async with asyncio.timeout(5):
        assert (await prober.arrived.get()).flow.scenario is PAGE
        check = asyncio.create_task(runner.run(job(HTTP)))
        assert (await prober.arrived.get()).flow.scenario is HTTP
    journey.cancel()
    check.cancel()
    await asyncio.gather(check, journey, return_exceptions=True)


async def test_a_prober_that_breaks_is_own_trouble_and_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    runner, published = make(Prober(error=RuntimeError("the password is canary-8f2c\nlevel=error forged")))
    with caplog.at_level(logging.ERROR):
        run = await runner.run(job())
    assert (run.outcome, run.error_reason) == ("error", "internal")
    assert published == [run]
    formatter = LineFormatter()
    formatter.set_secrets(PORTAL.secrets.values())
    line = formatter.format(caplog.records[0])
    assert "canary" not in line
    assert "[redacted]" in line
    assert "\n" not in line


async def test_a_prober_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "STUCK_AFTER_SECONDS", 0.1)
    runner, published = make(Prober(60))
    run = await runner.run(job(deadline=0.1))
    assert (run.outcome, run.error_reason) == ("error", "stuck")
    assert published == [run]


async def test_draining_waits_then_cancels_and_every_run_is_published() -> None:
    quick, slow = Prober(0.05), Prober(60)
    runner, published = make(quick)
    task = asyncio.create_task(runner.run(job()))
    await asyncio.sleep(0)
    assert runner.running == 1
    assert await runner.drain(5) == 0
    assert (await task).outcome == "passed"
    runner, published = make(slow)
    tasks = [asyncio.create_task(runner.run(job())) for _ in range(3)]  # two of them still wait for their turn
    await slow.arrived.get()
    assert await runner.drain(0.05) == 3
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [run.error_reason for run in published] == ["shutdown"] * 3


async def test_a_shorter_deadline_is_asked_for_but_never_a_longer_one() -> None:
    prober = Prober()
    runner, _ = make(prober)
    await runner.run(job(deadline=10), deadline_seconds=3)
    await runner.run(job(deadline=10), deadline_seconds=30)
    assert [request.deadline_seconds for request in prober.requests] == [3, 10]


async def test_the_clock_calls_on_time_never_twice_at_once_and_counts_what_it_leaves_out() -> None:
    called: list[float] = []
    at_work, most = 0, 0
    missed: list[str] = []
    enough = asyncio.Event()

    async def on_due(_: Job, due: datetime) -> None:
        nonlocal at_work, most
        called.append((datetime.now(UTC) - due).total_seconds())
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(1.5)
        at_work -= 1
        if len(called) == 2:
            enough.set()

    scheduler = Scheduler(on_due, lambda _, reason: missed.append(reason))
    scheduler.start([job(every=1.0)])
    try:
        async with asyncio.timeout(20):
            await enough.wait()
    finally:
        scheduler.close()
    assert most == 1
    assert missed
    assert set(missed) == {"overlap"}
    assert all(0 <= late < 1 for late in called)


async def test_a_reload_keeps_the_rhythm_of_what_did_not_change() -> None:
    async def on_due(_: Job, __: datetime) -> None:
        return

    scheduler = Scheduler(on_due, lambda *_: None)
    kept, changed, gone = (
        job(PAGE, every=3600),
        job(HTTP, every=3600),
        replace(job(PAGE, every=3600), browser="firefox"),
    )
    scheduler.start([kept, changed, gone])
    try:
        before = scheduler.next_due()
        assert set(before) == {kept.id, changed.id, gone.id}
        scheduler.replace(
            [replace(kept, deadline_seconds=9.0), replace(changed, schedule=Schedule(60.0, None, "UTC", 0.0))]
        )
        after = scheduler.next_due()
        assert set(after) == {kept.id, changed.id}
        assert after[kept.id] == before[kept.id]
        scheduler.stop()
        assert scheduler.next_due() == {}
    finally:
        scheduler.close()
