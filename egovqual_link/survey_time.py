"""Times and durations of a survey file: read where they are plain, refused where they could mean two things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

#: (row or None for the whole column, what is wrong, what to do)
Wrong = tuple[int | None, str, str]

_DAY_FIRST: Final = (
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
)
_MONTH_FIRST: Final = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p")
_YEAR_FIRST: Final = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y/%m/%d %I:%M:%S %p")
_TOLD: Final = 50


def read_times(texts: Sequence[str], timezone: str | None) -> tuple[Any, list[Wrong]]:
    """Aware UTC times; blanks stay blank. Times without a zone are taken in `timezone` (UTC without one).

    ISO 8601 always; day-first, month-first and year-first forms where only one of them fits all rows.
    """
    given = pd.Series(texts, dtype="str").replace("", None)
    # Google Forms writes the offset as "GMT+7", which no parser takes.
    given = given.str.replace(r"\s*(?:GMT|UTC)([+-]\d{1,2})$", "", regex=True)
    try:
        zone = ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return _blank(len(texts)), [(None, f"unknown time zone {timezone!r}", "such as Asia/Jakarta")]
    blank = given.isna()
    iso = _parse(given, "ISO8601", zone)
    if (iso.notna() | blank).all():
        return iso, []
    fitting = {
        order: parsed
        for order, formats in (("day", _DAY_FIRST), ("month", _MONTH_FIRST), ("year", _YEAR_FIRST))
        for parsed in (_parse(given, form, zone) for form in formats)
        if (parsed.notna() | blank).all()
    }
    if len(fitting) == 1:
        return next(iter(fitting.values())), []
    if fitting:
        first = given[~blank].iloc[0]
        return _blank(len(texts)), [
            (
                None,
                f"{first!r} may be day or month first, and no row decides it",
                "write times as 2026-11-24 09:30",
            )
        ]
    wrong = np.flatnonzero((iso.isna() & ~blank).to_numpy())
    return _blank(len(texts)), [
        (int(row), f"{texts[row][:40]!r} is no time", "write times as 2026-11-24 09:30") for row in wrong[:_TOLD]
    ]


def _parse(given: pd.Series[Any], form: str, zone: ZoneInfo) -> pd.Series[Any]:
    # Times with an offset and times without cannot stand in one column of pandas, so they are read apart.
    offset = given.str.contains(r"\d(?:[+-]\d{2}:?\d{2}|Z)$", regex=True, na=False)
    result = pd.Series(pd.NaT, index=given.index, dtype="datetime64[us, UTC]")
    if (~offset).any():
        plain = pd.to_datetime(given[~offset], format=form, errors="coerce")
        aware = plain.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
        result[~offset] = aware.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    if offset.any():
        result[offset] = pd.to_datetime(given[offset], format=form, errors="coerce", utc=True).astype(
            "datetime64[us, UTC]"
        )
    return result


def _blank(count: int) -> pd.Series[Any]:
    return pd.Series([pd.NaT] * count, dtype="datetime64[us, UTC]")


def read_seconds(texts: Sequence[str]) -> tuple[Any, list[Wrong]]:
    """Durations in seconds, decimal point or comma; blanks stay blank."""
    values = pd.to_numeric(pd.Series(texts, dtype="str").str.replace(",", "."), errors="coerce").to_numpy(float)
    blank = np.array([not text for text in texts], dtype=bool)
    bad = (~np.isfinite(values) | (values < 0)) & ~blank
    return values, [
        (int(row), f"{texts[row][:40]!r} is no duration in seconds", "a number, or blank")
        for row in np.flatnonzero(bad)[:_TOLD]
    ]
