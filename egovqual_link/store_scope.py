"""Which runs of an open store are asked about: a portal, a window, and what else narrows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Integer, and_, cast, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from egovqual_link.windows import Window
from exporters.schema import runs

#: Flows in which a citizen waits for pages. A walk of the site map or a bare HTTP check is not such a flow.
JOURNEYS = ("page_load", "search", "form_submission", "tracking")
#: Checks of whether the portal answers at all; a form that fails on a portal that answers is not an outage.
REACHABILITY = ("http", "page_load")
SUCCESS = ("passed", "degraded")
#: Outcomes that say how the portal treated the visitor; the rest is the probe's trouble, a firewall, or maintenance.
JUDGED = ("passed", "degraded", "failed")


class epoch(GenericFunction[float]):  # noqa: N801 - named as the SQL that it writes
    """Seconds since 1970 of a stored time."""

    type = Double()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _epoch_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"((julianday({compiler.process(element.clauses, **options)}) - 2440587.5) * 86400.0)"


@compiles(epoch)
def _epoch(element: Any, compiler: Any, **options: Any) -> str:
    return f"extract(epoch from {compiler.process(element.clauses, **options)})"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which runs are asked about; timings of runs on a contended host count only where `contended` says so."""

    portal: str
    window: Window
    location: str | None = None
    browser: str | None = None
    device: str | None = None
    contended: bool = False

    def where(self, *kinds: str) -> ColumnElement[bool]:
        """The runs of this scope, of `kinds` or of all."""
        terms = [
            runs.c.portal == self.portal,
            runs.c.started_at >= self.window.start,
            runs.c.started_at < self.window.end,
            # A retest is made because of a failure: in a share or a quantile it would count that moment twice.
            runs.c.retest_of.is_(None),
        ]
        terms += [
            runs.c[name] == value
            for name in ("location", "browser", "device")
            if (value := getattr(self, name)) is not None
        ]
        if kinds:
            terms.append(runs.c.kind.in_(kinds))
        return and_(*terms)

    def timed(self, *kinds: str) -> ColumnElement[bool]:
        """Runs whose timings count: judged, and measured on a host that was not contended."""
        judged = and_(self.where(*kinds), runs.c.outcome.in_(JUDGED))
        return judged if self.contended else and_(judged, runs.c.timing_valid)

    def day(self) -> ColumnElement[int]:
        """Local days since 1970."""
        return cast(func.floor((epoch(runs.c.started_at) + self.window.offset_seconds) / 86400.0), Integer)

    def hour(self) -> ColumnElement[int]:
        """Local hour of the day, 0-23. The half millisecond undoes the rounding of SQLite's day numbers."""
        seconds = epoch(runs.c.started_at) + self.window.offset_seconds + 0.0005
        return cast(func.floor(seconds / 3600.0), Integer) % 24


def portals(connection: Connection) -> dict[str, int]:
    """Names of the portals in the store, with their number of runs."""
    query = select(runs.c.portal, func.count()).group_by(runs.c.portal).order_by(runs.c.portal)
    return {str(name): int(count) for name, count in connection.execute(query)}


def locations(connection: Connection, portal: str) -> frozenset[str]:
    """Places from which `portal` was probed."""
    query = select(runs.c.location).where(runs.c.portal == portal).distinct()
    return frozenset(str(name) for name in connection.execute(query).scalars())


def span(connection: Connection, portal: str) -> tuple[datetime, datetime] | None:
    """Start of the first and the last run of `portal` in the store; None without runs."""
    query = select(func.min(runs.c.started_at), func.max(runs.c.started_at)).where(runs.c.portal == portal)
    first, last = connection.execute(query).one()
    return None if first is None else (aware(first), aware(last))


def aware(value: datetime) -> datetime:
    """A time from the store as aware UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
