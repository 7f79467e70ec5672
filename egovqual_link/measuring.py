"""What every measure needs: the store in question, its settings, and a value that may be missing with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Connection

from egovqual_link import readings
from egovqual_link.instrument import Text
from egovqual_link.quantiles import (
    LEVEL,
    MIN_DAYS,
    RESAMPLES,
    SEED,
    Counted,
    Mix,
    Quantile,
    Seen,
    day_table,
)
from egovqual_link.readings import Tally
from egovqual_link.readings_pages import METRICS, Openings, openings, seen_by_day
from egovqual_link.store_scope import JUDGED, Scope


@dataclass(frozen=True, slots=True)
class Value:
    """A figure, or the reason why there is none; `at_least` marks a lower bound. Missing is None, never 0."""

    value: float | None = None
    at_least: bool = False
    low: float | None = None
    high: float | None = None
    high_at_least: bool = False
    n_runs: int = 0
    n: int = 0
    censored: int = 0
    method: str | None = None
    interval_method: str | None = None
    reason: str | None = None
    reason_text: Text | None = None
    interval_reason: Text | None = None
    note: Text | None = None


def absent(code: str, en: str, id_: str, *, n_runs: int = 0) -> Value:
    """No value, for the reason `code`, said in both languages."""
    return Value(n_runs=n_runs, reason=code, reason_text=Text(en=en, id=id_))


@dataclass(frozen=True, slots=True)
class Settings:
    """How intervals are made, and whether another quantile of the waits is asked than the indicator's own."""

    level: float = LEVEL
    min_days: int = MIN_DAYS
    resamples: int = RESAMPLES
    seed: int = SEED
    quantile: float | None = None


@dataclass(frozen=True)
class Bench:
    """One scope of the store being measured; queries that several indicators need are asked once."""

    connection: Connection
    scope: Scope
    settings: Settings = field(default_factory=Settings)
    #: Counts of waits by what was asked; benches of one scope may share it, whatever their settings.
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    def once(self, ask: Callable[..., list[Counted]], *about: Any, **more: Any) -> list[Counted]:
        """What `ask` finds in this scope, asked of the store once."""
        key = (ask, about, *sorted(more.items()))
        if key not in self.memo:
            self.memo[key] = ask(self.connection, self.scope, *about, **more)
        found: list[Counted] = self.memo[key]
        return found

    def openings(self, kinds: tuple[str, ...], by: Literal["day"] | None = None) -> Openings:
        """Openings of the pages of flows of `kinds`, all together or by day."""
        key = (openings, kinds, by)
        if key not in self.memo:
            self.memo[key] = openings(self.connection, self.scope, kinds=kinds, by=by)
        found: Openings = self.memo[key]
        return found

    def page_quantile(self, metric: str, q: float, kinds: tuple[str, ...]) -> Quantile | None:
        """A quantile of a page metric, every page weighing the same, with its interval over days; None without any."""
        mix = self._mixes(kinds).get(metric)
        if mix is None:
            return None
        seen, lost = self._seen_by_day(kinds, q)[metric], self.openings(kinds).censored(metric)
        return mix.with_days(
            q,
            *day_table(seen, lost, mix.strata),
            seed=self.settings.seed,
            resamples=self.settings.resamples,
            level=self.settings.level,
            min_days=self.settings.min_days,
        )

    def _mixes(self, kinds: tuple[str, ...]) -> Mapping[str, Mix]:
        """Openings of all days together, for every metric that has any."""
        if (Mix, kinds) not in self.memo:
            counts = {metric: self.openings(kinds).counts(metric) for metric in METRICS}
            self.memo[Mix, kinds] = {
                metric: Mix([each._replace(day=0) for each in found]) for metric, found in counts.items() if found
            }
        found: Mapping[str, Mix] = self.memo[Mix, kinds]
        return found

    def _seen_by_day(self, kinds: tuple[str, ...], q: float) -> Mapping[str, list[Seen]]:
        """Openings at or below the `q` quantile by day, for all metrics in one pass over the store."""
        key = (seen_by_day, kinds, q)
        if key not in self.memo:
            points = {metric: mix.point(q) for metric, mix in self._mixes(kinds).items()}
            limits = {metric: math.inf if beyond else value for metric, (value, beyond) in points.items()}
            self.memo[key] = seen_by_day(self.connection, self.scope, kinds, limits)
        found: Mapping[str, list[Seen]] = self.memo[key]
        return found

    @cached_property
    def tallies(self) -> list[Tally]:
        """All runs of the scope by scenario, outcome and validity."""
        if "tallies" not in self.memo:
            self.memo["tallies"] = readings.tallies(self.connection, self.scope)
        found: list[Tally] = self.memo["tallies"]
        return found

    @cached_property
    def reachability(self) -> tuple[readings.Tries | None, readings.Outages | None]:
        """Reachability checks as tries, and the outages among them."""
        return readings.reachability(self.connection, self.scope)

    @cached_property
    def field_shares(self) -> Mapping[str, Mapping[str, tuple[int, int, int]]]:
        """Form fields with a label or help, by scenario: see `readings.field_shares`."""
        return readings.field_shares(self.connection, self.scope)

    @cached_property
    def browsers(self) -> Mapping[tuple[str, str, str], tuple[int, int]]:
        """Runs by (browser, device, scenario)."""
        return readings.by_browser(self.connection, self.scope)

    def runs(self, *kinds: str, outcomes: tuple[str, ...] = JUDGED) -> int:
        """How many runs of `kinds` (or all) ended in one of `outcomes`."""
        return sum(each.runs for each in self.tallies if each.outcome in outcomes and (not kinds or each.kind in kinds))


def few_days(settings: Settings, days: int) -> Text:
    """Why an interval over days is missing."""
    need = settings.min_days
    return Text(
        en=f"no interval: {days} day(s) of data; at least {need} are needed to see how days differ",
        id=f"tanpa selang: data {days} hari; perlu sedikitnya {need} hari untuk melihat beda antarhari",
    )


NO_SPREAD = Text(
    en="no interval: every day gave the same figure, so the days show no spread",
    id="tanpa selang: setiap hari memberi angka yang sama, jadi sebaran tidak terlihat",
)
NO_RUNS = (
    "no_runs",
    "no run of this kind in the window",
    "tidak ada uji jenis ini dalam jendela waktu",
)
CONSTANT = Text(
    en="no interval: what a form asks is a property of the form, not a sample",
    id="tanpa selang: isi formulir adalah sifat formulir, bukan sampel",
)
