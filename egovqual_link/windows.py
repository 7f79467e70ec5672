"""The stretch of time whose probe runs are set beside a survey, and how it came to be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from egovqual_link.instrument import Text
from scenarios.source import InputError, Problem


@dataclass(frozen=True, slots=True)
class Window:
    """Runs that started at or after `start` and before `end` (both aware); `time_zone` gives days and hours.

    `declared` is true only where a study file fixed the dates; everything else is exploratory.
    """

    start: datetime
    end: datetime
    time_zone: str = "UTC"
    declared: bool = False
    basis: str = "dates"

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window's times must be aware")
        if self.start >= self.end:
            raise InputError(
                [Problem("window", None, f"starts at {self.start.isoformat()}, not before its end", "swap the dates")]
            )
        zone(self.time_zone)

    @property
    def offset_seconds(self) -> int:
        """Local time minus UTC at the window's start; kept for the whole window, so that every day has 24 hours."""
        offset = self.start.astimezone(zone(self.time_zone)).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    @property
    def days(self) -> int:
        """Local calendar days that the window touches."""
        first = (self.start.astimezone(UTC) + timedelta(seconds=self.offset_seconds)).date()
        last = (self.end.astimezone(UTC) + timedelta(seconds=self.offset_seconds - 1e-6)).date()
        return (last - first).days + 1

    def label(self) -> Text:
        """How the window was chosen, in words."""
        return BASES[self.basis]


BASES = {
    "dates": Text(en="dates given for this analysis", id="tanggal diberikan untuk analisis ini"),
    "store": Text(
        en="the whole store: no dates were given, so nothing ties these runs to the time of the answers",
        id="seluruh penyimpanan: tanggal tidak diberikan, jadi uji ini tidak terikat pada waktu pengisian survei",
    ),
    "study": Text(
        en="declared in the study file: fieldwork and the recall lag before it",
        id="ditetapkan di berkas studi: masa survei dan jeda ingatan sebelumnya",
    ),
}


def zone(name: str) -> ZoneInfo:
    """The IANA time zone `name`.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(
            [Problem("time_zone", None, f"there is no time zone {name[:60]!r}", "write it as Asia/Jakarta")]
        ) from None


def parse_moment(value: str | date | datetime, *, time_zone: str = "UTC", end: bool = False) -> datetime:
    """An aware time from `2024-05-31` or `2024-05-31T08:00`; a bare date as `end` means the end of that day.

    Raises:
        InputError: it is not a date or time.
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            value = date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
        except ValueError:
            raise InputError(
                [Problem("window", None, f"{text[:40]!r} is no date", "write 2024-05-31 or 2024-05-31T08:00")]
            ) from None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone(time_zone))
    day = value + timedelta(days=1) if end else value
    return datetime.combine(day, time.min, tzinfo=zone(time_zone))


def study_window(start: date, end: date, *, recall_lag_days: int, time_zone: str) -> Window:
    """From the recall lag before the fieldwork's first day to the end of its last day."""
    return Window(
        parse_moment(start - timedelta(days=recall_lag_days), time_zone=time_zone),
        parse_moment(end, time_zone=time_zone, end=True),
        time_zone,
        declared=True,
        basis="study",
    )
