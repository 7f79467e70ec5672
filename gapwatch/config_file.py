"""The shape of config.yaml as a person writes it: strict models, nothing resolved yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gapwatch.timetable import check_cron, check_zone
from scenarios.model import Browser, GoldQuery, Many, Seconds, parse_duration
from scenarios.source import StrictModel

T = TypeVar("T")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _name(value: str) -> str:
    # Names become metric labels, file names and parts of addresses, so they stay plain and short.
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value[:60]!r} must be made of a-z, 0-9, - and _ only, and at most 63 long")
    return value


def _at_least_one(value: tuple[T, ...]) -> tuple[T, ...]:
    if not value:
        raise ValueError("is empty; give at least one")
    return value


Name = Annotated[str, AfterValidator(_name)]
Zone = Annotated[str, AfterValidator(check_zone)]
Cron = Annotated[str, AfterValidator(check_cron)]
Interval = Annotated[float, BeforeValidator(parse_duration), Field(ge=1)]
Network = Literal["native", "fast-4g", "slow-4g", "3g"]
Jitter = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]


def _portal_address(value: str) -> str:
    """A web address that a citizen could open; credentials, queries and fragments do not belong in it."""
    try:
        parts = urlsplit(value)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("is not a web address; write https://portal.example.go.id") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"must begin with https:// or http://, not {parts.scheme or value[:40]!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry a user name or password; give them under `secrets`")
    if not parts.hostname or not port_is_number or re.search(r"\s", value):
        raise ValueError("is not a web address; write https://portal.example.go.id")
    if parts.query or parts.fragment:
        raise ValueError("must end with the path: a query or fragment belongs in a flow's `open`")
    return value.rstrip("/")


def split_listen(value: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9464` or `[::1]:9464`; ValueError for anything else."""
    match = re.fullmatch(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>\d{1,5})", value)
    if match is None or int(match["port"]) > 65535:
        raise ValueError("must be host:port such as 127.0.0.1:9464 (IPv6 as [::1]:9464)")
    if match["six"]:
        ip_address(match["six"])
    return match["six"] or match["host"], int(match["port"])


def _listen(value: str) -> str:
    split_listen(value)
    return value


_REFERENCE = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+)", re.DOTALL)


def _local_time(value: object) -> object:
    """A local time as YAML reads it or as text; an offset is refused, for the zone stands beside it."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is no local time; write it as 2026-12-01 22:00") from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        raise ValueError("has an offset; write the local time and give `timezone`")
    return value


LocalTime = Annotated[datetime, BeforeValidator(_local_time)]


def _reference(value: str) -> str:
    # The value is never echoed: whoever wrote the secret itself here should not find it in a log as well.
    if not _REFERENCE.fullmatch(value):
        raise ValueError("must say where the secret is, as env:NAME or file:PATH; a secret never stands in the config")
    return value


def _store(value: str) -> str:
    if value.startswith(("env:", "file:")):
        return _reference(value)
    if not re.match(r"(?:sqlite|postgresql)(?:\+[a-z0-9]+)?://", value):
        raise ValueError("must be a database URL such as sqlite:///var/gapwatch.db, or env:NAME or file:PATH of one")
    return value


class BrowserFile(StrictModel):
    """How browsers are started."""

    headed: bool = False
    executables: Mapping[Browser, str] = Field(default_factory=dict)


def _share(value: object) -> object:
    """A share from 0 to 1 of a number or of text such as `99.5%`; anything else is left for pydantic."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?) ?%", value.strip())
        if match is None:
            raise ValueError(f"must be a share such as 99.5% or 0.995, not {value[:40]!r}")
        return round(float(match[1]) / 100, 9)
    return value


def _promise(value: float) -> float:
    if not 0.5 <= value < 1:
        raise ValueError("must be at least 50% and less than 100%: a promise of 100% leaves no error budget")
    return value


def _window(value: float) -> float:
    if not 86_400 <= value <= 90 * 86_400:
        raise ValueError("must be from 1d to 90d")
    return value


Share = Annotated[float, BeforeValidator(_share), AfterValidator(_promise)]
Window = Annotated[float, BeforeValidator(parse_duration), AfterValidator(_window)]


class LatencyFile(StrictModel):
    """How many runs shall be how quick."""

    share: Share | None = None
    under: Seconds | None = None


class SloFile(StrictModel):
    """What is promised of scenarios; what is not said here holds as the level above says."""

    availability: Share | None = None
    latency: LatencyFile | None = None
    window: Window | None = None


