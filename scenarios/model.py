"""The model of what is exercised: a Portal, a Scenario and its Steps; all frozen, all plain arguments to a probe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, Strict, model_validator

from scenarios.source import StrictModel

T = TypeVar("T")
#: A YAML list; strict mode would otherwise refuse a list where a tuple is meant.
Many = Annotated[tuple[T, ...], Strict(strict=False)]

Kind = Literal["page_load", "search", "form_submission", "error_detection", "download", "tracking", "http"]
KINDS: tuple[str, ...] = Kind.__args__  # type: ignore[attr-defined]  # typing gives Literal no public member list
Browser = Literal["chromium", "firefox", "webkit"]

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d)?")
_UNIT = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: object) -> object:
    """Seconds from a number or from text such as `250ms`, `30s`, `5m`, `1h`; anything else is left for pydantic."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"must be a duration such as 250ms, 30s, 5m or 1h, not {value[:40]!r}")
        return float(match["number"]) * _UNIT[match["unit"]]
    return value


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], Strict(strict=False), BeforeValidator(_one_or_many), Field(min_length=1)]


class Target(StrictModel):
    """Something on the page, named by what a person sees; several spellings (languages) may be given as a list.

    Exactly one of role, label, text, placeholder, title, alt, test_id or css says what it is; `name` goes with
    `role`; `exact`, `nth` (from 1) and `within` narrow it. CSS is the last resort.
    """

    role: str | None = None
    name: Texts | None = None
    label: Texts | None = None
    text: Texts | None = None
    placeholder: Texts | None = None
    title: Texts | None = None
    alt: Texts | None = None
    test_id: str | None = None
    css: str | None = None
    exact: bool = False
    nth: int | None = Field(default=None, ge=1)
    within: Target | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [way for way in WAYS if getattr(self, way) is not None]
        if len(ways) != 1:
            said = "none of them" if not ways else " and ".join(ways)
            raise ValueError(f"name the element by exactly one of {', '.join(WAYS)}; here stands {said}")
        if self.name is not None and self.role is None:
            raise ValueError("`name` goes with `role` (for a form field write `label`)")
        return self

    def __str__(self) -> str:
        """How a person would say it: `button "Cari"`."""
        way = next(way for way in WAYS if getattr(self, way) is not None)
        value = getattr(self, way)
        shown = " / ".join(f'"{each}"' for each in value) if isinstance(value, tuple) else f'"{value}"'
        if way == "role":
            names = " / ".join(f'"{each}"' for each in self.name) if self.name else ""
            return f"{self.role} {names}".strip()
        return f"{way} {shown}"


WAYS = ("role", "label", "text", "placeholder", "title", "alt", "test_id", "css")


