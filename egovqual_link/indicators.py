"""What the probes measured, as one row an indicator: value, interval, exposure, what was left out, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection

from egovqual_link.instrument import Fit, Indicator, Instrument, Item, Text, load_instrument
from egovqual_link.measures import MEASURES, Bench, Settings, Value, absent
from egovqual_link.readings import Tally
from egovqual_link.store_open import open_store
from egovqual_link.store_scope import JUDGED, Scope
from egovqual_link.windows import Window

#: Ratings are published for the p75 over the visits of real users.
RATING_CAVEAT: Final = Text(
    en="rated on a scale made for the p75 over visits of real users; this is a p75 over probe runs",
    id="dinilai dengan skala untuk p75 kunjungan pengguna nyata; angka ini p75 dari uji",
)
NOT_PROBED: Final = absent("not_probed", "no probe of this version measures it", "belum diukur oleh versi ini")
EXTERNAL: Final = absent(
    "operator_data",
    "only the operator's own records can tell; none were imported",
    "hanya catatan operator yang dapat menjawab; belum ada yang diimpor",
)

#: Columns of `indicators()`. `origin`: measured by probes, or from the operator's own records. `value`, `low`, `high`
#: are in `unit`; `bound` is ">=" where the value is a lower bound. Excluded runs are counted by reason: the probe's own
#: trouble, a firewall, maintenance, a contended host (left out of timings only).
INDICATOR_COLUMNS: Final = (
    "portal", "item", "indicator", "fit", "unit", "better", "origin", "value", "bound", "low", "high", "high_bound",
    "level", "method", "interval_method", "n", "n_runs", "n_censored", "first_run", "last_run", "days", "window_days",
    "excluded_error", "excluded_blocked", "excluded_maintenance", "excluded_timing", "rating", "rating_source",
    "reason", "reason_en", "reason_id", "note_en", "note_id", "interval_reason_en", "interval_reason_id",
)  # fmt: skip


#: What was asked of the store, by scope: see `Bench.memo`.
Memo = dict[Scope, dict[Any, Any]]


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the runs of a portal cover, and which were left out of the figures and why (counts of runs)."""

    runs: int
    first: datetime | None
    last: datetime | None
    days: int
    window_days: int
    excluded_error: int
    excluded_blocked: int
    excluded_maintenance: int
    excluded_timing: int

    @property
    def coverage(self) -> float:
        """Share of the window's days with at least one judged run."""
        return self.days / self.window_days


@dataclass(frozen=True, slots=True)
class Measured:
    """One indicator of one portal: what it is, and what was found."""

    portal: str
    indicator: Indicator
    item: str | None
    fit: Fit | None
    value: Value
    exposure: Exposure

    @property
    def rating(self) -> str | None:
        """The published rating (good, fair, poor); a lower bound is rated only where it is already poor."""
        rated = self.indicator.rate(self.value.value)
        return None if self.value.at_least and rated != "poor" else rated


def exposure_of(scope: Scope, tallies: list[Tally]) -> Exposure:
    """Cover of the runs in `tallies`, which are those of `scope`."""

    def outcome(name: str) -> int:
        return sum(each.runs for each in tallies if each.outcome == name)

    return Exposure(
        runs=sum(each.runs for each in tallies),
        first=min((each.first for each in tallies), default=None),
        last=max((each.last for each in tallies), default=None),
        days=len(frozenset().union(*(each.days for each in tallies if each.outcome in JUDGED))),
        window_days=scope.window.days,
        excluded_error=outcome("error"),
        excluded_blocked=outcome("blocked"),
        excluded_maintenance=outcome("maintenance"),
        excluded_timing=sum(each.runs for each in tallies if each.outcome in JUDGED and not each.timing_valid),
    )


def measure(
    connection: Connection, scope: Scope, instrument: Instrument, settings: Settings, memo: Memo | None = None
) -> tuple[Measured, ...]:
    """Every indicator of the instrument for one scope of an open store; `memo` keeps what was asked, by scope."""
    bench = Bench(connection, scope, settings, {} if memo is None else memo.setdefault(scope, {}))
    exposure = exposure_of(scope, bench.tallies)
    return tuple(
        Measured(
            portal=scope.portal,
            indicator=indicator,
            item=item.key if isinstance(item, Item) else getattr(indicator, "near", None),
            fit=item.fit if isinstance(item, Item) else None,
            value=_value(bench, indicator),
            exposure=exposure,
        )
        for item, indicator in instrument.indicators()
    )


def _value(bench: Bench, indicator: Indicator) -> Value:
    if indicator.origin == "external":
        return EXTERNAL
    work = MEASURES.get(indicator.key)
    return NOT_PROBED if work is None else work(bench)


def indicators(
    store_url: str,
    *,
    portal: str,
    window: Window,
    instrument: Instrument | None = None,
    location: str | None = None,
    browser: str | None = None,
    device: str | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """One row an indicator of the instrument, INDICATOR_COLUMNS, from the runs of `portal` in `window`.

    An indicator without data has a null value and says why. Formulas and choices: docs/linking.md.

    Raises:
        InputError: the store cannot be read.
    """
    scope = Scope(portal, window, location, browser, device)
    settings = settings or Settings()
    with open_store(store_url) as connection:
        found = measure(connection, scope, instrument or load_instrument(), settings)
    return frame(found, settings.level)


def frame(found: tuple[Measured, ...], level: float) -> pd.DataFrame:
    """The measured indicators as a tidy table."""
    table = pd.DataFrame([_row(each, level) for each in found], columns=list(INDICATOR_COLUMNS))
    for name in ("value", "low", "high"):
        table[name] = table[name].astype("float64")
    return table


def _row(each: Measured, level: float) -> dict[str, Any]:
    value, indicator, exposure = each.value, each.indicator, each.exposure
    note = _notes(each)
    return {
        "portal": each.portal,
        "item": each.item,
        "indicator": indicator.key,
        "fit": each.fit or "context",
        "unit": indicator.unit,
        "better": indicator.better,
        "origin": "operator" if indicator.origin == "external" else "probe",
        "value": value.value,
        "bound": ">=" if value.at_least else None,
        "low": value.low,
        "high": value.high,
        "high_bound": ">=" if value.high_at_least else None,
        "level": level if value.low is not None else None,
        "method": value.method,
        "interval_method": value.interval_method,
        "n": value.n,
        "n_runs": value.n_runs,
        "n_censored": value.censored,
        "first_run": exposure.first,
        "last_run": exposure.last,
        "days": exposure.days,
        "window_days": exposure.window_days,
        "excluded_error": exposure.excluded_error,
        "excluded_blocked": exposure.excluded_blocked,
        "excluded_maintenance": exposure.excluded_maintenance,
        "excluded_timing": exposure.excluded_timing,
        "rating": each.rating,
        "rating_source": indicator.rating.source if indicator.rating and each.rating else None,
        "reason": value.reason,
        "reason_en": value.reason_text.en if value.reason_text else None,
        "reason_id": value.reason_text.id if value.reason_text else None,
        "note_en": "; ".join(text.en for text in note) or None,
        "note_id": "; ".join(text.id for text in note) or None,
        "interval_reason_en": value.interval_reason.en if value.interval_reason else None,
        "interval_reason_id": value.interval_reason.id if value.interval_reason else None,
    }


def _notes(each: Measured) -> list[Text]:
    notes = [each.value.note] if each.value.note else []
    return [*notes, RATING_CAVEAT] if each.rating else notes
