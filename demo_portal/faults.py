"""Faults: what can go wrong, where, how often, and the reproducible decision whether it goes wrong now."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_COUNTERS = 20_000
"""Request counters kept; the least recently used go first, so that a crawler cannot fill the memory."""

UNTOUCHED_PREFIXES = ("/aset/", "/favicon.ico", "/robots.txt", "/sitemap.xml", "/__faults__")
"""Paths a pattern must name itself: ``/*`` means every page, not every stylesheet."""


class FaultKind(StrEnum):
    """Every way in which the portal can fail a citizen."""

    DELAY = "delay"
    HTTP_STATUS = "http_status"
    SOFT_ERROR = "soft_error"
    JS_EXCEPTION = "js_exception"
    CONSOLE_ERROR = "console_error"
    FAILING_ASSET = "failing_asset"
    FORM_ERROR = "form_error"
    FORM_INPUT_LOST = "form_input_lost"
    STUCK_SUBMIT = "stuck_submit"
    EMPTY_SEARCH = "empty_search"
    IRRELEVANT_SEARCH = "irrelevant_search"
    BLANK_PAGE = "blank_page"
    STALLED_BODY = "stalled_body"
    SLOW_BODY = "slow_body"
    RESET = "reset"
    SESSION_LOSS = "session_loss"
    REDIRECT_LOOP = "redirect_loop"
    WAF = "waf"
    CAPTCHA = "captcha"
    RATE_LIMIT = "rate_limit"
    MAINTENANCE = "maintenance"
    MIXED_CONTENT = "mixed_content"
    DOWNLOAD = "download"
    DIALOG = "dialog"
    POPUP = "popup"


PAGE_KINDS = frozenset(
    {
        FaultKind.SOFT_ERROR,
        FaultKind.JS_EXCEPTION,
        FaultKind.CONSOLE_ERROR,
        FaultKind.FAILING_ASSET,
        FaultKind.STUCK_SUBMIT,
        FaultKind.EMPTY_SEARCH,
        FaultKind.IRRELEVANT_SEARCH,
        FaultKind.MIXED_CONTENT,
        FaultKind.DIALOG,
        FaultKind.POPUP,
        FaultKind.BLANK_PAGE,
        FaultKind.DOWNLOAD,
    }
)
"""Kinds that change a page that is read; they count GET requests unless ``methods`` says otherwise."""

FORM_KINDS = frozenset({FaultKind.FORM_ERROR, FaultKind.FORM_INPUT_LOST})
"""Kinds that change how a form is answered; they count POST requests unless ``methods`` says otherwise."""

Method = Literal["GET", "HEAD", "POST"]
Variant = Literal["", "alert", "page", "toast", "empty", "shell", "silent", "spinner", "invalid", "script", "image"]

VARIANTS: dict[FaultKind, tuple[str, ...]] = {
    FaultKind.SOFT_ERROR: ("alert", "page", "toast"),
    FaultKind.BLANK_PAGE: ("empty", "shell"),
    FaultKind.STUCK_SUBMIT: ("spinner", "silent"),
    FaultKind.FORM_INPUT_LOST: ("", "invalid"),
    FaultKind.FAILING_ASSET: ("image", "script"),
}
"""Variants of a kind, the first is the default."""

_DEFAULT_STATUS: dict[FaultKind, int] = {
    FaultKind.HTTP_STATUS: 500,
    FaultKind.FAILING_ASSET: 404,
    FaultKind.FORM_ERROR: 200,
    FaultKind.FORM_INPUT_LOST: 200,
    FaultKind.WAF: 403,
    FaultKind.CAPTCHA: 403,
    FaultKind.RATE_LIMIT: 429,
    FaultKind.MAINTENANCE: 503,
}


class Fault(BaseModel):
    """One fault: a kind, the pages it befalls and how often.

    ``path`` is a shell glob over the request path (``/berita*``). ``rate`` is the share of matching
    requests that are hit, in [0, 1]. ``skip`` leaves the first requests alone and ``limit`` ends the fault
    after so many (both counted per method and path). ``seconds`` and ``jitter_seconds`` are the delay and
    the width of its uniform jitter; for ``slow_body`` and ``stalled_body`` ``seconds`` is how long the
    body takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    path: str = "/*"
    rate: float = Field(default=1.0, ge=0.0, le=1.0)
    id: str = Field(default="", max_length=80)
    methods: tuple[Method, ...] = ()
    seconds: float = Field(default=0.0, ge=0.0, le=3600.0)
    jitter_seconds: float = Field(default=0.0, ge=0.0, le=3600.0)
    status: int = Field(default=0, ge=0, le=599)
    variant: Variant = ""
    message: str = Field(default="", max_length=500)
    retry_after_seconds: int = Field(default=120, ge=0, le=86_400)
    skip: int = Field(default=0, ge=0)
    limit: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        filled = dict(data)
        try:
            kind = FaultKind(filled.get("kind", ""))
        except ValueError:
            return filled  # the field's own validation names the kinds that exist
        filled.setdefault("id", f"{kind}:{filled.get('path', '/*')}")
        filled.setdefault("status", _DEFAULT_STATUS.get(kind, 0))
        filled.setdefault("variant", VARIANTS.get(kind, ("",))[0])
        if kind in FORM_KINDS:
            filled.setdefault("methods", ("POST",))
        elif kind in PAGE_KINDS:
            filled.setdefault("methods", ("GET",))
        if kind in (FaultKind.STALLED_BODY, FaultKind.SLOW_BODY):
            filled.setdefault("seconds", 3600.0 if kind is FaultKind.STALLED_BODY else 5.0)
        return filled

    @model_validator(mode="after")
    def _check(self) -> Fault:
        allowed = VARIANTS.get(self.kind, ("",))
        if self.variant not in allowed:
            raise ValueError(f"variant {self.variant!r} does not exist for {self.kind}; use one of {allowed}")
        if not self.path.startswith("/"):
            raise ValueError(f"path {self.path!r} must start with '/', for example '/berita*'")
        if self.kind is FaultKind.HTTP_STATUS and not 400 <= self.status <= 599:
            raise ValueError(f"status {self.status} is no error status; use 400 to 599")
        if self.kind is FaultKind.DELAY and self.seconds + self.jitter_seconds <= 0:
            raise ValueError("a delay needs seconds or jitter_seconds above 0")
        return self

    def matches(self, method: str, path: str) -> bool:
        """Whether a request of this method and path is one the fault may befall."""
        if self.methods and method not in self.methods:
            return False
        for prefix in UNTOUCHED_PREFIXES:
            if path.startswith(prefix) and not self.path.startswith(prefix):
                return False
        return fnmatchcase(path, self.path)

    def draw(self, seed: int, method: str, path: str, count: int) -> float:
        """A uniform number in [0, 1) that depends on nothing but its arguments and the fault's id."""
        text = f"{seed}\x1f{self.id}\x1f{method}\x1f{path}\x1f{count}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64

    def fires(self, seed: int, method: str, path: str, count: int) -> bool:
        """Whether the ``count``-th request (from 0) of this method and path is hit."""
        if count < self.skip or (self.limit is not None and count >= self.skip + self.limit):
            return False
        return self.draw(seed, method, path, count) < self.rate

    def delay_seconds(self, seed: int, method: str, path: str, count: int) -> float:
        """``seconds`` plus this request's share of the jitter."""
        share = self.draw(seed, method, f"{path}\x1fjitter", count)
        return self.seconds + self.jitter_seconds * share


class Struck(BaseModel):
    """A fault that hit one request, with the delay drawn for it in seconds."""

    model_config = ConfigDict(frozen=True)

    fault: Fault
    delay_seconds: float
    count: int


class FaultSet:
    """The faults of one running portal; may be changed while it serves.

    Decisions are drawn from (seed, fault id, method, path, count of requests of that method and path), so
    requests to other paths, however concurrent, never change them.
    """

    def __init__(self, seed: int, faults: Iterable[Fault] = ()) -> None:
        self.seed = seed
        self._faults: tuple[Fault, ...] = ()
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()
        for fault in faults:
            self.add(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, fault: Fault) -> Fault:
        """Add a fault; one with a known id gets a numbered id. Gives the fault as it was added."""
        known = {item.id for item in self._faults}
        added, number = fault, 2
        while added.id in known:
            added = fault.model_copy(update={"id": f"{fault.id}#{number}"})
            number += 1
        # A new tuple rather than an append: a request in another thread may be walking the old one.
        self._faults = (*self._faults, added)
        return added

    def remove(self, fault_id: str) -> None:
        """Take a fault away; KeyError names the ids there are."""
        kept = tuple(fault for fault in self._faults if fault.id != fault_id)
        if len(kept) == len(self._faults):
            raise KeyError(f"no fault {fault_id!r}; there are {[fault.id for fault in self._faults]}")
        self._faults = kept

    def clear(self) -> None:
        """Take all faults away and start the request counters again."""
        self._faults = ()
        self._counts.clear()

    def reset_counts(self) -> None:
        """Start the request counters again, so that the same sequence of faults comes once more."""
        self._counts.clear()

    def strike(self, method: str, path: str) -> list[Struck]:
        """Count this request and give the faults that hit it, in the order in which they were added."""
        key = (method, path)
        count = self._counts.pop(key, 0)
        self._counts[key] = count + 1
        while len(self._counts) > MAX_COUNTERS:
            self._counts.popitem(last=False)
        return [
            Struck(fault=fault, count=count, delay_seconds=fault.delay_seconds(self.seed, method, path, count))
            for fault in self._faults
            if fault.matches(method, path) and fault.fires(self.seed, method, path, count)
        ]
