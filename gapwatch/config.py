"""The configuration, resolved and checked as a whole: the only place that knows config.yaml."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exporters.otlp_target import OtlpTarget, otlp_installed
from gapwatch.config_file import (
    ConfigFile,
    ExportersFile,
    MaintenanceFile,
    PortalFile,
    ScenarioFile,
    SloFile,
    SurveyFile,
    TimingFile,
    split_listen,
)
from gapwatch.evidence import Retention
from gapwatch.maintenance import MaintenanceWindow
from gapwatch.perceived import SurveyConfig, read_survey
from gapwatch.slo import Objectives, resolve
from gapwatch.timetable import Schedule
from scenarios.loader import find_flow, load_flow
from scenarios.model import Flow, Portal, Step
from scenarios.source import Document, InputError, Path_, Problem, load_yaml, nearest, problems_of
from scenarios.variables import inner_steps, required

DEFAULT_EVERY = 300.0
DEFAULT_DEADLINE = 60.0
DEFAULT_ZONE = "Asia/Jakarta"
#: A secret is a password or a token; more is the wrong file.
_SECRET_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Job:
    """One scenario of one portal with one browser, device and network, and when it is due."""

    portal: Portal
    flow: Flow
    browser: str
    device: str
    network: str
    schedule: Schedule
    deadline_seconds: float
    retest: bool = True
    objectives: Objectives = field(default_factory=Objectives)

    @property
    def id(self) -> str:
        """What tells this job from all others of the configuration."""
        return f"{self.portal.name}/{self.scenario}/{self.browser}/{self.device}/{self.network}"

    @property
    def scenario(self) -> str:
        """The scenario's name."""
        return self.flow.scenario.name

    @property
    def needs_browser(self) -> bool:
        """Whether it is a journey; an HTTP check needs none."""
        return self.flow.scenario.kind != "http"


@dataclass(frozen=True, slots=True)
class Exports:
    """Who else the daemon tells of each run; None: not wanted."""

    otlp: OtlpTarget | None = None
    textfile: Path | None = None
    jsonlines: Path | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that can be run: files found, secrets read, schedules possible."""

    path: Path
    location: str
    store_url: str = field(repr=False)
    listen: tuple[str, int]
    evidence_dir: Path
    concurrency: int
    grace_seconds: float
    browser_executables: Mapping[str, str]
    headed: bool
    portals: tuple[Portal, ...]
    jobs: tuple[Job, ...]
    evidence_keep: Retention = field(default_factory=Retention)
    maintenance: tuple[MaintenanceWindow, ...] = ()
    survey: SurveyConfig | None = None
    exports: Exports = field(default_factory=Exports)

    def select(self, portals: Iterable[str] = (), scenarios: Iterable[str] = ()) -> tuple[Job, ...]:
        """The jobs of the named portals and scenarios; nothing named means all.

        Raises:
            InputError: a name that the configuration does not have, or names that no job has together.
        """
        wanted_portals, wanted_scenarios = set(portals), set(scenarios)
        problems = [
            *self._unknown("portal", wanted_portals, {portal.name for portal in self.portals}),
            *self._unknown("scenario", wanted_scenarios, {job.scenario for job in self.jobs}),
        ]
        chosen = tuple(
            job
            for job in self.jobs
            if (not wanted_portals or job.portal.name in wanted_portals)
            and (not wanted_scenarios or job.scenario in wanted_scenarios)
        )
        if not problems and not chosen:
            problems = [Problem(str(self.path), None, "no portal that was named runs a scenario that was named")]
        if problems:
            raise InputError(problems)
        return chosen

    def _unknown(self, what: str, wanted: set[str], known: set[str]) -> Iterator[Problem]:
        for name in sorted(wanted - known):
            yield Problem(str(self.path), None, f"no {what} is named {name[:60]!r}", nearest(name, known))


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read and check the configuration at `path`; secrets come from `environment` (default: the process's) and files.

    Raises:
        InputError: with every problem found in it and in the flow files that it names.
    """
    return _Resolver(load_yaml(path), path, os.environ if environment is None else environment).config()


