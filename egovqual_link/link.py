"""The link: for every item what citizens said beside what was measured, and which statements the data do not allow."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection

from egovqual_link.indicators import Measured, frame, measure
from egovqual_link.instrument import Fit, Instrument, Item, Language, Text, load_instrument
from egovqual_link.measures import Settings
from egovqual_link.published import PublishedTable
from egovqual_link.scores import Source, all_scores
from egovqual_link.store_scope import Scope, open_store, portals, span
from egovqual_link.windows import Window, parse_moment
from scenarios.source import InputError, Problem, nearest

NOT_PER_ITEM: Final = Text(
    en="published per dimension only; the dimension's mean stands here",
    id="hanya dipublikasikan per dimensi; di sini tertulis rata-rata dimensinya",
)
OTHER_PORTAL: Final = Text(
    en="The survey asked about another portal than the one probed: read the figures side by side, not as one portal's.",
    id="Survei menanyakan portal lain daripada yang diuji: baca angkanya berdampingan, bukan sebagai satu portal.",
)

#: Stands where nothing was measured.
DASH: Final = "\N{EN DASH}"

#: Columns of the side-by-side table, one row for each indicator of each item and portal.
SIDE_BY_SIDE_COLUMNS: Final = (
    "portal", "item", "item_en", "item_id", "dimension", "fit", "score_level", "performance", "importance", "gap",
    "score_note_en", "score_note_id", "indicator", "indicator_en", "indicator_id", "unit", "better", "value", "bound",
    "low", "high", "level", "interval_method", "method", "n_runs", "rating", "reason", "reason_en", "reason_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Association:
    """A coefficient, or its refusal: `r` is None exactly where `reason` says why. Always with n and method."""

    r: float | None
    n_units: int
    low: float | None
    high: float | None
    method: str | None
    reason: str | None
    reason_text: Text | None

    def as_dict(self) -> dict[str, Any]:
        """The association in JSON."""
        return {
            "r": self.r,
            "n_units": self.n_units,
            "interval": None if self.low is None else [self.low, self.high],
            "method": self.method,
            "reason": self.reason,
            "reason_en": self.reason_text.en if self.reason_text else None,
            "reason_id": self.reason_text.id if self.reason_text else None,
        }


def refused(n_units: int) -> Association:
    """The refusal of a coefficient where the survey has fewer than five units (portals, regions or waves).

    The items of one portal are no units: they are not exchangeable and measured in different units.
    """
    one = Text(
        en="The survey describes one portal at one time; a coefficient needs at least five portals, regions or waves",
        id="Survei menggambarkan satu portal pada satu waktu; koefisien memerlukan sedikitnya lima portal, wilayah, "
        "atau gelombang",
    )
    few = Text(
        en=f"{n_units} units are too few; a coefficient needs at least five portals, regions or waves",
        id=f"{n_units} unit terlalu sedikit; koefisien memerlukan sedikitnya lima portal, wilayah, atau gelombang",
    )
    return Association(
        r=None,
        n_units=n_units,
        low=None,
        high=None,
        method=None,
        reason=f"n_units={n_units}",
        reason_text=one if n_units == 1 else few,
    )


@dataclass(frozen=True)
class LinkResult:
    """Everything that may be said of one survey and one window of runs.

    `scores`: see `all_scores`; `indicators`: see `indicators`; `side_by_side`: SIDE_BY_SIDE_COLUMNS. `digest` is the
    SHA-256 of survey file, window and portals, so that outputs show what they were made from.
    """

    instrument: Instrument
    source: Source
    window: Window
    portals: tuple[str, ...]
    scores: pd.DataFrame
    indicators: pd.DataFrame
    side_by_side: pd.DataFrame
    association: Association
    limits: tuple[Text, ...]
    exploratory: bool
    digest: str
    run_counts: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data; a missing value is null."""
        return {
            "survey": {
                "source": str(getattr(self.source, "source", "")),
                "scores": _records(self.scores.dropna(axis="columns", how="all")),
            },
            "window": {
                "start": self.window.start.isoformat(),
                "end": self.window.end.isoformat(),
                "time_zone": self.window.time_zone,
                "declared": self.window.declared,
                "basis_en": self.window.label().en,
                "basis_id": self.window.label().id,
            },
            "portals": list(self.portals),
            "side_by_side": _records(self.side_by_side),
            "association": self.association.as_dict(),
            "limits": [{"en": text.en, "id": text.id} for text in self.limits],
            "exploratory": self.exploratory,
            "digest": self.digest,
        }

    def to_json(self) -> str:
        """The result as JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2, allow_nan=False)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): plain(v) for k, v in row.items()} for row in table.to_dict("records")]


def plain(value: Any) -> Any:
    """A cell as JSON can carry it: NaN and missing become None."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def link(
    survey: Source,
    store_url: str,
    *,
    from_: str | None = None,
    to: str | None = None,
    only: Iterable[str] | None = None,
    time_zone: str = "Asia/Jakarta",
    instrument: Instrument | None = None,
    settings: Settings | None = None,
) -> LinkResult:
    """Set the scores of `survey` beside the indicators of the portals in the store.

    Without `from_` and `to` the window is the whole store, and everything is labelled exploratory.

    Raises:
        InputError: no store, no runs in the window, a portal that the store does not know, dates that are none.
    """
    instrument = instrument or load_instrument()
    with open_store(store_url) as connection:
        names = _portals(connection, only, store_url)
        window = _window(connection, names, from_, to, time_zone)
        found = [
            each
            for name in names
            for each in measure(connection, Scope(name, window), instrument, settings or Settings())
        ]
    if not any(each.exposure.runs for each in found):
        raise InputError(
            [
                Problem(
                    store_url,
                    None,
                    f"has no run between {window.start:%Y-%m-%d %H:%M} and {window.end:%Y-%m-%d %H:%M}",
                    "give other --from and --to dates, or probe first with `gapwatch once`",
                )
            ]
        )
    scores = all_scores(survey)
    level = (settings or Settings()).level
    return LinkResult(
        instrument=instrument,
        source=survey,
        window=window,
        portals=names,
        scores=scores,
        indicators=frame(tuple(found), level),
        side_by_side=side_by_side(instrument, scores, found, level),
        association=refused(1),
        limits=limits(instrument, survey),
        exploratory=not window.declared,
        digest=_digest(survey, window, names),
        run_counts={each.portal: each.exposure.runs for each in found},
    )