def _as_path(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


def _as_text_target(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


AnyTarget = Annotated[Target, BeforeValidator(_as_text_target)]


class Open(StrictModel):
    """Go to a path of the portal (or a full URL on it) and wait until the page has loaded."""

    path: str


class Fill(Target):
    """Type `value` into a field, as a person would."""

    value: str


class Select(Target):
    """Choose the option that reads `option` from a list."""

    option: str


class Check(Target):
    """Tick (or, with `checked: false`, clear) a box or choose a radio button."""

    checked: bool = True


class Upload(Target):
    """Give a file to a file field; `file` is looked for beside the flow."""

    file: str


class Press(StrictModel):
    """Press a key such as Enter or Control+A, on the page or on `target`."""

    key: str
    target: AnyTarget | None = None


def _as_key(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


class GoldQuery(StrictModel):
    """A query whose good answers are known: some title or category that must stand among the first `k` hits."""

    query: str = Field(min_length=1, max_length=200)
    titles: Texts | None = None
    categories: Texts | None = None
    k: int = Field(default=5, ge=1, le=100)

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if self.titles is None and self.categories is None:
            raise ValueError(f"the query {self.query!r} expects nothing: give titles, categories or both")
        return self


class Search(StrictModel):
    """Ask each gold query through the portal's own search box and judge the hits.

    `box` is the field, `go` the button (Enter when left out), `result` one hit, `title` the part of a hit that names
    it, `category` the part (or its group's heading) that classes it. Queries are the portal's unless given here.
    """

    box: AnyTarget
    result: AnyTarget
    go: AnyTarget | None = None
    title: AnyTarget | None = None
    group: AnyTarget | None = None
    category: AnyTarget | None = None
    queries: Many[GoldQuery] | None = None


class Download(Target):
    """Click something that gives a file and judge what comes."""

    content: Literal["pdf", "zip", "xlsx", "docx", "any"] = "any"
    min_bytes: int = Field(default=1, ge=1)


class Expect(StrictModel):
    """What the citizen must see now; where it does not come in time, the portal has failed.

    All that is given must hold: `visible`, `hidden` (targets or texts), `url` and `title` (regular expressions),
    `status` (of the last page), `count` (how many of `visible`, at least).
    """

    visible: AnyTarget | None = None
    hidden: AnyTarget | None = None
    url: str | None = None
    title: str | None = None
    status: int | None = Field(default=None, ge=100, le=599)
    count: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if all(getattr(self, each) is None for each in ("visible", "hidden", "url", "title", "status")):
            raise ValueError("expects nothing: give visible, hidden, url, title or status")
        if self.count is not None and self.visible is None:
            raise ValueError("`count` goes with `visible`")
        for each in ("url", "title"):
            _compiles(each, getattr(self, each))
        return self


def _compiles(name: str, pattern: str | None) -> None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(f"`{name}` is not a regular expression: {error}") from None


def _as_visible(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, dict) and set(value) & set(WAYS) and "visible" not in value):
        return {"visible": value}
    return value


class Remember(Target):
    """Keep a text of the page (or the part of it that `pattern` captures) as a variable for later steps."""

    as_: str = Field(alias="as", pattern=r"^[a-z][a-z0-9_]*$")
    pattern: str | None = None

    @model_validator(mode="after")
    def _pattern_compiles(self) -> Self:
        _compiles("pattern", self.pattern)
        return self


class Repeat(StrictModel):
    """Do `steps` several times: `times`, or once for each of `over`, or for each link found in `links`.

    The element of the round is the variable `as` (a link's address). `limit` bounds the rounds, `same_site` keeps
    links on the portal.
    """

    steps: Annotated[tuple[Step, ...], Strict(strict=False), Field(min_length=1)]
    times: int | None = Field(default=None, ge=1, le=1000)
    over: Texts | None = None
    links: AnyTarget | None = None
    as_: str = Field(default="item", alias="as", pattern=r"^[a-z][a-z0-9_]*$")
    limit: int = Field(default=20, ge=1, le=1000)
    same_site: bool = True

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(each is not None for each in (self.times, self.over, self.links)) != 1:
            raise ValueError("give exactly one of times, over or links")
        return self


class Script(StrictModel):
    """Run a Python coroutine `function(page, variables)` from a file beside the flow."""

    file: str
    function: str = "run"


class Step(StrictModel):
    """One thing the citizen does, by exactly one verb.

    A failing step ends the flow and those after it are skipped; a `soft` one fails alone. An `optional` one is
    skipped where its element is not on the page now. `refused: true` says that what was filled in is wrong on purpose:
    the portal must refuse it. `timeout` bounds the wait; a wait above `slow` is a finding.
    """

    name: str | None = Field(default=None, min_length=1, max_length=80)
    soft: bool = False
    optional: bool = False
    refused: bool = False
    timeout: Seconds | None = None
    slow: Seconds | None = None

    open: Annotated[Open, BeforeValidator(_as_path)] | None = None
    click: AnyTarget | None = None
    fill: Fill | None = None
    select: Select | None = None
    check: Check | None = None
    upload: Upload | None = None
    press: Annotated[Press, BeforeValidator(_as_key)] | None = None
    search: Search | None = None
    submit: AnyTarget | None = None
    download: Download | None = None
    expect: Annotated[Expect, BeforeValidator(_as_visible)] | None = None
    wait_for: Annotated[Expect, BeforeValidator(_as_visible)] | None = None
    remember: Remember | None = None
    repeat: Repeat | None = None
    script: Script | None = None

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        verbs = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(verbs) != 1:
            said = "none" if not verbs else " and ".join(verbs)
            raise ValueError(f"a step has exactly one verb of {', '.join(VERBS)}; here: {said}")
        if self.optional and not isinstance(self.argument, Target):
            raise ValueError(f"`optional` goes with steps that act on an element, not with `{self.verb}`")
        if self.repeat is not None and (self.soft or self.timeout is not None or self.slow is not None):
            raise ValueError("`soft`, `timeout` and `slow` go with the steps inside a `repeat`, not with the `repeat`")
        empty = [verb for verb in VERBS if verb in self.model_fields_set and getattr(self, verb) is None]
        if empty:
            raise ValueError(f"`{empty[0]}` says nothing; give it an argument or leave it out")
        if self.refused and self.verb not in ("click", "submit"):
            raise ValueError("`refused` goes with the `click` or `submit` that sends the form")
        return self

    @property
    def verb(self) -> str:
        """The step's verb, such as `click`."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)

    @property
    def argument(self) -> Any:
        """What the verb acts on; its type is the verb's model."""
        return getattr(self, self.verb)

    @property
    def title(self) -> str:
        """The given name, or one made of the verb and what it acts on."""
        if self.name is not None:
            return self.name
        argument = self.argument
        what = argument.path if isinstance(argument, Open) else argument if isinstance(argument, Target) else ""
        return f"{self.verb} {what}".strip()[:80]


VERBS = (
    "open", "click", "fill", "select", "check", "upload", "press", "search", "submit", "download", "expect",
    "wait_for", "remember", "repeat", "script",
)  # fmt: skip
Repeat.model_rebuild()


class HttpRequest(StrictModel):
    """An HTTP check: one request, no browser, and what its answer must be."""

    path: str = "/"
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    headers: Mapping[str, str] = Field(default_factory=dict)
    status: Many[int] = (200,)
    body_contains: Texts | None = None
    body_lacks: Texts | None = None
    max_redirects: int = Field(default=5, ge=0, le=20)


class Scenario(StrictModel):
    """What a citizen wants from a portal, as steps (or as one HTTP request), with its own deadline.

    `submits` says that the flow sends something that stays on the portal; such a flow stops before its first `submit`
    step unless the portal's `allow_submit` is true. `slow` is the whole-page wait above which a step is a finding.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    kind: Kind
    title: Mapping[str, str] | str | None = None
    description: Mapping[str, str] | str | None = None
    submits: bool = False
    needs: Many[str] = ()
    deadline: Seconds = 60.0
    step_timeout: Seconds = 15.0
    slow: Seconds | None = None
    steps: Many[Step] = ()
    request: HttpRequest | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "http") != (self.request is not None):
            raise ValueError("`request` goes with `kind: http`, and only with it")
        if (self.kind == "http") == bool(self.steps):
            raise ValueError("`steps` are what every kind but http is made of; at least one is needed")
        if self.steps and self.step_timeout > self.deadline:
            raise ValueError(f"step_timeout ({self.step_timeout:g} s) is longer than deadline ({self.deadline:g} s)")
        return self


@dataclass(frozen=True, slots=True)
class Portal:
    """A public-service website: where it is, what may be done there, and what a flow needs to know of it.

    `secrets` never leave the process: probes redact their values from all that they produce.
    """

    name: str
    base_url: str
    title: str | None = None
    allow_submit: bool = False
    locale: str = "id-ID"
    timezone: str = "Asia/Jakarta"
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    gold_queries: tuple[GoldQuery, ...] = ()
    user_agent_suffix: str | None = None
    ignore_https_errors: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """A scenario together with the file it was read from, beside which its scripts and uploads lie."""

    scenario: Scenario
    source: Path
