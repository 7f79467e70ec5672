"""What lies in deploy/ is read by the tools it is made for, and agrees with the rest of the repository."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gapwatch.config import load_config
from gapwatch.slo_probe_rules import probe_group
from gapwatch.slo_rules import promised, rule_file

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def run(*command: str | Path) -> None:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


COMPOSE = documents(DEPLOY / "compose.yaml")[0]


def test_the_configuration_of_the_container_can_be_run() -> None:
    config = load_config(DEPLOY / "gapwatch/config.yaml", environment={})
    assert config.listen == ("0.0.0.0", 9464)
    assert config.store_url.startswith("sqlite:////var/lib/gapwatch/")


@pytest.mark.server
def test_prometheus_reads_its_configuration_and_the_rules(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "gapwatch.rules.yml").write_text(rule_file(load_config(DEPLOY / "gapwatch/config.yaml", environment={})))
    text = (DEPLOY / "prometheus/prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/rules", str(rules)))
    run("promtool", "check", "config", tmp_path / "prometheus.yml")
    jobs = {each["job_name"]: each["static_configs"][0]["targets"] for each in yaml.safe_load(text)["scrape_configs"]}
    assert jobs["gapwatch"] == ["gapwatch:9464"]


@pytest.mark.server
def test_alertmanager_reads_its_configuration_and_routes_by_whose_trouble_it_is() -> None:
    path = DEPLOY / "alertmanager/alertmanager.yml"
    run("amtool", "check-config", path)
    for labels, receiver in {
        ("about=portal", "severity=page"): "portal-page",
        ("about=portal", "severity=ticket"): "portal-ticket",
        ("about=probe", "severity=page"): "probe-page",
        ("about=probe", "severity=ticket"): "probe-ticket",
    }.items():
        run("amtool", "config", "routes", "test", f"--config.file={path}", f"--verify.receivers={receiver}", *labels)


def test_compose_names_files_that_are_there_and_opens_nothing_to_others() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        assert not service.get("privileged")
    assert set(COMPOSE["services"]) >= {"gapwatch", "prometheus", "alertmanager", "grafana"}
    assert any("retention.time" in part for part in COMPOSE["services"]["prometheus"]["command"])


def test_the_commands_in_compose_are_commands_of_the_tool() -> None:
    rules = COMPOSE["services"]["rules"]["command"]
    assert rules[:2] == ["slo", "rules"]
    portal = COMPOSE["services"]["portal"]
    done = subprocess.run(
        [sys.executable, *portal["entrypoint"][1:], "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for option in portal["command"]:
        assert not option.startswith("--") or option in done.stdout


def test_the_image_is_an_ordinary_users_and_the_sandbox_stays_on() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    steps = re.findall(r"^([A-Z]+) (.*)$", text, re.MULTILINE)
    users = [value for step, value in steps if step == "USER"]
    assert users == ["gapwatch"]
    assert [step for step, _ in steps].index("USER") < [step for step, _ in steps].index("CMD")
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert "no-sandbox" not in path.read_text(encoding="utf-8"), path
    copied = {value.split()[0] for step, value in steps if step == "COPY" and len(value.split()) == 2}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages <= copied
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    for step, value in steps:
        for source in value.split()[:-1] if step == "COPY" else ():
            assert (ROOT / source).exists()
            assert any(source == each or source.startswith(f"{each}/") for each in allowed), source


def test_the_seccomp_profile_lets_the_sandbox_be_and_refuses_the_rest() -> None:
    profile = json.loads((DEPLOY / "seccomp.json").read_text())
    refused = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ERRNO" for name in rule["names"]}
    assert not refused & {"clone", "clone3", "unshare", "chroot", "setns"}
    assert refused >= {"mount", "bpf", "init_module", "kexec_load", "keyctl", "perf_event_open", "reboot"}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_kubernetes_manifests(path: Path, tmp_path: Path) -> None:
    kinds = {each["kind"]: each for each in documents(path)}
    if "ConfigMap" in kinds:
        config = tmp_path / "config.yaml"
        config.write_text(kinds["ConfigMap"]["data"]["config.yaml"])
        assert load_config(config, environment={}).jobs
    spec = (
        kinds["Deployment"]["spec"]["template"]["spec"]
        if "Deployment" in kinds
        else kinds["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    )
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    volumes = {each["name"] for each in spec["volumes"]}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert {each["name"] for each in container["volumeMounts"]} == volumes
        help_ = subprocess.run(
            [sys.executable, "-m", "gapwatch", container["args"][0], "--help"],
            cwd=ROOT, capture_output=True, text=True, check=True, env={"COLUMNS": "200", "PATH": "/usr/bin"},
        ).stdout  # fmt: skip
        for option in container["args"][1:]:
            assert not option.startswith("--") or option in help_
    if "CronJob" in kinds:
        assert kinds["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_units_are_understood(tmp_path: Path) -> None:
    units = []
    for path in sorted((DEPLOY / "systemd").iterdir()):
        # The program need not be installed where the units are checked.
        text = path.read_text().replace("/opt/gapwatch/.venv/bin/gapwatch", "/bin/true")
        unit = tmp_path / path.name
        unit.write_text(text.replace("User=gapwatch", "User=daemon").replace("Group=gapwatch", "Group=daemon"))
        units.append(unit)
    done = subprocess.run(["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, check=False)
    own = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "gapwatch" in line]
    assert (done.returncode, own) == (0, [])


def test_units_and_crontab_call_the_tool_as_it_is() -> None:
    lines = [
        line.removeprefix("ExecStart=") for path in (DEPLOY / "systemd").glob("*.service")
        for line in path.read_text().splitlines() if line.startswith("ExecStart=")
    ]  # fmt: skip
    cron = [line for line in (DEPLOY / "cron/gapwatch").read_text().splitlines() if re.match(r"[\d*]", line)]
    assert len(cron) == 1
    schedule, user, command = cron[0].split(maxsplit=6)[:5], *cron[0].split(maxsplit=6)[5:]
    assert (len(schedule), user) == (5, "gapwatch")
    for line in (*lines, command.removesuffix(" >/dev/null")):
        words = shlex.split(line)
        assert words[0] == "/opt/gapwatch/.venv/bin/gapwatch"
        done = subprocess.run(
            [sys.executable, "-m", "gapwatch", words[1], "--help"],
            cwd=ROOT, capture_output=True, text=True, check=True, env={"COLUMNS": "200", "PATH": "/usr/bin"},
        )  # fmt: skip
        for option in words[2:]:
            assert not option.startswith("--") or option in done.stdout


def test_operations_tells_of_every_file_and_every_alert() -> None:
    for path in (*MANIFESTS, *DEPLOY.glob("systemd/*"), *DEPLOY.glob("cron/*"), *DEPLOY.glob("*.*")):
        assert path.relative_to(ROOT).as_posix() in OPERATIONS, path
    group = probe_group(promised(load_config(ROOT / "config.yaml", environment={})), 30.0, "http://x")
    named = set(re.findall(r"^\| `(Gapwatch\w+)` \|", OPERATIONS, re.MULTILINE))
    assert named == {rule["alert"] for rule in group["rules"]}


def test_grafana_is_given_the_dashboards_and_the_source() -> None:
    source = documents(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")[0]["datasources"][0]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    provider = documents(DEPLOY / "grafana/provisioning/dashboards/gapwatch.yaml")[0]["providers"][0]
    mounts = [volume.split(":") for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert ["./grafana/dashboards", provider["options"]["path"], "ro"] in mounts
    home = COMPOSE["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / "grafana/dashboards" / Path(home).name).exists()