class _Resolver:
    """Turns the file into a Config while it collects what is wrong."""

    def __init__(self, document: Document, path: Path, environment: Mapping[str, str]) -> None:
        self.document = document
        self.path = path
        self.folder = path.resolve().parent
        self.environment = environment
        self.promised: SloFile | None = None
        self.problems: list[Problem] = []
        self.elsewhere: list[Problem] = []

    def config(self) -> Config:
        """The Config; InputError when anything is wrong."""
        file: ConfigFile | None = None
        try:
            file = ConfigFile.model_validate(self.document.data)
        except ValidationError as error:
            self.problems.extend(problems_of(error, ConfigFile, self.document))
        # A mistake in one portal must not hide those in the others, so each part that can be read is checked further.
        defaults = (
            file.defaults if file else _readable(TimingFile, _get(self.document.data, "defaults")) or TimingFile()
        )
        self.promised = file.slo if file else _readable(SloFile, _get(self.document.data, "slo"))
        portals, jobs = self._portals(defaults)
        store = self._store(file.store) if file else ""
        maintenance = tuple(self._maintenance(file.maintenance, {each.name for each in portals})) if file else ()
        written = file.exporters if file else _readable(ExportersFile, _get(self.document.data, "exporters"))
        exports = self._exports(written or ExportersFile())
        survey = self._survey(file.survey, {each.name for each in portals}) if file and file.survey else None
        if self.problems or self.elsewhere or file is None:
            ordered = sorted(self.problems, key=lambda problem: problem.line or 0)
            raise InputError(dict.fromkeys([*ordered, *self.elsewhere]))
        return Config(
            path=self.path,
            location=file.location,
            store_url=store,
            listen=split_listen(file.listen),
            evidence_dir=self.folder / file.evidence,
            concurrency=file.concurrency,
            grace_seconds=file.grace,
            browser_executables={str(engine): path for engine, path in file.browser.executables.items()},
            headed=file.browser.headed,
            portals=portals,
            jobs=jobs,
            evidence_keep=Retention(file.evidence_keep.days, int(file.evidence_keep.megabytes * 1e6)),
            maintenance=maintenance,
            survey=survey,
            exports=exports,
        )

    def _say(self, place: Path_, message: str, hint: str | None = None) -> None:
        self.problems.append(self.document.problem(place, message, hint))

    def _survey(self, written: SurveyFile, known: set[str]) -> SurveyConfig:
        if written.portal not in known:
            hint = nearest(written.portal, known) or "scores stand under a portal that is probed"
            self._say(("survey", "portal"), f"no portal is named {written.portal!r}", hint)
        survey = SurveyConfig(
            file=str(self.folder / written.file),
            scale=written.scale,
            mapping=str(self.folder / written.mapping) if written.mapping else None,
            portal=written.portal,
            wave=written.wave,
            every_seconds=written.every,
            days=written.days,
        )
        try:
            read_survey(survey)
        except InputError as error:
            self.elsewhere.extend(error.problems)
        return survey

    def _maintenance(self, written: Iterable[MaintenanceFile], known: set[str]) -> Iterator[MaintenanceWindow]:
        for index, each in enumerate(written):
            for number, name in enumerate(each.portals):
                if name not in known:
                    place = ("maintenance", index, "portals", number)
                    self._say(place, f"no portal is named {name[:60]!r}", nearest(name, known))
            yield MaintenanceWindow(
                each.portals, each.timezone, each.start, each.end, each.cron, each.duration or 0.0, each.note
            )

    def _portals(self, defaults: TimingFile) -> tuple[tuple[Portal, ...], tuple[Job, ...]]:
        raw = _get(self.document.data, "portals")
        portals: dict[str, Portal] = {}
        lines: dict[str, int | None] = {}
        jobs: list[Job] = []
        for index, each in enumerate(raw if isinstance(raw, list) else []):
            place: Path_ = ("portals", index)
            entries = _get(each, "scenarios")
            entries = entries if isinstance(entries, list) else []
            written = _readable(PortalFile, {**each, "scenarios": ["page_load"]} if isinstance(each, dict) else each)
            if written is None:
                continue
            if written.name in portals:
                hint = f"first in line {lines[written.name]}"
                self._say((*place, "name"), f"the portal name {written.name!r} stands twice", hint)
                continue
            portal = self._portal(written, place)
            portals[portal.name] = portal
            lines[portal.name] = self.document.line((*place, "name"))
            jobs.extend(self._jobs(portal, written, entries, defaults, place))
        return tuple(portals.values()), tuple(jobs)

    def _portal(self, written: PortalFile, place: Path_) -> Portal:
        secrets = {
            name: self._secret(reference, (*place, "secrets", name)) for name, reference in written.secrets.items()
        }
        for name in sorted(set(written.settings) & set(written.secrets)):
            self._say((*place, "secrets", name), f"{name!r} is both a setting and a secret", "keep one of them")
        return Portal(
            name=written.name,
            base_url=written.base_url,
            title=written.title,
            allow_submit=bool(written.allow_submit),
            locale=written.locale,
            timezone=written.timezone,
            settings=dict(written.settings),
            secrets=secrets,
            gold_queries=written.gold_queries,
            user_agent_suffix=written.user_agent_suffix,
            ignore_https_errors=written.ignore_https_errors,
        )

    def _secret(self, reference: str, place: Path_) -> str:
        """The value behind `env:NAME` or `file:PATH`; an empty text and a problem where there is none."""
        way, _, name = reference.partition(":")
        what = ".".join(str(part) for part in place)
        if way == "env":
            value = self.environment.get(name, "")
            if not value:
                self._say(place, f"{what}: the environment variable {name} is not set", f"export {name}=…")
            return value
        source = self.folder / name
        try:
            with source.open("rb") as stream:
                value = stream.read(_SECRET_BYTES + 1).decode("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "is not UTF-8 text"
            self._say(
                place, f"{what}: the file {name} cannot be read: {reason}", "a relative path starts at the config"
            )
            return ""
        if not value or len(value) > _SECRET_BYTES:
            self._say(
                place, f"{what}: the file {name} is {'too long' if value else 'empty'}", "it holds the secret alone"
            )
        return value

    def _store(self, written: str) -> str:
        url = self._secret(written, ("store",)) if written.startswith(("env:", "file:")) else written
        scheme, separator, rest = url.partition(":///")
        if scheme.startswith("sqlite") and separator and rest and not rest.startswith(("/", ":memory:")):
            return f"{scheme}:///{self.folder / rest}"
        return url

    def _exports(self, written: ExportersFile) -> Exports:
        target = None
        if written.otlp is not None:
            if not otlp_installed():
                hint = "install gapwatch with its extra `otel`"
                self._say(("exporters", "otlp"), "OpenTelemetry is not installed", hint)
            place: Path_ = ("exporters", "otlp", "headers")
            headers = {name: self._secret(each, (*place, name)) for name, each in written.otlp.headers.items()}
            target = OtlpTarget(written.otlp.endpoint, headers)
        return Exports(
            target,
            self.folder / written.textfile if written.textfile else None,
            self.folder / written.jsonlines if written.jsonlines else None,
        )

    def _jobs(
        self, portal: Portal, written: PortalFile, entries: list[Any], defaults: TimingFile, base: Path_
    ) -> Iterator[Job]:
        seen: dict[str, int | None] = {}
        promised: dict[str, Objectives] = {}
        for index, raw in enumerate(entries):
            place = (*base, "scenarios", index)
            entry = _readable(ScenarioFile, {"scenario": raw} if isinstance(raw, str) else raw)
            flow = self._flow(entry.scenario, place) if entry else None
            if entry is None or flow is None:
                continue
            self._check_flow(flow, portal, written, base, place)
            for timed in self._timed(portal, flow, entry, defaults, place):
                levels = (entry.slo, written.slo, self.promised)
                job = replace(timed, objectives=self._objectives(timed, levels, place))
                if promised.setdefault(job.scenario, job.objectives) != job.objectives:
                    self._say(place, f"two different objectives for the scenario {job.scenario!r}", "give it one `slo`")
                if job.id in seen:
                    hint = f"first in line {seen[job.id]}; another browser, device or network makes another"
                    self._say(
                        place, f"the scenario {job.scenario!r} stands twice for {job.browser} ({job.device})", hint
                    )
                seen.setdefault(job.id, self.document.line(place))
                yield job

    def _objectives(self, job: Job, levels: tuple[SloFile | None, ...], place: Path_) -> Objectives:
        objectives, trouble = resolve(levels, job.deadline_seconds)
        if trouble is not None:
            self._say(
                (*place, "slo", "latency", "under"),
                f"{job.scenario!r}: {trouble}",
                "give the scenario a shorter `slo.latency.under`",
            )
        return objectives

    def _flow(self, reference: str, place: Path_) -> Flow | None:
        """The flow that an entry names; its own mistakes are told with the flow file's lines."""
        where = (*place, "scenario") if (*place, "scenario") in self.document.lines else place
        try:
            path = find_flow(reference, self.path.parent)
        except InputError as error:
            for problem in error.problems:
                message = problem.message if problem.source == reference else f"{problem.message}: {problem.source}"
                self._say(where, message, problem.hint)
            return None
        try:
            flow = load_flow(path)
            return replace(flow, source=flow.source.resolve())
        except InputError as error:
            self.elsewhere.extend(error.problems)
            return None

    def _check_flow(self, flow: Flow, portal: Portal, written: PortalFile, base: Path_, place: Path_) -> None:
        scenario = flow.scenario
        if scenario.submits and written.allow_submit is None:
            self._say(
                place,
                f"the scenario {scenario.name!r} submits, and portal {portal.name!r} does not say whether it may",
                "`allow_submit: true` lets it submit, `allow_submit: false` runs it up to the submit",
            )
        has = {
            "settings": portal.settings,
            "secrets": portal.secrets,
            "needs": {**portal.settings, **portal.secrets, **({"gold_queries": ()} if portal.gold_queries else {})},
        }
        wanted = {
            "settings": required(scenario, "settings"),
            "secrets": required(scenario, "secrets"),
            "needs": set(scenario.needs),
        }
        if any(step.verb == "search" and step.argument.queries is None for step in _with_inner(scenario.steps)):
            wanted["needs"].add("gold_queries")
        for block, names in wanted.items():
            for name in sorted(names - set(has[block])):
                key = (
                    "gold_queries" if name == "gold_queries" else f"{'settings' if block == 'needs' else block}.{name}"
                )
                line = self.document.line(base)
                self._say(place, f"the scenario {scenario.name!r} needs {key}", f"give it to the portal in line {line}")

    def _timed(
        self, portal: Portal, flow: Flow, entry: ScenarioFile, defaults: TimingFile, place: Path_
    ) -> Iterator[Job]:
        own_schedule = entry.every is not None or entry.cron is not None
        source: TimingFile = entry if own_schedule else defaults
        every = source.every if source.every is not None or source.cron is not None else DEFAULT_EVERY
        jitter = _first(entry.jitter, defaults.jitter, 0.0)
        schedule = Schedule(every, source.cron, _first(entry.timezone, defaults.timezone, DEFAULT_ZONE), jitter)
        own = flow.scenario.deadline if "deadline" in flow.scenario.model_fields_set else None
        deadline = _first(entry.deadline, own, defaults.deadline, DEFAULT_DEADLINE)
        gap = schedule.smallest_gap
        if deadline > gap:
            self._say(
                (*place, "deadline"),
                f"the deadline of {flow.scenario.name!r} ({deadline:g} s) is longer than its interval ({gap:g} s)",
                "shorten `deadline` or run it less often",
            )
        if jitter > gap:
            self._say(
                (*place, "jitter"),
                f"the jitter of {flow.scenario.name!r} ({jitter:g} s) is longer than its interval ({gap:g} s)",
                "shorten `jitter` or run it less often",
            )
        for browser in _first(entry.browser, defaults.browser, ("chromium",)):
            device = _first(entry.device, defaults.device, "desktop")
            network = _first(entry.network, defaults.network, "native")
            retest = _first(entry.retest, defaults.retest, True)
            if network != "native" and browser != "chromium" and flow.scenario.kind != "http":
                self._say(place, f"{browser} cannot simulate the network {network!r}", "only chromium can")
            yield Job(portal, flow, browser, device, network, schedule, deadline, retest)


def _with_inner(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _with_inner(inner_steps(step))


def _first(*values: Any) -> Any:
    """The first that is given; what a scenario says goes before what its flow and the defaults say."""
    return next((value for value in values if value is not None), None)


def _get(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None


def _readable(model: type[Any], data: Any) -> Any:
    """`data` as `model` without the keys that are wrong (which the whole file's check has told); None if too little."""
    while True:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            fewer = _without(data, [detail["loc"] for detail in error.errors(include_url=False)])
            if fewer == data:
                return None
            data = fewer


def _without(data: Any, places: list[tuple[int | str, ...]]) -> Any:
    """`data` without what stands at `places` in its mappings, at most two levels deep."""
    if not isinstance(data, dict):
        return data
    kept = {}
    for key, value in data.items():
        inner = [place[1:] for place in places if place and place[0] == key]
        if isinstance(value, dict) and inner and all(inner):
            kept[key] = {name: each for name, each in value.items() if not any(place[0] == name for place in inner)}
        elif not inner:
            kept[key] = value
    return kept
