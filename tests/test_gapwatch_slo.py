"""Objectives: what the configuration promises, the rules made of it as promtool runs them, and the budget left."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.metric_specs import METRICS, SPECS
from exporters.store import Store
from gapwatch.config import Config, load_config
from gapwatch.openslo import openslo
from gapwatch.slo import Budget, Objectives, budgets
from gapwatch.slo_rules import BURNS, LADDER, duration, fitted, promised, rule_file, threshold
from tests.exporters_runs import make_run
from tests.gapwatch_processes import gapwatch

ROOT = Path(__file__).parents[1]
MINUTE = 60.0
HOME = "name: home\nkind: page_load\nsteps:\n  - {name: Home, open: /}\n"


def config(folder: Path, scenarios: str = "      - {scenario: home.yaml, every: 1m}\n", head: str = "") -> Config:
    (folder / "home.yaml").write_text(HOME)
    (folder / "other.yaml").write_text(HOME.replace("home", "other", 1))
    path = folder / "config.yaml"
    path.write_text(
        f"version: 1\nstore: sqlite:///runs.db\ndefaults: {{deadline: 50s}}\n{head}"
        f"portals:\n  - name: demo\n    base_url: https://portal.example\n    scenarios:\n{scenarios}"
    )
    return load_config(path, environment={})


def test_what_is_said_lower_down_goes_before_what_is_said_above(tmp_path: Path) -> None:
    loaded = config(
        tmp_path,
        "      - home.yaml\n      - {scenario: other.yaml, slo: {latency: {share: 0.5}, window: 7d}}\n"
        "    slo: {latency: {under: 4s}}\n",
        "slo: {availability: 99.5%, latency: {share: 90%, under: 20s}}\n",
    )
    assert [job.objectives for job in loaded.jobs] == [
        Objectives(0.995, 0.9, 4.0, 28 * 86_400.0),
        Objectives(0.995, 0.5, 4.0, 7 * 86_400.0),
    ]


def test_nobody_said_anything(tmp_path: Path) -> None:
    scenarios = "      - home.yaml\n      - {scenario: other.yaml, deadline: 8s}\n"
    assert [job.objectives for job in config(tmp_path, scenarios).jobs] == [
        Objectives(0.99, 0.95, 10.0, 28 * 86_400.0),
        Objectives(0.99, 0.95, 4.0, 28 * 86_400.0),
    ]


def test_frequent_runs_keep_the_usual_windows() -> None:
    assert [fitted(burn, 0.01, 1 / 10) for burn in BURNS] == list(BURNS)


@pytest.mark.parametrize("every", [30.0, 60.0, 300.0, 900.0, 3600.0, 86_400.0])
@pytest.mark.parametrize("budget", [0.001, 0.01, 0.05, 0.5])
def test_one_failed_run_never_fires_and_no_short_window_is_empty(every: float, budget: float) -> None:
    for burn in BURNS:
        fits = fitted(burn, budget, 1 / every)
        if fits is None:
            assert LADDER[-1] / every * threshold(burn, budget) < 1 or LADDER[-1] / every < 2
            continue
        assert 1 / (fits.long / every) <= threshold(burn, budget) + 1e-12
        assert fits.short / every >= 2
        assert fits.short <= fits.long
        assert fits.long in LADDER
        assert fits.short in LADDER


def test_a_low_promise_still_gives_a_threshold_that_can_be_passed() -> None:
    assert threshold(BURNS[0], 0.01) == 0.144
    assert threshold(BURNS[0], 0.3) == 0.5


@pytest.mark.parametrize(
    ("seconds", "text"), [(300, "5m"), (3600, "1h"), (2_419_200, "28d"), (90, "90s"), (0.5, "500ms")]
)
def test_durations_as_prometheus_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def groups(text: str) -> list[dict[str, Any]]:
    return yaml.safe_load(text)["groups"]


@pytest.mark.server
def test_the_rules_of_the_example_are_checked_by_promtool(tmp_path: Path) -> None:
    out = tmp_path / "gapwatch.rules.yml"
    done = gapwatch(tmp_path, "slo", "rules", "--config", "config.yaml", "--out", str(out), "--url", "https://s.test/")
    assert (done.returncode, done.stdout) == (0, "")
    checked = subprocess.run(
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for group in groups(out.read_text()):
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"]["about"] == ("probe" if group["name"] == "gapwatch_probe" else "portal")
                assert rule["annotations"]["status_page"] == "https://s.test/"


def test_rules_use_declared_metrics_and_labels_alone() -> None:
    text = rule_file(load_config(ROOT / "config.yaml", environment={}))
    ends = {spec.name: ("_bucket", "_count", "_sum") for spec in METRICS if spec.type == "histogram"}
    known = set(SPECS) | {name + end for name, each in ends.items() for end in each}
    used = set(re.findall(r"\bgapwatch_[a-z_]+(?=[{\[)])", text))
    assert used
    assert used <= known


def test_what_was_stretched_or_left_out_is_said(tmp_path: Path) -> None:
    text = rule_file(config(tmp_path, '      - {scenario: home.yaml, cron: "0 3 * * *"}\n'))
    assert "# GapwatchAvailabilityBurn 14.4 of demo/home looks over 28d and 3d instead of 1h and 5m" in text
    assert "# GapwatchAvailabilityBurn 1 of demo/home is left out: it runs too seldom for what was promised" in text
    burns = [
        rule["labels"]["burn"] for group in groups(text) for rule in group["rules"] if "burn" in rule.get("labels", {})
    ]
    assert "1" not in burns[:3]


# What promtool makes of them. One sample a minute, one run a minute.

LABELS = 'portal="demo",scenario="home",location="local",browser="chromium"'
RUNS = f'gapwatch_runs_total{{{LABELS},outcome="%s"}}'
BEGAN = f"gapwatch_run_last_timestamp_seconds{{{LABELS}}}"
BUCKET = f'gapwatch_run_duration_seconds_bucket{{{LABELS},le="%s"}}'
COUNT = f"gapwatch_run_duration_seconds_count{{{LABELS}}}"
LATE = 'gapwatch_schedule_lateness_seconds_%s{portal="demo",scenario="home",location="local"%s}'
BUILD = 'gapwatch_build_info{version="1"}'
WELL = {
    RUNS % "passed": "0+1x2000",
    RUNS % "failed": "0x2000",
    BUCKET % "10.0": "0+1x2000",
    COUNT: "0+1x2000",
    BEGAN: "0+60x2000",
    BUILD: "1x2000",
}
BURNS_CASES: dict[str, tuple[dict[str, str], dict[str, set[str]]]] = {
    # From minute 720 on every run fails.
    "fast_burn": (
        {RUNS % "passed": "0+1x720 720x100", RUNS % "failed": "0x720 1+1x100"},
        {"725m": set(), "732m": {"A 14.4/1h", "A 1/3d"}, "750m": {"A 14.4/1h", "A 6/6h", "A 3/1d", "A 1/3d"}},
    ),
    # Two runs in a hundred: twice what is allowed; only the slowest alert sees it.
    "slow_burn": ({RUNS % "passed": "0+0.98x2000", RUNS % "failed": "0+0.02x2000"}, {"1500m": {"A 1/3d"}}),
    # Within what is allowed.
    "no_burn": ({RUNS % "passed": "0+0.995x2000", RUNS % "failed": "0+0.005x2000"}, {"500m": set(), "1900m": set()}),
    # The outage is over: each alert ends when its short window holds no failure any more, whatever the long one says.
    "resolved": (
        {RUNS % "passed": "0+1x720 720x30 721+1x1000", RUNS % "failed": "0x720 1+1x29 30x1000"},
        {
            "750m": {"A 14.4/1h", "A 6/6h", "A 3/1d", "A 1/3d"},
            "760m": {"A 6/6h", "A 3/1d", "A 1/3d"},
            "800m": {"A 3/1d", "A 1/3d"},
            "1500m": set(),
        },
    ),
    # One run that failed is no alert.
    "one_failure": (
        {RUNS % "passed": "0+1x400 400+1x500", RUNS % "failed": "0x400 1x500"},
        {"402m": set(), "405m": set(), "430m": set()},
    ),
    # The portal is in maintenance, the probe breaks down, a firewall turns it away: that burns nothing.
    "maintenance": (
        {RUNS % "passed": "0+1x720 720x400", RUNS % "maintenance": "0x720 1+1x400"},
        {"740m": set(), "780m": set(), "1100m": set()},
    ),
    "error": ({RUNS % "passed": "0+1x720 720x100", RUNS % "error": "0x720 1+1x100"}, {"780m": set()}),
    "blocked": ({RUNS % "passed": "0+1x720 720x100", RUNS % "blocked": "0x720 1+1x100"}, {"780m": set()}),
    # Nothing comes in any more, or nothing ever did.
    "no_more_data": ({RUNS % "passed": "0+1x720", RUNS % "failed": "0x720", COUNT: "0+1x720"}, {"800m": set()}),
    "no_data": (dict.fromkeys(WELL, "_x100"), {"90m": set()}),
    # Runs pass and are slow.
    "slow_runs": (
        {BUCKET % "10.0": "0+1x720 720x400"},
        {"722m": set(), "770m": {"L 14.4/1h", "L 1/3d"}, "840m": {"L 14.4/1h", "L 6/6h", "L 1/3d"}},
    ),
}

PROBE_CASES: dict[str, tuple[dict[str, str], dict[str, set[str]]]] = {
    "well": ({}, {"60m": set(), "900m": set()}),
    "no_run_lately": ({BEGAN: "0+60x100 6000x100"}, {"103m": set(), "110m": {"GapwatchNoRunLately"}}),
    "down": (
        {BEGAN: "0+60x100 _x100", BUILD: "1x100 _x100", RUNS % "passed": "0+1x100 _x100"},
        {"103m": set(), "107m": {"GapwatchNoRunLately"}, "115m": {"GapwatchGone", "GapwatchNoRunLately"}},
    ),
    "never": (dict.fromkeys(WELL, "_x100"), {"2m": set(), "30m": {"GapwatchGone", "GapwatchNeverRan"}}),
    "dropping": (
        {'gapwatch_exporter_dropped_total{exporter="otlp"}': "0x60 1x100"},
        {"60m": set(), "62m": {"GapwatchExporterDropping"}, "80m": set()},
    ),
    "contended": (
        {f'gapwatch_runs_invalid_total{{{LABELS},reason="cpu_pressure"}}': "0x60 0+0.5x200"},
        {"60m": set(), "130m": {"GapwatchHostContended"}},
    ),
    "errors": (
        {RUNS % "passed": "0+1x60 60+0.8x200", RUNS % "error": "0x60 0+0.2x200"},
        {"60m": set(), "140m": {"GapwatchErrors"}},
    ),
    "blocked": (
        {RUNS % "passed": "0+1x60 60x200", RUNS % "blocked": "0x60 0+1x200"},
        {"60m": set(), "140m": {"GapwatchBlocked"}},
    ),
    "late": (
        {LATE % ("bucket", ',le="5.0"'): "0+1x60 60+0.5x200", LATE % ("count", ""): "0+1x300"},
        {"60m": set(), "140m": {"GapwatchScheduleLate"}},
    ),
    "config": (
        {'gapwatch_probe_errors_total{reason="config_reload"}': "0x60 1x200"},
        {"62m": {"GapwatchConfigRefused"}, "90m": set()},
    ),
    "certificate": (
        {f"gapwatch_tls_certificate_expiry_timestamp_seconds{{{LABELS}}}": f"{21 * 86_400 + 3600}x300"},
        {"55m": set(), "80m": {"GapwatchCertificateExpiring"}},
    ),
    # An expired certificate is no longer seen by the check; the metric keeps its date, and the alert goes on.
    "expired": (
        {f"gapwatch_tls_certificate_expiry_timestamp_seconds{{{LABELS}}}": "3600x300"},
        {"120m": {"GapwatchCertificateExpiring"}},
    ),
}


def firing(folder: Path, series: dict[str, str], moments: dict[str, set[str]], about: str, by: str) -> None:
    """Let promtool assert which alerts fire; `by` are the labels that tell them apart."""
    (folder / "rules.yml").write_text(rule_file(config(folder), interval=60))
    query = f'count by ({by}) (ALERTS{{about="{about}",alertstate="firing"}}) > 0'
    checks = [
        {
            "expr": f"({query}) * 0 + 1",
            "eval_time": moment,
            "exp_samples": [{"labels": labels(alert, by), "value": 1} for alert in sorted(alerts)],
        }
        for moment, alerts in moments.items()
    ]
    inputs = [{"series": name, "values": values} for name, values in (WELL | series).items()]
    test = {"interval": "1m", "input_series": inputs, "promql_expr_test": checks}
    path = folder / "tests.yml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[:3000] + done.stderr[:3000]


def labels(alert: str, by: str) -> str:
    if by == "alertname":
        return f'{{alertname="{alert}"}}'
    which, burn, window = re.fullmatch(r"([AL]) (.+)/(.+)", alert).groups()  # type: ignore[union-attr]  # ours
    name = {"A": "GapwatchAvailabilityBurn", "L": "GapwatchLatencyBurn"}[which]
    return f'{{alertname="{name}",burn="{burn}",window="{window}"}}'


@pytest.mark.server
@pytest.mark.parametrize("case", BURNS_CASES)
def test_burn_alerts_fire_when_they_should_and_only_then(tmp_path: Path, case: str) -> None:
    firing(tmp_path, *BURNS_CASES[case], "portal", "alertname,burn,window")


@pytest.mark.server
@pytest.mark.parametrize("case", PROBE_CASES)
def test_the_probes_own_trouble_has_its_own_alerts(tmp_path: Path, case: str) -> None:
    firing(tmp_path, *PROBE_CASES[case], "probe", "alertname")


# The budget.


def test_the_budget_by_the_store(tmp_path: Path) -> None:
    loaded = config(tmp_path)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with Store.open(loaded.store_url) as store:
        assert [each.remaining for each in budgets(store, loaded.jobs, now)] == [None, None]
        outcomes = ["passed"] * 193 + ["degraded"] * 5 + ["failed"] * 2 + ["blocked", "maintenance", "error"]
        began = now - timedelta(days=20)
        changes = [{"outcome": outcome} for outcome in outcomes]
        changes[0] |= {"duration_seconds": 10.0}  # type: ignore[dict-item]  # exactly the objective is quick
        changes[1] |= {"duration_seconds": 10.5}  # type: ignore[dict-item]
        changes[2] |= {"duration_seconds": 10.5, "timing_valid": False}  # type: ignore[dict-item]
        changes[-4] |= {"timed_out": True, "deadline_seconds": 50.0}  # type: ignore[dict-item]
        store.add_many(make_run(n, started_at=began + timedelta(minutes=n), **each) for n, each in enumerate(changes))
        store.add(make_run(900, started_at=now - timedelta(days=29), outcome="failed"))
        store.add(make_run(901, started_at=now, outcome="failed"))
        availability, latency = budgets(store, loaded.jobs, now)
    assert (availability.good, availability.bad) == (198, 2)
    assert availability.remaining == pytest.approx(0.0)
    assert (latency.good, latency.bad) == (197, 2)
    assert latency.remaining == pytest.approx(1 - 2 / 199 / 0.05)


def test_budget_on_the_command_line(tmp_path: Path) -> None:
    loaded = config(tmp_path)
    with Store.open(loaded.store_url) as store:
        now = datetime.now(UTC)
        store.add_many(make_run(n, started_at=now - timedelta(minutes=n), outcome="passed") for n in range(1, 10))
        store.add(make_run(10, started_at=now - timedelta(minutes=10), outcome="failed"))
    done = gapwatch(tmp_path, "slo", "budget", "--config", str(tmp_path / "config.yaml"))
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["demo", "home", "availability", "0.99", "28d", "9", "1", "-900.0%"],
        ["demo", "home", "latency", "0.95", "28d", "10", "0", "100.0%"],
    ]


@pytest.mark.parametrize("what", ["rules", "openslo", "budget"])
def test_a_bad_configuration_writes_nothing(tmp_path: Path, what: str) -> None:
    (tmp_path / "config.yaml").write_text("version: 2\n")
    out = tmp_path / "out.yml"
    done = gapwatch(tmp_path, "slo", what, "--config", str(tmp_path / "config.yaml"), "--out", str(out))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{tmp_path}/config.yaml:1: ")
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_2(tmp_path: Path) -> None:
    done = gapwatch(tmp_path, "slo", "rules", "--config", "config.yaml", "--out", "/proc/rules.yml")
    assert done.returncode == 2
    assert done.stderr.startswith("/proc/rules.yml: ")


def test_openslo_documents(tmp_path: Path) -> None:
    loaded = load_config(ROOT / "config.yaml", environment={})
    documents = list(yaml.safe_load_all(openslo(loaded)))
    assert {each["apiVersion"] for each in documents} == {"openslo/v1"}
    assert [each["kind"] for each in documents] == ["Service"] + ["SLO"] * 2 * len(promised(loaded))
    services = {each["metadata"]["name"] for each in documents if each["kind"] == "Service"}
    for each in documents:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", each["metadata"]["name"])
        if each["kind"] == "SLO":
            spec = each["spec"]
            assert set(spec) == {"description", "service", "indicator", "timeWindow", "budgetingMethod", "objectives"}
            assert spec["service"] in services
            assert spec["timeWindow"] == [{"duration": "28d", "isRolling": True}]
            ratio = spec["indicator"]["spec"]["ratioMetric"]
            assert ratio["counter"] is True
            for part in ("good", "total"):
                assert "{{.window}}" in ratio[part]["metricSource"]["spec"]["query"]
    assert len({each["metadata"]["name"] for each in documents if each["kind"] == "SLO"}) == 2 * len(promised(loaded))


def test_what_remains_without_a_run_is_nothing_rather_than_all() -> None:
    assert Budget("demo", "home", "availability", 0.99, 0, 0).remaining is None
    assert Budget("demo", "home", "availability", 0.99, 99, 1).remaining == pytest.approx(0)
