"""The store's tables: runs and what belongs to them, one row each, in plain columns that any SQL tool can read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, on engines with and without time zones; naive times are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the engine: UTC; SQLite keeps it as text without an offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's name
        """From the engine: aware UTC."""
        if value is None:
            return None
        aware: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("portal", String(64), nullable=False),
    Column("scenario", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("location", String(64), nullable=False),
    Column("browser", String(32), nullable=False),
    Column("device", String(64), nullable=False),
    Column("network", String(64), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("duration_seconds", Float, nullable=False),
    Column("deadline_seconds", Float, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("timed_out", Boolean, nullable=False),
    Column("error_reason", String(64)),
    Column("dry_stop", String(200)),
    Column("timing_valid", Boolean, nullable=False),
    Column("invalid_reasons", JSON, nullable=False),
    Column("host", JSON, nullable=False),
    Column("http", JSON(none_as_null=True)),
    # Shares of the run's search and forms parts; their details are in their own tables. Null: the run had no such part.
    # How many gold queries were asked; 0 is a search part without a query, null is no search part.
    Column("search_queries", Integer),
    Column("search_success_share", Float),
    Column("search_mean_reciprocal_rank", Float),
    Column("search_zero_hit_share", Float),
    Column("search_right_category_share", Float),
    Column("form_fields", Integer),
    Column("form_duplicate_fields", Integer),
    Column("form_guided_share", Float),
    Column("form_personal_before_login", Integer),
    Column("form_rejected", Integer),
    Column("form_input_lost", Integer),
    Column("form_duplicates", JSON(none_as_null=True)),
    Column("evidence_screenshot", String(255)),
    Column("evidence_trace", String(255)),
    # The run that this one tried again. Such a run confirms a failure; it is no try of its own in any share.
    Column("retest_of", String(64)),
    Index("ix_runs_portal_scenario_started_at", "portal", "scenario", "started_at"),
    Index("ix_runs_started_at", "started_at"),
)


def _part(name: str, *columns: Column[Any]) -> Table:
    """A table whose rows belong to a run, in the order in which they happened."""
    return Table(
        name,
        metadata,
        Column("run_id", String(64), ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
        Column("seq", Integer, primary_key=True),
        *columns,
    )


steps = _part(
    "steps",
    Column("name", String(80), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("duration_seconds", Float),
    Column("timed_out", Boolean, nullable=False),
)

pages = _part(
    "pages",
    Column("url", String(2048), nullable=False),
    Column("step", String(80), nullable=False),
    Column("ttfb_seconds", Float),
    Column("fcp_seconds", Float),
    Column("lcp_seconds", Float),
    Column("cls", Float),
    Column("inp_seconds", Float),
    Column("dom_content_loaded_seconds", Float),
    Column("load_seconds", Float),
    Column("requests", Integer),
    Column("transferred_bytes", BigInteger),
)

findings = _part(
    "findings",
    Column("class", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("step", String(80)),
    Column("message", String(1000), nullable=False),
)

search_queries = _part(
    "search_queries",
    Column("query", String(200), nullable=False),
    Column("hits", Integer, nullable=False),
    Column("rank", Integer),
    Column("right_category_share", Float),
    Column("duration_seconds", Float),
)

form_fields = _part(
    "form_fields",
    Column("step", String(80), nullable=False),
    Column("page", Integer, nullable=False),
    Column("label", String(200), nullable=False),
    Column("type", String(32), nullable=False),
    Column("required", Boolean, nullable=False),
    Column("has_label", Boolean, nullable=False),
    Column("has_help", Boolean, nullable=False),
    Column("personal", String(32)),
)
