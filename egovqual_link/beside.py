"""The side-by-side rows, and in words what the data cannot say."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

from egovqual_link.indicators import Measured, frame
from egovqual_link.instrument import Fit, Instrument, Item, Language, Text
from egovqual_link.published import PublishedTable
from egovqual_link.scores import Source

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
    "score_note_en", "score_note_id", "indicator", "indicator_en", "indicator_id", "origin", "unit", "better", "value",
    "bound", "low", "high", "level", "interval_method", "method", "n_runs", "rating", "reason", "reason_en",
    "reason_id",
)  # fmt: skip


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain JSON data."""
    return [{str(k): plain(v) for k, v in row.items()} for row in table.to_dict("records")]


def plain(value: Any) -> Any:
    """A cell as JSON can carry it: NaN and missing become None."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


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
        shown = f"{gap:+.2f}".replace("-", "\N{MINUS SIGN}")
        note = Text(
            en=f"{NOT_PER_ITEM.en}; the item's own gap is published: {shown}",
            id=f"{NOT_PER_ITEM.id}; kesenjangan butir ini dipublikasikan: {shown.replace('.', ',')}",
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
        "indicator", "origin", "unit", "better", "value", "bound", "low", "high", "level", "interval_method", "method",
        "n_runs", "rating", "reason", "reason_en", "reason_id",
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


def format_value(value: object, unit: str | None, bound: str | None, lang: Language) -> str:
    """A measured value as people read it, with its unit; a dash where nothing was measured."""
    number = plain(value)
    if number is None:
        return DASH
    text = _FORMATS.get(unit or "", _plain_number)(float(number), lang)
    return ("≥ " if bound else "") + (text.replace(".", ",") if lang == "id" else text)


def _share(number: float, _lang: Language) -> str:
    percent = number * 100
    # 99.96 must not read as 100: between 99 and 100 every hundredth is an hour a year.
    digits = 2 if 99 < percent < 100 else 0 if abs(percent - round(percent)) < 0.05 else 1
    return f"{percent:.{digits}f} %"


def _seconds(number: float, _lang: Language) -> str:
    digits = 3 if number < 0.1 else 2 if number < 10 else 1 if number < 100 else 0
    return f"{number:.{digits}f} s"


def _hours(number: float, lang: Language) -> str:
    if number < 1 / 60:
        return _seconds(number * 3600, lang)
    if number < 1:
        return f"{number * 60:.0f} {'menit' if lang == 'id' else 'min'}"
    return f"{number:.1f} {'jam' if lang == 'id' else 'h'}"


def _days(number: float, lang: Language) -> str:
    return f"{number:.1f} {'hari' if lang == 'id' else 'days'}"


def _bytes(number: float, _lang: Language) -> str:
    return f"{number / 1e6:.2f} MB" if number >= 1e6 else f"{number / 1e3:.0f} kB"


def _count(number: float, _lang: Language) -> str:
    return f"{number:.0f}" if number.is_integer() else f"{number:.1f}"


def _plain_number(number: float, _lang: Language) -> str:
    return f"{number:.2f}"


_FORMATS: Final = {
    "share": _share,
    "seconds": _seconds,
    "hours": _hours,
    "days": _days,
    "bytes": _bytes,
    "count": _count,
    "levels": _count,
}
