"""The demonstration: two states of one portal, probed, kept, and set beside a published survey; all in a minute."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from egovqual_link.beside import records
from egovqual_link.compare import Comparison, compare
from egovqual_link.inputs import Inputs
from egovqual_link.link import LinkResult
from egovqual_link.published import SEMARANG
from egovqual_link.sides import Side
from exporters.metrics import RunMetrics
from exporters.store import Store, StoreError
from exporters.store_summary import SummaryRow
from gapwatch.config import Config, load_config
from gapwatch.exits import OwnTroubleError
from gapwatch.once import Pass, run_pass
from gapwatch.outlets import Outlets
from gapwatch.perceived import tell_metrics
from gapwatch.progress import Progress
from gapwatch.tables import Lang, number
from scenarios.source import InputError, Problem

#: The portal as the survey describes it, and after the survey's advice: one seed, so the same faults every time.
STATES: Mapping[str, str] = {
    "as_surveyed": "Licensing portal, as surveyed",
    "recommended": "Licensing portal, as recommended",
}
SEED = 7
#: All flows once, most of them a few times more: a median of one run is none, and forms fail only sometimes.
ROUNDS = 3
START_SECONDS = 20.0
_ADDRESS = re.compile(r"http://\S+:\d+")

_PORTAL = """\
  - name: {name}
    title: {title}
    base_url: {url}
    allow_submit: true
    gold_queries:
      - {{query: restoran, titles: [Restoran], categories: [KBLI (kode usaha)], k: 3}}
      - {{query: rumah makan, titles: [Rumah/Warung Makan], k: 3}}
      - {{query: pangkas rambut, titles: [Aktivitas Pangkas Rambut], k: 3}}
      - {{query: lupa kata sandi, titles: [Saya lupa kata sandi], categories: [Tanya jawab], k: 3}}
    scenarios:
      - page_load
      - search
      - {{scenario: register_apply, every: 5m, deadline: 2m}}
      - {{scenario: helpdesk, every: 5m}}
      - {{scenario: error_detection, every: 5m}}
      - download
      - tracking
      - {{scenario: http_home, every: 15s}}
"""
_CONFIG = """\
# Written by `gapwatch demo` for portals that it starts itself; see the commented config.yaml for what may stand here.
version: 1
location: demo
store: sqlite:///store.db
listen: {listen}
evidence: evidence
concurrency: 3
defaults: {{every: 2m, deadline: 60s, jitter: 2s}}
portals:
"""
#: What is run in every round; the others run in the first alone.
_EVERY_ROUND = ("page_load", "search", "register_apply", "download", "tracking", "http_home")


@asynccontextmanager
async def demo_portals(states: Sequence[str] = tuple(STATES)) -> AsyncIterator[dict[str, str]]:
    """The demo portal in these states, each in a process of its own so that it shares no event loop with the probes.

    Gives the addresses by state.

    Raises:
        OwnTroubleError: one did not start.
    """
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(_portal(state)) for state in states]
        yield dict(zip(states, await asyncio.gather(*(_address(process) for process in processes)), strict=True))


@asynccontextmanager
async def _portal(state: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo_portal", "--preset", state, "--port", "0", "--seed", str(SEED),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        # A group of its own: Ctrl-C on the terminal is ours to handle, and the portal must outlive the last run.
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    except TimeoutError:
        line = b""
    found = _ADDRESS.search(line.decode("utf-8", "replace"))
    if found is None:
        raise OwnTroubleError("the demo portal did not start; `python -m demo_portal` says why")
    return found[0]


def write_demo_config(out: Path, addresses: Mapping[str, str], listen: str) -> Config:
    """Write the demonstration's config.yaml to `out` and load it."""
    parts = [_CONFIG.format(listen=listen)]
    parts += [_PORTAL.format(name=state, title=STATES[state], url=url) for state, url in addresses.items()]
    path = out / "config.yaml"
    path.write_text("".join(parts), encoding="utf-8")
    return load_config(path, environment={})


