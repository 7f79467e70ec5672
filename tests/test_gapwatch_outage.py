"""An outage from end to end: portal, daemon, Prometheus, rules, Alertmanager; dashboards and rules all have data."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo_portal.faults import Fault, FaultKind
from demo_portal.server import DemoPortal
from exporters.metrics import RunMetrics
from exporters.store import Store
from gapwatch.config import load_config
from gapwatch.slo import budgets
from gapwatch.slo_rules import BURNS, LADDER, REMAINING, Burn, rule_file
from tests.exporters_runs import full_run
from tests.gapwatch_processes import PATIENCE, Daemon, daemon, get, wait_until, write_config
from tests.monitoring_servers import Web, alertmanager, ask, faulty_portal, free_port, prometheus, web

ROOT = Path(__file__).parents[1]
GRAFANA = ROOT / "deploy/grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
QUICK = Burn(14.4, 20.0, 10.0, "page")
#: No turn falls due while a test looks at counters that must stand still.
NEVER = "cron: '0 0 1 1 *'"
SCENARIOS = (
    "      - {scenario: up.yaml, %s, deadline: 1s}\n      - {scenario: home.yaml, %s, deadline: 8s}\n"
    "      - {scenario: search, %s, deadline: 9s}\n"
)
QUERIES = "    gold_queries: [{query: restoran, titles: [Restoran], k: 3}]\n"

#: Metrics that this daemon has no values of, and why; another target has them, so that their queries are tried as well.
ELSEWHERE = {
    "gapwatch_tls_certificate_expiry_timestamp_seconds": "the demo portal speaks plain HTTP",
    "gapwatch_survey_score": "no survey is loaded",
    "gapwatch_survey_dimension_score": "no survey is loaded",
    "gapwatch_indicator": "no survey is loaded",
    "gapwatch_form_duplicate_fields": "no scenario of this test fills a form",
    "gapwatch_web_vital_seconds": "INP needs a click on a page that stays, which these scenarios do not have",
    "gapwatch_runs_invalid_total": "the host may have time for all runs",
    "gapwatch_probe_errors_total": "the probe may have no trouble at all",
    "gapwatch_browser_restarts_total": "no browser had to be ended",
}


@dataclass
class Scene:
    """Everything that runs."""

    portal: DemoPortal
    daemon: Daemon
    config: Path
    prometheus: str
    alertmanager: str
    hook: Web

    def notified(self, status: str, **labels: str) -> list[dict[str, Any]]:
        """Alerts that Alertmanager has told of, with this status and these labels."""
        alerts = [alert for body in list(self.hook.posted) for alert in json.loads(body)["alerts"]]
        return [
            alert
            for alert in alerts
            if alert["status"] == status and all(alert["labels"].get(name) == value for name, value in labels.items())
        ]


def other_target() -> RunMetrics:
    """Metrics of a probe elsewhere; each scrape finds a run more."""
    metrics = RunMetrics()
    kinds = ("performance", "importance", "gap")
    scores = {"E1": dict.fromkeys(kinds, 4.0), "T1": dict.fromkeys(kinds, 3.0)}
    metrics.set_survey_scores(portal="other", wave="2026", items=scores, dimensions={"efficiency": scores["E1"]})
    metrics.set_indicator(portal="other", item="E1", indicator="lcp_seconds", value=2.1)
    return metrics


def one_more(metrics: RunMetrics, seen: list[int]) -> bytes:
    seen.append(1)
    run = full_run(len(seen), portal="other", location="elsewhere", started_at=datetime.now(UTC))
    http = dataclasses.replace(run.http, certificate_expiry=datetime.now(UTC) + timedelta(days=60))  # type: ignore[type-var]
    vitals = dataclasses.replace(run.pages[0], inp_seconds=0.1)
    metrics.observe(dataclasses.replace(run, http=http, pages=(vitals,)))
    metrics.observe(
        full_run(len(seen), portal="other", location="elsewhere", timing_valid=False, invalid_reasons=("cpu_pressure",))
    )
    metrics.probe_error("schedule_late")
    metrics.browser_restart("died")
    return metrics.render()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    metrics, seen = other_target(), []
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        portal = enter(faulty_portal())
        hook, other = enter(web()), enter(web(lambda: one_more(metrics, seen)))
        # Nobody listens there: what the exporter loses must be counted, alerted on, and slow nothing down.
        head = f"exporters: {{otlp: {{endpoint: 'http://127.0.0.1:{free_port()}'}}}}\n"
        config = write_config(folder, portal.url, SCENARIOS % ((NEVER,) * 3), head)
        config.write_text(config.read_text().replace("    scenarios:", f"{QUERIES}    scenarios:"))
        running = enter(daemon(folder, config))
        often = SCENARIOS % ("every: 1s", "every: 8s", "every: 9s")
        config = write_config(folder, portal.url, often, head)
        config.write_text(config.read_text().replace("    scenarios:", f"{QUERIES}    scenarios:"))
        ladder = (10.0, 20.0, *LADDER)
        rules = rule_file(load_config(config), url=running.url, burns=(QUICK, *BURNS), ladder=ladder, interval=1)
        (folder / "gapwatch.rules.yml").write_text(rules)
        manager = enter(alertmanager(folder, hook.url))
        address = enter(
            prometheus(
                folder,
                "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
                f"rule_files: [{folder}/gapwatch.rules.yml]\n"
                f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{manager.removeprefix('http://')}']}}]}}]}}\n"
                "scrape_configs:\n"
                f"  - {{job_name: gapwatch, static_configs: [{{targets: ['{running.url.removeprefix('http://')}']}}]}}\n"
                f"  - {{job_name: other, static_configs: [{{targets: ['{other.url.removeprefix('http://')}']}}]}}\n",
            )
        )
        # Counting begins where Prometheus has seen zero, so that it and the store know the same runs.
        zero = 'gapwatch_runs_total{location="local"} == 0'
        wait_until(lambda: len(ask(address, zero)) == 18)
        running.hang_up()
        wait_until(lambda: "reloaded: 3 jobs" in running.log)
        yield Scene(portal, running, config, address, manager, hook)
        assert running.end() == 0


def expressions() -> list[tuple[str, str]]:
    """Every query of every panel, and the panel it stands in."""
    found = []
    for path in BOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            found += [(f"{path.stem}: {panel['title']}", target["expr"]) for target in panel.get("targets", [])]
    return found


def filled(query: str, portal: str = ".*") -> str:
    """The query as Grafana would send it."""
    for name, value in {"portal": portal, "scenario": ".*", "location": ".*", "browser": ".*", "window": "1m"}.items():
        query = query.replace(f"${name}", value)
    assert "$" not in query
    return query


@pytest.mark.server
@pytest.mark.browser
def test_an_outage_fires_the_right_alert_and_it_resolves(scene: Scene) -> None:
    passed = 'gapwatch_runs_total{scenario="%s",outcome="passed"} >= 2'
    for scenario in ("up", "home", "search"):
        wait_until(lambda name=scenario: ask(scene.prometheus, passed % name), 60)
    assert scene.notified("firing", about="portal") == []

    outage = scene.portal.faults.add(Fault(kind=FaultKind.HTTP_STATUS, path="/*", status=500, rate=1.0))
    which = {"alertname": "GapwatchAvailabilityBurn", "portal": "demo", "scenario": "up", "window": "20s"}
    wait_until(lambda: scene.notified("firing", **which), 60)
    [alert] = scene.notified("firing", **which)[:1]
    assert (alert["labels"]["severity"], alert["labels"]["sli"]) == ("page", "availability")
    assert re.fullmatch(r"demo: up: \d+(\.\d+)?% of runs failed", alert["annotations"]["summary"])
    assert alert["annotations"]["status_page"] == f"{scene.daemon.url}/"
    link = alert["annotations"]["runs"].removeprefix(scene.daemon.url)
    runs = json.loads(scene.daemon.get(link)[1])["runs"]
    assert runs[0]["outcome"] == "failed"
    assert runs[0]["findings"]

    every_query_has_data(scene)
    every_rule_has_data(scene)
    # The dead collector is the probe's own trouble, in the other group; nothing else of the probe is wrong.
    wait_until(lambda: scene.notified("firing", alertname="GapwatchExporterDropping", exporter="otlp"), 60)
    about_probe = {alert["labels"]["alertname"] for alert in scene.notified("firing", about="probe")}
    assert about_probe == {"GapwatchExporterDropping"}

    scene.portal.faults.remove(outage.id)
    wait_until(lambda: scene.notified("resolved", **which), 60)

    budgets_are_the_stores(scene)


def every_query_has_data(scene: Scene) -> None:
    for where, query in expressions():
        elsewhere = [reason for name, reason in ELSEWHERE.items() if re.search(rf"\b{name}\b", query)]
        has_data(scene, filled(query) if elsewhere else filled(query, "demo"), where)


def every_rule_has_data(scene: Scene) -> None:
    groups = json.loads(get_text(f"{scene.prometheus}/api/v1/rules"))["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
    for group in groups:
        for rule in group["rules"]:
            # Its reason to be empty is that what is looked for is there, or that the threshold is not passed.
            query = re.sub(r" [<>] -?[\d.e+]+(?= and |$)", " > -Inf", rule["query"])
            if absent := re.fullmatch(r"absent(?:_over_time)?\((.*?)(\[\w+\])?\)", query):
                query = absent[1]
            has_data(scene, query, rule["name"])


def has_data(scene: Scene, query: str, where: str) -> None:
    """The query gives something, at once or after another few scrapes."""
    end = time.monotonic() + PATIENCE
    while not ask(scene.prometheus, query):
        assert time.monotonic() < end, f"{where}: no data for {query}"
        time.sleep(0.2)


def get_text(url: str) -> str:
    status, text = get(url)
    assert status == 200
    return text


def budgets_are_the_stores(scene: Scene) -> None:
    """Stop probing, let Prometheus see the last run, and compare."""
    text = scene.config.read_text()
    still = re.sub(r"every: \d+s", NEVER, text)
    scene.config.write_text(still)
    scene.daemon.hang_up()
    wait_until(lambda: scene.daemon.log.count("reloaded: 3 jobs") == 2)
    wait_until(lambda: json.loads(scene.daemon.get("/api/v1/status")[1])["running"] == 0)
    config = load_config(scene.config)

    def by_the_store() -> dict[tuple[str, str], float | None]:
        with Store.open(config.store_url, read_only=True) as store:
            found = budgets(store, config.jobs, datetime.now(UTC))
        return {(each.sli, each.scenario): each.remaining for each in found}

    def by_prometheus() -> dict[tuple[str, str], float]:
        return {
            (sli, sample["metric"]["scenario"]): float(sample["value"][1])
            for sli, name in REMAINING.items()
            for sample in ask(scene.prometheus, f'{name}{{portal="demo"}}')
        }

    expected = by_the_store()
    assert len(expected) == 6
    assert min(value for value in expected.values() if value is not None) < 0
    wait_until(lambda: by_prometheus() == pytest.approx(expected, abs=1e-6))


def test_committed_dashboards_are_those_that_are_built() -> None:
    done = subprocess.run(
        [sys.executable, str(GRAFANA / "build.py"), "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_panel_says_what_it_shows(path: Path) -> None:
    board = json.loads(path.read_text())
    names = {each["name"] for each in board["templating"]["list"]}
    assert names == {"datasource", "portal", "scenario", "location", "browser", "window", "url"}
    for panel in board["panels"]:
        if panel["type"] in ("row", "text"):
            continue
        assert panel["description"]
        assert panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        if panel["type"] in ("stat", "timeseries"):
            assert any("${url}" in link["url"] for link in panel["fieldConfig"]["defaults"]["links"])


def test_no_dashboard_can_ask_for_what_there_is_not() -> None:
    code = (
        "import sys; sys.path[:0] = ['deploy/grafana', '.']\n"
        "from panels import metric\n"
        "for name, end, labels in (('gapwatch_run_total', '', {}), ('gapwatch_runs_total', '', {'step': 'x'}),\n"
        "                          ('gapwatch_runs_total', '_bucket', {})):\n"
        "    try: metric(name, end, **labels)\n"
        "    except (KeyError, ValueError) as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "'gapwatch_run_total'", "gapwatch_runs_total has no label step", "gapwatch_runs_total has no _bucket",
    ]  # fmt: skip


def test_rules_and_boards_are_yaml_and_json_that_tools_read() -> None:
    assert BOARDS
    assert yaml.safe_load(rule_file(load_config(ROOT / "config.yaml", environment={})))["groups"]
