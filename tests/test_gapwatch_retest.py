"""A failure is tried again: what stands is confirmed, what passes is flaky, and the first try alone counts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from exporters_runs import make_run

from demo_portal.faults import Fault, FaultKind
from demo_portal.server import DemoPortal
from demo_portal.settings import preset
from egovqual_link.readings import tallies
from egovqual_link.store_open import open_store
from egovqual_link.store_scope import Scope, portals
from egovqual_link.windows import Window
from exporters.metrics import RunMetrics
from exporters.store import Store
from exporters.store_open import VERSION_TABLE
from gapwatch.config import load_config
from gapwatch.exits import ExitCode
from gapwatch.once import Pass, run_pass
from gapwatch.outlets import Outlets
from gapwatch.progress import Progress
from gapwatch.state import State
from probes.run import Run

CONFIG = """\
version: 1
store: sqlite:///store.db
{more}
portals:
  - name: demo
    base_url: {url}
    scenarios: [http_home]
"""


async def one_pass(folder: Path, fault: Fault, more: str = "", *, retests: bool = True) -> Pass:
    async with DemoPortal(preset("healthy", faults=(fault,))) as target:
        (folder / "config.yaml").write_text(CONFIG.format(url=target.url, more=more))
        config = load_config(folder / "config.yaml", environment={})
        with Progress(1) as progress:
            return await run_pass(
                config, config.jobs, open_outlets=lambda: Outlets(config.store_url), progress=progress, retests=retests
            )


DOWN = Fault(kind=FaultKind.HTTP_STATUS, path="/", status=500)


async def test_a_failure_that_stands_is_confirmed(tmp_path: Path) -> None:
    done = await one_pass(tmp_path, DOWN)
    first, again = done.runs
    assert (first.outcome, again.outcome) == ("failed", "failed")
    assert again.retest_of == first.run_id
    assert first.retest_of is None
    assert done.exit_code is ExitCode.PORTAL
    assert done.summary()["flaky"] == 0


async def test_a_passed_run_is_not_tried_again(tmp_path: Path) -> None:
    done = await one_pass(tmp_path, DOWN.model_copy(update={"path": "/elsewhere"}))
    assert [run.outcome for run in done.runs] == ["passed"]


@pytest.mark.parametrize(("more", "retests"), [("defaults: {retest: false}", True), ("", False)])
async def test_nobody_has_to_retest(tmp_path: Path, more: str, retests: bool) -> None:
    done = await one_pass(tmp_path, DOWN, more, retests=retests)
    assert [run.outcome for run in done.runs] == ["failed"]


def pair(outcome: str, **changes: object) -> tuple[Run, Run]:
    first = replace(make_run(1), outcome="failed", error_reason=None, timing_valid=True)
    error = "browser_gone" if outcome == "error" else None
    again = replace(make_run(2), outcome=outcome, error_reason=error, retest_of=first.run_id, **changes)  # type: ignore[arg-type]
    same = {name: getattr(first, name) for name in ("portal", "scenario", "browser", "device", "network", "location")}
    return first, replace(again, **same)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "code"), [("passed", 0), ("degraded", 0), ("failed", 1), ("blocked", 1), ("error", 1)]
)
def test_the_exit_code_believes_a_retest_that_passed(outcome: str, code: int) -> None:
    done = Pass(pair(outcome), datetime.now(UTC), 1.0)
    assert int(done.exit_code) == code
    assert done.summary()["flaky"] == int(code == 0)
    assert done.summary()["outcomes"]["failed"] >= 1


@pytest.mark.parametrize(("outcome", "result"), [("passed", "flaky"), ("failed", "confirmed"), ("error", "unsettled")])
def test_metrics_count_the_first_try_and_what_the_second_said(outcome: str, result: str) -> None:
    metrics = RunMetrics()
    for run in pair(outcome):
        metrics.observe(run)
    text = metrics.render().decode()
    failed = [
        line for line in text.splitlines() if line.startswith("gapwatch_runs_total") and not line.endswith(" 0.0")
    ]
    assert len(failed) == 1
    assert 'outcome="failed"' in failed[0]
    assert failed[0].endswith(" 1.0")
    told = [line for line in text.splitlines() if line.startswith("gapwatch_retests_total") and line.endswith(" 1.0")]
    assert len(told) == 1
    assert f'result="{result}"' in told[0]


def test_summary_and_indicators_leave_retests_out_and_the_store_keeps_them(tmp_path: Path) -> None:
    first, again = pair("passed")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store:
        store.add_many([first, again])
        (row,) = store.summary()
        assert (row.runs, row.failed, row.passed) == (1, 1, 0)
        kept = store.get(again.run_id)
    assert kept is not None
    assert kept.retest_of == first.run_id
    day = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), time_zone="UTC", declared=False)
    with open_store(url) as connection:
        assert sum(each.runs for each in tallies(connection, Scope(first.portal, day))) == 1


@pytest.mark.parametrize(("outcome", "shown"), [("passed", "flaky"), ("failed", "failed"), ("error", "failed")])
def test_the_status_page_calls_flaky_what_passed_on_the_second_try(tmp_path: Path, outcome: str, shown: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(url="http://127.0.0.1:9", more=""))
    config = load_config(path, environment={})
    state, job = State(config), config.jobs[0]
    same = {"portal": "demo", "scenario": "http_home", "browser": "none", "device": "none", "network": "native"}
    for run in pair(outcome):
        state.remember(replace(run, **same))  # type: ignore[arg-type]
    (glance,) = state.latest(job)
    assert glance.outcome == shown


def test_a_store_of_the_version_before_is_brought_up_to_date_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as store:
        store.add(make_run())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN retest_of")
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
        connection.commit()
    with open_store(str(path)) as read:
        assert sum(portals(read).values()) == 1
    with Store.open(path, read_only=True) as store:
        (run,) = store.runs()
    assert run == make_run()