def prepare(out: Path) -> None:
    """An empty place for a new demonstration; what an earlier one left there is taken away.

    Raises:
        InputError: the folder cannot be used, or its store.db is not a demonstration's.
    """
    store = out / "store.db"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if store.exists():
            with Store.open(store, read_only=True) as old:
                foreign = next(old.runs(limit=1), None)
                strange = foreign is not None and foreign.location != "demo"
            if strange:
                hint = "give another folder with --out"
                raise InputError([Problem(str(store), None, "holds runs that are no demonstration's", hint)])
        for name in ("store.db", "store.db-wal", "store.db-shm", "metrics.prom"):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError([Problem(str(out), None, f"cannot be used: {error.strerror}")]) from None
    except StoreError as error:
        raise InputError([Problem(str(store), None, error.reason, "give another folder with --out")]) from None


async def probe_rounds(config: Config, out: Path, rounds: int = ROUNDS) -> Pass:
    """Probe all of it once and most of it again; the runs go to the store and to metrics.prom in `out`.

    Raises:
        OwnTroubleError: no run got through. InputError: no browser.
    """
    again = tuple(job for job in config.jobs if job.scenario in _EVERY_ROUND)
    # One pass over all rounds, the longest flows first: then none is left to run alone at the end.
    jobs = sorted(config.jobs + again * (rounds - 1), key=lambda job: -job.deadline_seconds)

    def open_outlets() -> Outlets:
        return Outlets(config.store_url, textfile=out / "metrics.prom")

    with Progress(len(jobs)) as progress:
        done = await run_pass(config, jobs, open_outlets=open_outlets, progress=progress)
    if any(run.error_reason == "interrupted" for run in done.runs):
        raise KeyboardInterrupt
    if all(run.outcome == "error" for run in done.runs):
        raise OwnTroubleError("no run got through; `gapwatch doctor` looks for the reason")
    return done


def demo_inputs(config: Config) -> Inputs:
    """The survey of the seed and the demonstration's store."""
    return Inputs(SEMARANG, config.store_url)


def link_demo(config: Config, out: Path) -> LinkResult:
    """The survey of the seed beside the measurements, also as metrics in metrics.prom."""
    from exporters.textfile import carry_over, write_textfile

    result = demo_inputs(config).link()
    metrics = RunMetrics()
    carry_over(out / "metrics.prom", metrics)
    portal = getattr(result.source, "portal", None) or "survey"
    tell_metrics(records(result.scores), records(result.indicators), metrics, portal=portal, wave="1")
    write_textfile(out / "metrics.prom", metrics)
    return result


def synthetic_demo(out: Path) -> SyntheticLook:
    """A made-up study whose truth is known, linked, with its report in `out`; an earlier one there is replaced."""
    import shutil

    from egovqual_link.synthetic import make_study
    from gapwatch.surveys import write_outputs

    if (out / "synthetic-truth.json").exists():
        shutil.rmtree(out)
    made = make_study(out)
    inputs = Inputs(made.answers, str(made.store), scale=made.scale, study=made.study)
    result = inputs.link()
    write_outputs(inputs, result, out / "report", None)
    return SyntheticLook(result, made.true_rho, out / "report" / "index.html")


@dataclass(frozen=True)
class SyntheticLook:
    """A made-up study, linked: the truth it was drawn from, and its report."""

    result: LinkResult
    true_rho: float
    page: Path

    def verdict(self, lang: Lang) -> str:
        """The association that was found, and whether its interval holds the truth."""
        found, truth = self.result.association, number(self.true_rho, lang, sign=True)
        if found.r is None or found.low is None or found.high is None:
            return found.reason_text[lang] if found.reason_text else str(found.reason)
        inside = found.low <= self.true_rho <= found.high
        r, low, high = (number(each, lang, sign=True) for each in (found.r, found.low, found.high))
        if lang == "id":
            where = "di dalam" if inside else "DI LUAR"
            return f"Sintetis: {found.method}: {r} ({low} … {high}); nilai benar {truth} {where} interval"
        where = "inside" if inside else "OUTSIDE"
        return f"Synthetic: {found.method}: {r} ({low} … {high}); the true value {truth} lies {where} the interval"


def compare_demo(config: Config) -> Comparison:
    """The portal as surveyed on the left, as recommended on the right."""
    left, right = (Side(portal=name) for name in STATES)
    return compare(config.store_url, left, right)


def summary_rows(config: Config) -> list[SummaryRow]:
    """Portal by scenario, from the store."""
    with Store.open(config.store_url, read_only=True) as store:
        return store.summary()