def _portals(connection: Connection, only: Iterable[str] | None, store_url: str) -> tuple[str, ...]:
    known = portals(connection)
    if only is None:
        if not known:
            raise InputError([Problem(store_url, None, "holds no runs", "probe first with `gapwatch once`")])
        return tuple(known)
    wanted = tuple(only)
    unknown = [
        Problem(store_url, None, f"has no runs of the portal {name!r}", nearest(name, known))
        for name in wanted
        if name not in known
    ]
    if unknown:
        raise InputError(unknown)
    return wanted


def _window(connection: Connection, names: Iterable[str], from_: str | None, to: str | None, time_zone: str) -> Window:
    spans = [each for name in names if (each := span(connection, name)) is not None]
    first = min((each[0] for each in spans), default=datetime(1970, 1, 1, tzinfo=UTC))
    last = max((each[1] for each in spans), default=datetime(1970, 1, 2, tzinfo=UTC))
    return Window(
        parse_moment(from_, time_zone=time_zone) if from_ else first,
        parse_moment(to, time_zone=time_zone, end=True) if to else last + timedelta(seconds=1),
        time_zone,
        basis="dates" if from_ and to else "store",
    )


def side_by_side(instrument: Instrument, scores: pd.DataFrame, found: Iterable[Measured], level: float) -> pd.DataFrame:
    """One row for each indicator of each item and portal; an item without indicator has one row that says why."""
    found = tuple(found)
    measured = frame(found, level).to_dict("records")
    said = {(row["level"], row["key"]): row for row in scores.to_dict("records")}
    rows: list[dict[str, Any]] = []
    for portal in dict.fromkeys(each.portal for each in found):
        for item in instrument.items:
            score = _score(item, said)
            mine = [
                row
                for row in measured
                if row["portal"] == portal and row["item"] == item.key and row["fit"] != "context"
            ]
            rows += [{**score, **_measured(item, row), "portal": portal} for row in mine] or [
                {**score, **_unmeasured(item), "portal": portal}
            ]
    return pd.DataFrame(rows, columns=list(SIDE_BY_SIDE_COLUMNS))


def _score(item: Item, said: dict[tuple[str, str], dict[Any, Any]]) -> dict[str, Any]:
    own, dimension = said[("item", item.key)], said[("dimension", item.dimension)]
    whole = not any(math.isnan(float(own[name])) for name in ("performance", "importance"))
    row = own if whole else dimension
    level = "item" if whole else "dimension"
    note = None if whole else NOT_PER_ITEM
    gap = float(own["gap"])
    if not whole and not math.isnan(gap):
        note = Text(
            en=f"{NOT_PER_ITEM.en}; the item's own gap is published: {gap:+.2f}",
            id=f"{NOT_PER_ITEM.id}; kesenjangan butir ini dipublikasikan: {gap:+.2f}",
        )
    return {
        "item": item.key,
        "item_en": item.title.en,
        "item_id": item.title.id,
        "dimension": item.dimension,
        "fit": item.fit,
        "score_level": level,
        "performance": row["performance"],
        "importance": row["importance"],
        "gap": row["gap"],
        "score_note_en": note.en if note else None,
        "score_note_id": note.id if note else None,
    }


