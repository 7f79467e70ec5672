"""The fan-out: kept before announced, once, in order, and nobody in a probe's way."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing

import pytest
from exporters_runs import full_run, make_run

from exporters import Fanout, RunMetrics, Store
from probes.run import Run


class Listener:
    """An exporter that remembers, and does what `then` says."""

    def __init__(self, name: str = "listener", then=None) -> None:
        self.name = name
        self.heard: list[str] = []
        self.closed = 0
        self._then = then

    async def export(self, run: Run) -> None:
        if self._then is not None:
            await self._then(run)
        self.heard.append(run.run_id)

    async def close(self) -> None:
        self.closed += 1


def ids(count: int) -> list[str]:
    return [f"run-{n:06}" for n in range(count)]


def dropped(metrics: RunMetrics, name: str) -> float | None:
    return metrics.registry.get_sample_value("gapwatch_exporter_dropped_total", {"exporter": name})


def counted(metrics: RunMetrics) -> float:
    return sum(
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "gapwatch_runs_total"
    )


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "runs.sqlite", busy_timeout=0.05) as opened:
        yield opened


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


async def test_a_run_is_in_the_store_before_anyone_hears_of_it(store):
    async def look(run: Run) -> None:
        assert store.get(run.run_id) == run

    metrics, listener = RunMetrics(), Listener(then=look)
    fanout = Fanout(store, [listener], metrics)
    for number in range(20):
        assert await fanout.publish(full_run(number)) is True
        assert store.count() == counted(metrics) == number + 1
    assert await fanout.close() == 0
    assert listener.heard == ids(20)
    assert listener.closed == 1
    assert dropped(metrics, "listener") == dropped(metrics, "store") == 0


async def test_many_at_once_are_kept_in_order(store):
    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(store, [listener], metrics, queue_size=3000, patience=10)
    assert all(await asyncio.gather(*(fanout.publish(make_run(n)) for n in range(2000))))
    assert await fanout.close() == 0
    assert listener.heard == ids(2000)
    assert counted(metrics) == store.count() == 2000


async def test_the_same_run_is_announced_once(store):
    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(store, [listener], metrics)
    assert await fanout.publish(make_run(0)) is True
    assert await fanout.publish(make_run(0)) is False
    assert not any(await asyncio.gather(*(fanout.publish(make_run(0)) for _ in range(5))))
    await fanout.close()
    assert listener.heard == ids(1)
    assert counted(metrics) == 1


async def test_a_run_that_another_process_kept_is_not_announced_again(store):
    store.add(make_run(0))
    listener = Listener()
    fanout = Fanout(store, [listener], RunMetrics())
    await fanout.publish(make_run(0))
    await fanout.close()
    assert listener.heard == []


async def test_a_failing_exporter_harms_nobody(store, caplog):
    async def fail(run: Run) -> None:
        raise OSError("the wire is cut")

    metrics, good = RunMetrics(), Listener("good")
    fanout = Fanout(store, [Listener("bad", fail), good], metrics)
    for number in range(10):
        assert await fanout.publish(make_run(number))
    await fanout.close()
    assert good.heard == ids(10)
    assert dropped(metrics, "bad") == 10
    assert dropped(metrics, "good") == 0
    assert caplog.text.count("bad dropped 1 run: the wire is cut") == 1  # said once, counted ten times


async def test_a_hanging_exporter_delays_nobody_and_its_drops_count(store):
    async def hang(run: Run) -> None:
        await asyncio.Event().wait()

    metrics, good, stuck = RunMetrics(), Listener("good"), Listener("stuck", hang)
    fanout = Fanout(store, [stuck, good], metrics, queue_size=5)
    started = time.monotonic()
    for number in range(20):
        assert await fanout.publish(make_run(number))
    await until(lambda: good.heard == ids(20))
    assert dropped(metrics, "stuck") == 14  # one is under way, five wait
    await fanout.close(0.1)
    assert time.monotonic() - started < 10
    assert dropped(metrics, "stuck") == 19
    assert stuck.closed == 1


async def test_an_export_that_takes_too_long_is_given_up(store):
    async def slow_first(run: Run) -> None:
        if run.run_id == "run-000000":
            await asyncio.Event().wait()

    metrics, listener = RunMetrics(), Listener(then=slow_first)
    fanout = Fanout(store, [listener], metrics, export_timeout=0.05)
    for number in range(3):
        await fanout.publish(make_run(number))
    await fanout.close()
    assert listener.heard == ["run-000001", "run-000002"]
    assert dropped(metrics, "listener") == 1


async def test_an_exporter_that_cannot_be_closed_leaves_the_others_closed(store):
    class Stubborn(Listener):
        async def close(self) -> None:
            raise RuntimeError("no")

    good = Listener("good")
    fanout = Fanout(store, [Stubborn("stubborn"), good], RunMetrics())
    await fanout.publish(make_run(0))
    assert await fanout.close() == 0
    assert good.closed == 1


async def test_a_locked_store_is_tried_again_in_order_and_announced_once(store, caplog):
    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(store, [listener], metrics, patience=0.01)
    with closing(sqlite3.connect(store.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(30):
            assert await fanout.publish(make_run(number)) is False
        await until(lambda: "wait for the store, which failed" in caplog.text)
        assert fanout.waiting == 30
        assert listener.heard == []
        assert counted(metrics) == 0
        other.execute("COMMIT")
    await until(lambda: len(listener.heard) == 30)
    assert listener.heard == ids(30)
    assert [run.run_id for run in store.runs()] == ids(30)
    assert counted(metrics) == 30
    assert await fanout.close() == 0
    assert dropped(metrics, "store") == 0


async def test_a_slow_store_keeps_nobody_waiting(store):
    release = threading.Event()

    class Slow:
        def add_many(self, runs: Sequence[Run]) -> list[str]:
            release.wait(20)
            return store.add_many(runs)

    fanout = Fanout(Slow(), [], RunMetrics(), patience=0.05)
    started = time.monotonic()
    assert await fanout.publish(make_run(0)) is False
    assert time.monotonic() - started < 5
    release.set()
    assert await fanout.close() == 0
    assert store.count() == 1


async def test_a_commit_that_only_seemed_to_fail_is_announced_once(store):
    class Doubtful:
        """Commits, and loses the answer the first time: what a server does whose connection breaks."""

        tries = 0

        def add_many(self, runs: Sequence[Run]) -> list[str]:
            new = store.add_many(runs)
            self.tries += 1
            if self.tries == 1:
                raise ConnectionError("the answer was lost")
            return new

    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(Doubtful(), [listener], metrics, patience=10)
    assert await fanout.publish(make_run(0)) is True
    await fanout.close()
    assert listener.heard == ids(1)
    assert store.count() == counted(metrics) == 1


async def test_what_does_not_fit_the_spool_is_dropped_and_counted(store):
    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(store, [listener], metrics, spool_size=5, patience=0)
    with closing(sqlite3.connect(store.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(8):
            await fanout.publish(make_run(number))
        assert dropped(metrics, "store") == 3
        other.execute("COMMIT")
    assert await fanout.close() == 0
    assert listener.heard == ids(5)


async def test_what_the_store_does_not_take_before_the_end_is_lost_and_counted(store):
    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(store, [listener], metrics, patience=0)
    with closing(sqlite3.connect(store.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(4):
            await fanout.publish(make_run(number))
        assert await fanout.close(0.3) == 4
        assert dropped(metrics, "store") == 4
        assert listener.heard == []
        assert listener.closed == 1


async def test_one_run_that_cannot_be_kept_does_not_hold_up_the_others(store, caplog):
    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(store, [listener], metrics, patience=10)
    runs = [make_run(0), make_run(1, portal="x" * 99), make_run(2)]
    assert await asyncio.gather(*map(fanout.publish, runs)) == [True, False, True]
    await fanout.close()
    assert listener.heard == ["run-000000", "run-000002"]
    assert dropped(metrics, "store") == 1
    assert "its portal must have 1 to 64 characters" in caplog.text


async def test_without_a_store_runs_are_announced(store):
    metrics, listener = RunMetrics(), Listener()
    fanout = Fanout(None, [listener], metrics)
    assert await fanout.publish(make_run(0)) is True
    await fanout.close()
    assert listener.heard == ids(1)
    assert counted(metrics) == 1


async def test_after_the_end_runs_are_dropped_not_raised(store):
    metrics = RunMetrics()
    fanout = Fanout(store, [], metrics)
    assert await fanout.close() == 0
    assert await fanout.publish(make_run(0)) is False
    assert dropped(metrics, "store") == 1


async def test_a_cancelled_publisher_loses_no_run(store):
    listener = Listener()
    fanout = Fanout(store, [listener], RunMetrics(), patience=10)
    publisher = asyncio.create_task(fanout.publish(make_run(0)))
    await asyncio.sleep(0)
    publisher.cancel()
    await asyncio.gather(publisher, return_exceptions=True)
    await fanout.close()
    assert listener.heard == ids(1)
    assert store.count() == 1
