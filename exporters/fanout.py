"""The road of a finished run: first into the store, then to everyone else, and never in a probe's way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from exporters.metrics import RunMetrics
from exporters.store_errors import StoreError, UnstorableRunError
from probes.run import Run

log = logging.getLogger(__name__)

#: Ids remembered so that no run is announced twice by this process.
_REMEMBERED = 20_000
#: Runs committed in one transaction at most.
_BATCH = 500


class Exporter(Protocol):
    """Someone who is told of each run after it was kept.

    `export` may fail (it counts as a drop and is logged) and may be slow (later runs wait in its queue, then drop);
    it must not block the event loop.
    """

    @property
    def name(self) -> str:
        """A fixed word; the label of its drops."""
        ...

    async def export(self, run: Run) -> None:
        """Tell of one run."""
        ...

    async def close(self) -> None:
        """Finish what is under way; nothing comes after it."""
        ...


class RunStore(Protocol):
    """What the Fanout needs of a store."""

    def add_many(self, runs: Sequence[Run]) -> list[str]:
        """Commit all or none; the ids of those that are new. Called from a thread of its own."""
        ...


@dataclass(slots=True)
class _Waiting:
    run: Run
    done: asyncio.Future[bool]
    #: A try to commit it failed: it may be in the store all the same, and was not announced.
    tried: bool = False


@dataclass(slots=True)
class _Branch:
    exporter: Exporter
    queue: asyncio.Queue[Run]
    task: asyncio.Task[None] | None = None
    failing: bool = field(default=False)


class Fanout:
    """Takes runs from the probes, commits them, and announces those that are committed.

    A run is announced once: when it is in the store for the first time. While the store fails, runs wait in memory
    (at most `spool_size`, in order) and are tried again after 0.1 s, then twice as long up to 30 s; what does not fit
    is lost and counted as dropped by `store`. Without a store (None) a run is announced at once.

    `patience` is how long `publish` waits for the commit, in seconds; `export_timeout` bounds one export.
    """

    def __init__(
        self,
        store: RunStore | None,
        exporters: Sequence[Exporter],
        metrics: RunMetrics,
        *,
        spool_size: int = 10_000,
        queue_size: int = 1_000,
        patience: float = 1.0,
        export_timeout: float = 30.0,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._spool: deque[_Waiting] = deque()
        self._spool_size = spool_size
        self._patience = patience
        self._export_timeout = export_timeout
        self._branches = [_Branch(exporter, asyncio.Queue(maxsize=queue_size)) for exporter in exporters]
        self._announced: OrderedDict[str, None] = OrderedDict()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False
        self._last_said: dict[str, float] = {}
        # Its own thread: the loop's shared ones may all be busy, and one writer is all that the store can use.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gapwatch-store")
        for name in ("store", *(exporter.name for exporter in exporters)):
            metrics.exporter_dropped(name, 0)

    async def publish(self, run: Run) -> bool:
        """Hand over a run. True: it is committed and announced; False: it waits for the store, or was dropped.

        Never raises for a store or exporter in trouble, and waits for the commit no longer than `patience`.
        """
        self._start()
        if self._closed or len(self._spool) >= self._spool_size:
            why = "the fanout is closed" if self._closed else f"{self._spool_size} runs wait for the store already"
            self._drop("store", 1, why)
            return False
        waiting = _Waiting(run, asyncio.get_running_loop().create_future())
        self._spool.append(waiting)
        self._idle.clear()
        self._arrived.set()
        done, _ = await asyncio.wait({waiting.done}, timeout=self._patience)
        return bool(done) and waiting.done.result()

    @property
    def waiting(self) -> int:
        """Runs that are not in the store yet."""
        return len(self._spool)

    async def close(self, timeout: float = 10.0) -> int:  # noqa: ASYNC109 - bounds the drain, then closes all the same
        """Take no more runs, deliver what waits for up to `timeout` seconds, and close the exporters.

        Gives the number of runs that were lost to the store; they are counted and logged. The store stays open.
        """
        self._closed = True
        deadline = time.monotonic() + timeout
        await _within(deadline, self._idle.wait())
        await _end(self._writer)
        lost = len(self._spool)
        if lost:
            self._drop("store", lost, "the store did not take them before the end")
            for waiting in self._spool:
                waiting.done.set_result(False)
            self._spool.clear()
        await asyncio.gather(*(self._close_branch(branch, deadline) for branch in self._branches))
        # A commit that hangs is not waited for; it is all or nothing, whenever it ends.
        self._thread.shutdown(wait=False, cancel_futures=True)
        return lost

    def _start(self) -> None:
        if self._writer is None and not self._closed:
            self._writer = asyncio.create_task(self._write(), name="gapwatch-store")
            for branch in self._branches:
                branch.task = asyncio.create_task(self._feed(branch), name=f"gapwatch-{branch.exporter.name}")

    # Into the store.

    async def _write(self) -> None:
        pause = 0.1
        while True:
            await self._arrived.wait()
            batch = [self._spool[index] for index in range(min(len(self._spool), _BATCH))]
            if await self._commit(batch):
                pause = 0.1
                if not self._spool:
                    self._arrived.clear()
                    self._idle.set()
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30.0)

    async def _commit(self, batch: Sequence[_Waiting]) -> bool:
        """Try to commit the first runs of the spool, and announce them; False: the store failed, they still wait."""
        try:
            new = await self._add([waiting.run for waiting in batch])
        except UnstorableRunError as error:
            if len(batch) > 1:
                # One of them is to blame; the others must not wait for it.
                return all([await self._commit([waiting]) for waiting in batch])
            self._drop("store", 1, str(error))
            self._settle(batch[0], announced=False)
            return True
        except Exception as error:
            for waiting in batch:
                waiting.tried = True
            self._say("store", f"{len(self._spool)} runs wait for the store, which failed: {error}", error)
            return False
        for waiting in batch:
            self._settle(waiting, announced=waiting.tried or waiting.run.run_id in new)
        return True

    async def _add(self, runs: list[Run]) -> set[str]:
        if self._store is None:
            return {run.run_id for run in runs}
        return set(await asyncio.get_running_loop().run_in_executor(self._thread, self._store.add_many, runs))

    def _settle(self, waiting: _Waiting, *, announced: bool) -> None:
        self._spool.remove(waiting)
        if announced:
            self._announce(waiting.run)
        if not waiting.done.done():
            waiting.done.set_result(announced)

    # To the others.

    def _announce(self, run: Run) -> None:
        if run.run_id in self._announced:
            return
        self._announced[run.run_id] = None
        if len(self._announced) > _REMEMBERED:
            self._announced.popitem(last=False)
        try:
            self._metrics.observe(run)
        except Exception:
            log.exception("run %s could not be counted", run.run_id)
        for branch in self._branches:
            try:
                branch.queue.put_nowait(run)
            except asyncio.QueueFull:
                self._drop(branch.exporter.name, 1, f"{branch.queue.maxsize} runs wait for it already")

    async def _feed(self, branch: _Branch) -> None:
        name = branch.exporter.name
        while True:
            run = await branch.queue.get()
            try:
                async with asyncio.timeout(self._export_timeout):
                    await branch.exporter.export(run)
            except TimeoutError:
                self._drop(name, 1, f"it took longer than {self._export_timeout:g} s")
            except Exception as error:
                self._drop(name, 1, str(error) or type(error).__name__, error)
            finally:
                branch.queue.task_done()

    async def _close_branch(self, branch: _Branch, deadline: float) -> None:
        name = branch.exporter.name
        if branch.task is not None:
            await _within(deadline, branch.queue.join())
            await _end(branch.task)
        if left := branch.queue.qsize():
            self._drop(name, left, "they did not go out before the end")
        try:
            # Even a late end gets a moment, or a file would lose its last state.
            async with asyncio.timeout(max(deadline - time.monotonic(), 1.0)):
                await branch.exporter.close()
        except Exception as error:
            self._say(name, f"{name} could not be closed: {error or type(error).__name__}", error)

    # What is said of it.

    def _drop(self, name: str, runs: int, why: str, error: Exception | None = None) -> None:
        self._metrics.exporter_dropped(name, runs)
        self._say(name, f"{name} dropped {runs} run{'s' if runs > 1 else ''}: {why}", error)

    def _say(self, name: str, message: str, error: Exception | None = None) -> None:
        """Log it, once in ten seconds per exporter: the counter has the number, the log need only have the reason."""
        now = time.monotonic()
        if now - self._last_said.get(name, float("-inf")) < 10.0:
            return
        self._last_said[name] = now
        known = error is None or isinstance(error, StoreError)
        log.warning(message, exc_info=None if known else error)


async def _within(deadline: float, work: object) -> None:
    """Wait for it until the deadline (a monotonic time), no longer."""
    assert asyncio.iscoroutine(work)
    try:
        async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
            await work
    except TimeoutError:
        return


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
