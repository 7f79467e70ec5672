"""Two portals, windows, places or browsers, indicator by indicator: what differs, and what cannot be told."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from egovqual_link.beside import plain
from egovqual_link.compare_pages import PAGE_COLUMNS, page_rows
from egovqual_link.compare_read import MADE_OF, PAGE_METRICS, Reader, kinds_of
from egovqual_link.compare_values import Found, difference
from egovqual_link.compare_words import judge, limits, name_sides, sentence
from egovqual_link.indicators import Exposure, exposure_of
from egovqual_link.instrument import Instrument, Item, Text, load_instrument
from egovqual_link.like_for_like import TWO_DESIGNS, Flow, flow_changes, flows, remarks, told
from egovqual_link.measuring import Bench, Settings
from egovqual_link.sides import Side, resolve
from egovqual_link.store_open import open_store
from egovqual_link.store_scope import JOURNEYS, Scope

#: `difference` is right minus left in `unit` (`difference_bound` says which way a figure at the deadline leaves it
#: open), `low`..`high` its interval (null: open or none), `delta` Cliff's delta (above 0: the right side waits longer).
#: `verdict`: better, worse, unclear (the interval spans no difference), seen (no interval), same, missing.
#: `reason` says why a side has no value.
#: `like_for_like` is false where other pages or flows are compared, null where nothing tells.
COLUMNS: Final = (
    "item", "indicator", "indicator_en", "indicator_id", "unit", "better", "left", "left_bound", "left_n", "right",
    "right_bound", "right_n", "difference", "difference_bound", "low", "high", "level", "method", "interval_method",
    "interval_reason_en", "interval_reason_id", "paired", "days_left", "days_right", "delta", "delta_low",
    "delta_high", "rank_p", "rank_n_left", "rank_n_right", "rank_note_en", "rank_note_id", "like_for_like", "verdict",
    "text_en", "text_id", "note_en", "note_id", "reason", "reason_en", "reason_id",
)  # fmt: skip
#: Counts are of runs; `from` and `to` in UTC.
SIDE_COLUMNS: Final = (
    "side", "name_en", "name_id", "portal", "from", "to", "location", "browser", "device", "runs", "first_run",
    "last_run", "days", "window_days", "excluded_error", "excluded_blocked", "excluded_maintenance",
    "excluded_timing",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Tables with COLUMNS, PAGE_COLUMNS and SIDE_COLUMNS; `remarks`: what else differed; `limits`: what is not said."""

    left: Scope
    right: Scope
    names: tuple[Text, Text]
    settings: Settings
    indicators: pd.DataFrame
    pages: pd.DataFrame
    sides: pd.DataFrame
    flow_changes: dict[str, Text]
    remarks: tuple[Text, ...]
    limits: tuple[Text, ...]

    @property
    def seen(self) -> pd.DataFrame:
        """Rows of the indicators that at least one side has a value for."""
        return self.indicators[self.indicators["left"].notna() | self.indicators["right"].notna()]

    @property
    def two_designs(self) -> pd.DataFrame:
        """Pages that both sides have and that are not the same page."""
        return self.pages[(self.pages["sides"] == "both") & (self.pages["like_for_like"] == False)]  # noqa: E712 - null is neither

    def as_dict(self) -> dict[str, Any]:
        """Plain values, null where something is missing."""

        def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
            return [{str(key): plain(value) for key, value in row.items()} for row in table.to_dict("records")]

        def both(text: Text) -> dict[str, str]:
            return {"en": text.en, "id": text.id}

        return {
            "sides": rows(self.sides),
            "level": self.settings.level,
            "resamples": self.settings.resamples,
            "seed": self.settings.seed,
            "indicators": rows(self.indicators),
            "pages": rows(self.pages),
            "flow_changes": {name: both(text) for name, text in self.flow_changes.items()},
            "remarks": [both(text) for text in self.remarks],
            "limits": [both(text) for text in self.limits],
        }

    def to_json(self) -> str:
        """The comparison as JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2, allow_nan=False)


def compare(
    store_url: str,
    left: Side,
    right: Side,
    *,
    time_zone: str = "Asia/Jakarta",
    instrument: Instrument | None = None,
    settings: Settings | None = None,
) -> Comparison:
    """Compare two sides of the store, indicator by indicator: right minus left. Formulas: docs/compare.md.

    Raises:
        InputError: the store cannot be read, or a side is not there (see `sides.resolve`).
    """
    settings = settings or Settings()
    instrument = instrument or load_instrument()
    with open_store(store_url) as connection:
        scopes = resolve(connection, left, right, time_zone=time_zone)
        readers = [Reader(Bench(connection, scope, settings)) for scope in scopes]
        ran = [flows(connection, scope) for scope in scopes]
        changed = flow_changes(*ran)
        names = name_sides(*scopes)
        pages = pd.DataFrame(page_rows(readers[0], readers[1], changed), columns=list(PAGE_COLUMNS))
        context = _Context(readers[0], readers[1], names, ran[0], changed, pages)
        found = [_row(context, item, each) for item, each in instrument.indicators() if each.origin == "probe"]
        exposures = [exposure_of(each.bench.scope, each.bench.tallies) for each in readers]
        said = tuple(remarks(connection, *scopes))
    table = pd.DataFrame(found, columns=list(COLUMNS))
    for name in ("left", "right", "difference", "low", "high", "delta", "delta_low", "delta_high", "rank_p"):
        table[name] = table[name].astype("float64")
    sides = pd.DataFrame(
        [_side(*each) for each in zip(("left", "right"), scopes, names, exposures, strict=True)],
        columns=list(SIDE_COLUMNS),
    )
    return Comparison(
        *scopes,
        names,
        settings,
        table,
        pages,
        sides,
        changed,
        said,
        limits(table, settings, paired=_same_days(*scopes)),
    )


@dataclass(frozen=True)
class _Context:
    left: Reader
    right: Reader
    names: tuple[Text, Text]
    flows: dict[str, Flow]
    changed: dict[str, Text]
    pages: pd.DataFrame


def _same_days(left: Scope, right: Scope) -> bool:
    return (left.window.start, left.window.end) == (right.window.start, right.window.end)


def _row(context: _Context, item: Item | None, indicator: Any) -> dict[str, Any]:
    found = difference(
        context.left,
        context.right,
        indicator.key,
        paired=_same_days(context.left.bench.scope, context.right.bench.scope),
    )
    alike, why = _alike(context, indicator.key, found)
    verdict = judge(found, indicator.better)
    text = sentence(found, verdict, indicator, context.names)
    notes = [*why, *found.notes]
    low, high = (None, None) if found.interval is None else (_finite(found.interval.low), _finite(found.interval.high))
    ranks, without = found.ranks, found.left if found.left.value is None else found.right
    return {
        "item": item.key if item is not None else getattr(indicator, "near", None),
        "indicator": indicator.key,
        "indicator_en": indicator.title.en,
        "indicator_id": indicator.title.id,
        "unit": indicator.unit,
        "better": indicator.better,
        "left": found.left.value,
        "left_bound": ">=" if found.left.at_least else None,
        "left_n": found.left.n,
        "right": found.right.value,
        "right_bound": ">=" if found.right.at_least else None,
        "right_n": found.right.n,
        "difference": found.difference,
        "difference_bound": found.bound,
        "low": low,
        "high": high,
        "level": context.left.bench.settings.level if found.interval else None,
        "method": found.left.method or found.right.method,
        "interval_method": found.interval_method,
        "interval_reason_en": found.interval_reason.en if found.interval_reason else None,
        "interval_reason_id": found.interval_reason.id if found.interval_reason else None,
        "paired": found.paired,
        "days_left": found.days[0] if found.days else None,
        "days_right": found.days[1] if found.days else None,
        "delta": ranks.delta if ranks else None,
        "delta_low": ranks.interval.low if ranks and ranks.interval else None,
        "delta_high": ranks.interval.high if ranks and ranks.interval else None,
        "rank_p": ranks.p if ranks else None,
        "rank_n_left": ranks.n_left if ranks else None,
        "rank_n_right": ranks.n_right if ranks else None,
        "rank_note_en": found.rank_note.en if found.rank_note else None,
        "rank_note_id": found.rank_note.id if found.rank_note else None,
        "like_for_like": alike,
        "verdict": verdict,
        "text_en": text.en,
        "text_id": text.id,
        "note_en": "; ".join(each.en for each in notes) or None,
        "note_id": "; ".join(each.id for each in notes) or None,
        "reason": without.reason,
        "reason_en": without.reason_text.en if without.reason_text else None,
        "reason_id": without.reason_text.id if without.reason_text else None,
    }


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _alike(context: _Context, key: str, found: Found) -> tuple[bool | None, list[Text]]:
    """Whether the same pages and flows are compared, and where not, which."""
    if found.difference is None:
        return None, []
    why = []
    if key in PAGE_METRICS and key not in MADE_OF:
        why += list(_other_pages(context, found))
    kinds = (found.kinds or JOURNEYS) if key in PAGE_METRICS else kinds_of(key)
    for name, change in context.changed.items():
        if context.flows[name].kind in kinds:
            why.append(
                told(f"another flow of one name: {name}: {change.en}", f"alur lain bernama sama: {name}: {change.id}")
            )
    return not why, why


def _other_pages(context: _Context, found: Found) -> Iterator[Text]:
    for page in context.pages.to_dict("records"):
        if (
            page["sides"] == "both"
            and page["like_for_like"] is False
            and (page["scenario"], page["step"]) in found.pages
        ):
            place = f"{page['scenario']} · {page['step']}"
            yield told(f"{place}: {page['why_en']}: {TWO_DESIGNS.en}", f"{place}: {page['why_id']}: {TWO_DESIGNS.id}")


def _side(side: str, scope: Scope, name: Text, exposure: Exposure) -> dict[str, Any]:
    return {
        "side": side,
        "name_en": name.en,
        "name_id": name.id,
        "portal": scope.portal,
        "from": scope.window.start,
        "to": scope.window.end,
        "location": scope.location,
        "browser": scope.browser,
        "device": scope.device,
        "runs": exposure.runs,
        "first_run": exposure.first,
        "last_run": exposure.last,
        "days": exposure.days,
        "window_days": exposure.window_days,
        "excluded_error": exposure.excluded_error,
        "excluded_blocked": exposure.excluded_blocked,
        "excluded_maintenance": exposure.excluded_maintenance,
        "excluded_timing": exposure.excluded_timing,
    }