def _measured(item: Item, row: dict[Any, Any]) -> dict[str, Any]:
    indicator = next(each for each in item.indicators if each.key == row["indicator"])
    names = (
        "indicator", "unit", "better", "value", "bound", "low", "high", "level", "interval_method", "method", "n_runs",
        "rating", "reason", "reason_en", "reason_id",
    )  # fmt: skip
    cells = {name: row[name] for name in names}
    return {**cells, "indicator_en": indicator.title.en, "indicator_id": indicator.title.id}


def _unmeasured(item: Item) -> dict[str, Any]:
    assert item.limit is not None
    return {"reason": "no_probe", "reason_en": item.limit.en, "reason_id": item.limit.id}


def limits(instrument: Instrument, survey: Source) -> tuple[Text, ...]:
    """What these data cannot say, in words; printed in every output."""
    none, partial = items_by_fit(instrument, "none"), items_by_fit(instrument, "partial")
    said = [
        Text(
            en=f"No browser can measure {', '.join(none)}; nothing stands beside them but what an operator may import.",
            id=f"Peramban tidak dapat mengukur {', '.join(none)}; yang dapat disandingkan hanya data pengelola.",
        ),
        Text(
            en=f"Only a part of {', '.join(partial)} can be measured; each row says which part stays unseen.",
            id=f"{', '.join(partial)} hanya terukur sebagian; setiap baris menyebut bagian yang tidak terlihat.",
        ),
    ]
    priority = tuple(getattr(survey, "priority", ()))
    unseen = [key for key in priority if key in none]
    if unseen:
        partly = [key for key in priority if key in partial]
        more_en = f", and {', '.join(partly)} only partly" if partly else ""
        more_id = f", dan {', '.join(partly)} hanya sebagian" if partly else ""
        said.append(
            Text(
                en=f"Of the {len(priority)} priorities that the study names, {len(unseen)} "
                f"({', '.join(unseen)}) cannot be measured by a browser{more_en}.",
                id=f"Dari {len(priority)} prioritas yang disebut studi, {len(unseen)} "
                f"({', '.join(unseen)}) tidak dapat diukur dengan peramban{more_id}.",
            )
        )
    if isinstance(survey, PublishedTable):
        said.append(OTHER_PORTAL)
    said.append(
        Text(
            en="A measurement beside a score is no cause of it: slow pages and low scores may go together or not.",
            id="Ukuran di samping skor bukan penyebabnya: halaman lambat dan skor rendah belum tentu sejalan.",
        )
    )
    return tuple(said)


def items_by_fit(instrument: Instrument, fit: Fit) -> tuple[str, ...]:
    """Keys of the items of one fit."""
    return tuple(item.key for item in instrument.items if item.fit == fit)


def _digest(survey: Source, window: Window, names: Iterable[str]) -> str:
    path = Path(str(getattr(survey, "source", "")))
    content = path.read_bytes() if path.is_file() else repr(survey).encode()
    tail = "|".join([window.start.isoformat(), window.end.isoformat(), *names])
    return hashlib.sha256(content + tail.encode()).hexdigest()


def format_value(value: object, unit: str | None, bound: str | None, lang: Language) -> str:
    """A measured value as people read it, with its unit; a dash where nothing was measured."""
    number = plain(value)
    if number is None:
        return DASH
    sign = "≥ " if bound else ""
    match unit:
        case "share":
            text = f"{number * 100:.0f} %"
        case "seconds":
            text = f"{number:.2f} s" if number < 10 else f"{number:.0f} s"
        case "bytes":
            text = f"{number / 1e6:.2f} MB" if number >= 1e6 else f"{number / 1e3:.0f} kB"
        case "count" | "levels":
            text = f"{number:.0f}" if float(number).is_integer() else f"{number:.1f}"
        case "hours" | "days":
            words = {"hours": ("h", "jam"), "days": ("days", "hari")}[unit]
            text = f"{number:.1f} {words[lang == 'id']}"
        case _:
            text = f"{number:.2f}"
    return sign + (text.replace(".", ",") if lang == "id" else text)