class OtlpFile(StrictModel):
    """An OpenTelemetry collector, by OTLP over HTTP."""

    endpoint: Annotated[str, AfterValidator(_portal_address)]
    headers: Mapping[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")], Annotated[str, AfterValidator(_reference)]
    ] = Field(default_factory=dict)


class ExportersFile(StrictModel):
    """Who else the daemon tells of each run."""

    otlp: OtlpFile | None = None
    textfile: str | None = Field(default=None, min_length=1)
    jsonlines: str | None = Field(default=None, min_length=1)


class TimingFile(StrictModel):
    """When and with what a scenario runs; each may be left to the defaults."""

    every: Interval | None = None
    cron: Cron | None = None
    timezone: Zone | None = None
    jitter: Jitter | None = None
    deadline: Seconds | None = None
    browser: Annotated[Many[Browser], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)] | None = None
    device: str | None = Field(default=None, min_length=1, max_length=64)
    network: Network | None = None
    retest: bool | None = None

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.every is not None and self.cron is not None:
            raise ValueError("give `every` or `cron`, not both")
        return self


class ScenarioFile(TimingFile):
    """One scenario of a portal: a shipped name or a flow file, and when it runs."""

    scenario: str = Field(min_length=1)
    slo: SloFile | None = None


def _as_scenario(value: object) -> object:
    return {"scenario": value} if isinstance(value, str) else value


class PortalFile(StrictModel):
    """A portal, what may be done there, what its flows need, and which scenarios run."""

    name: Name
    title: str | None = Field(default=None, max_length=120)
    base_url: Annotated[str, AfterValidator(_portal_address)]
    allow_submit: bool | None = None
    locale: str = Field(default="id-ID", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    timezone: Zone = "Asia/Jakarta"
    user_agent_suffix: str | None = Field(default=None, max_length=200, pattern=r"^[\x20-\x7e]*$")
    ignore_https_errors: bool = False
    settings: Mapping[str, str] = Field(default_factory=dict)
    secrets: Mapping[str, Annotated[str, AfterValidator(_reference)]] = Field(default_factory=dict)
    gold_queries: Many[GoldQuery] = ()
    slo: SloFile | None = None
    scenarios: Annotated[Many[Annotated[ScenarioFile, BeforeValidator(_as_scenario)]], AfterValidator(_at_least_one)]


class MaintenanceFile(StrictModel):
    """An announced maintenance: once from `start` to `end`, or at every `cron` for a `duration`."""

    portals: Many[Name] = ()
    start: LocalTime | None = None
    end: LocalTime | None = None
    cron: Cron | None = None
    duration: Seconds | None = None
    timezone: Zone = "Asia/Jakarta"
    note: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _once_or_again(self) -> Self:
        once = self.start is not None and self.end is not None and self.cron is None and self.duration is None
        again = self.cron is not None and self.duration is not None and self.start is None and self.end is None
        if not once and not again:
            raise ValueError("give `start` and `end`, or `cron` and `duration`")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("the end does not come after the start")
        return self


class SurveyFile(StrictModel):
    """The survey whose scores the daemon serves beside the measurements."""

    file: str = Field(min_length=1)
    scale: str | None = None
    mapping: str | None = None
    portal: Name
    wave: str = Field(default="1", min_length=1, max_length=40)
    every: Annotated[float, BeforeValidator(parse_duration), Field(ge=60)] = 3600.0
    days: int = Field(default=28, ge=1, le=730)


class RetentionFile(StrictModel):
    """How long evidence stays."""

    days: float = Field(default=30, gt=0, le=3650)
    megabytes: float = Field(default=1000, gt=0)


class ConfigFile(StrictModel):
    """The whole file."""

    version: Literal[1]
    location: Name = "local"
    store: Annotated[str, AfterValidator(_store)] = "sqlite:///var/gapwatch.db"
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9464"
    evidence: str = Field(default="var/evidence", min_length=1)
    evidence_keep: RetentionFile = Field(default_factory=RetentionFile)
    concurrency: int = Field(default=2, ge=1, le=64)
    grace: Seconds = 20.0
    browser: BrowserFile = Field(default_factory=BrowserFile)
    defaults: TimingFile = Field(default_factory=TimingFile)
    maintenance: Many[MaintenanceFile] = ()
    slo: SloFile | None = None
    exporters: ExportersFile = Field(default_factory=ExportersFile)
    survey: SurveyFile | None = None
    portals: Annotated[Many[PortalFile], AfterValidator(_at_least_one)]
