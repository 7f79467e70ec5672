"""The past as the status page, the API, the badges and the feed show it: read from the store at most every 20 s."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from exporters.store import Store, StoreError
from exporters.store_history import Counts, Incident, days, incidents, shares
from probes.run import Run

#: The windows over which availability is told, in hours.
WINDOWS: Mapping[str, int] = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24}
#: Days of the strips, today included.
DAYS = 30
#: Failures that the page shows: the newest of each scenario, found among so many.
FAILURES = 5
AMONG = 100
FRESH_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class History:
    """What the store said at `at`; `trouble` is why it could not, and then all else is empty."""

    at: datetime
    shares: Mapping[tuple[str, str], Mapping[str, Counts]]
    days: Mapping[tuple[str, str], Mapping[date, Counts]]
    incidents: tuple[Incident, ...]
    failures: tuple[Run, ...]
    trouble: str | None = None

    def counts(self, window: str, portal: str, scenario: str | None = None) -> Counts:
        """Counts of a portal's scenario, or of all its scenarios together."""
        found = (
            by_window[window]
            for (one, other), by_window in self.shares.items()
            if one == portal and scenario in (None, other)
        )
        return sum(found, Counts())

    def day(self, day: date, portal: str) -> Counts:
        """Counts of all scenarios of a portal on a day (UTC)."""
        return sum((each.get(day, Counts()) for (one, _), each in self.days.items() if one == portal), Counts())


class HistoryWatch:
    """Reads the history in a thread, once for all who ask within FRESH_SECONDS."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asking = asyncio.Lock()
        self._latest: History | None = None
        self._read_at = 0.0

    async def get(self) -> History:
        """The history as it is now, or was some seconds ago; never raises for trouble of the store."""
        async with self._asking:
            if self._latest is None or time.monotonic() - self._read_at > FRESH_SECONDS:
                self._latest = await asyncio.to_thread(read, self._store, datetime.now(UTC))
                self._read_at = time.monotonic()
            return self._latest


def read(store: Store, now: datetime) -> History:
    """The history up to `now`."""
    since = {name: now - timedelta(hours=hours) for name, hours in WINDOWS.items()}
    first_day = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=DAYS - 1)
    try:
        return History(
            now,
            shares(store, since, now),
            days(store, first_day, now),
            tuple(incidents(store, since["30d"], now)),
            _last_failures(store, since["7d"]),
        )
    except StoreError as error:
        return History(now, {}, {}, (), (), f"the store cannot be read: {error.reason}")


def _last_failures(store: Store, since: datetime) -> tuple[Run, ...]:
    """The newest failed run of each scenario, newest first."""
    newest: dict[tuple[str, str], Run] = {}
    for run in store.runs(outcome="failed", since=since, limit=AMONG, order="newest"):
        newest.setdefault((run.portal, run.scenario), run)
    return tuple(newest.values())[:FAILURES]
