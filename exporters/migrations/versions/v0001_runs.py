"""Runs and what belongs to them: steps, pages, findings, search queries, form fields."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from exporters.schema import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _part(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=f"fk_{name}_run_id_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "seq", name=f"pk_{name}"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("portal", sa.String(64), nullable=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("location", sa.String(64), nullable=False),
        sa.Column("browser", sa.String(32), nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("network", sa.String(64), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("duration_seconds", sa.Float(), nullable=False),
        sa.Column("deadline_seconds", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("timed_out", sa.Boolean(), nullable=False),
        sa.Column("error_reason", sa.String(64)),
        sa.Column("dry_stop", sa.String(200)),
        sa.Column("timing_valid", sa.Boolean(), nullable=False),
        sa.Column("invalid_reasons", sa.JSON(), nullable=False),
        sa.Column("host", sa.JSON(), nullable=False),
        sa.Column("http", sa.JSON()),
        sa.Column("search_queries", sa.Integer()),
        sa.Column("search_success_share", sa.Float()),
        sa.Column("search_mean_reciprocal_rank", sa.Float()),
        sa.Column("search_zero_hit_share", sa.Float()),
        sa.Column("search_right_category_share", sa.Float()),
        sa.Column("form_fields", sa.Integer()),
        sa.Column("form_duplicate_fields", sa.Integer()),
        sa.Column("form_guided_share", sa.Float()),
        sa.Column("form_personal_before_login", sa.Integer()),
        sa.Column("form_rejected", sa.Integer()),
        sa.Column("form_input_lost", sa.Integer()),
        sa.Column("form_duplicates", sa.JSON()),
        sa.Column("evidence_screenshot", sa.String(255)),
        sa.Column("evidence_trace", sa.String(255)),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_portal_scenario_started_at", "runs", ["portal", "scenario", "started_at"])
    op.create_index("ix_runs_started_at", "runs", ["started_at"])


def _parts() -> None:
    _part(
        "steps",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("duration_seconds", sa.Float()),
        sa.Column("timed_out", sa.Boolean(), nullable=False),
    )
    _part(
        "pages",
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("ttfb_seconds", sa.Float()),
        sa.Column("fcp_seconds", sa.Float()),
        sa.Column("lcp_seconds", sa.Float()),
        sa.Column("cls", sa.Float()),
        sa.Column("inp_seconds", sa.Float()),
        sa.Column("dom_content_loaded_seconds", sa.Float()),
        sa.Column("load_seconds", sa.Float()),
        sa.Column("requests", sa.Integer()),
        sa.Column("transferred_bytes", sa.BigInteger()),
    )
    _part(
        "findings",
        sa.Column("class", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("step", sa.String(80)),
        sa.Column("message", sa.String(1000), nullable=False),
    )
    _part(
        "search_queries",
        sa.Column("query", sa.String(200), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer()),
        sa.Column("right_category_share", sa.Float()),
        sa.Column("duration_seconds", sa.Float()),
    )
    _part(
        "form_fields",
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("has_label", sa.Boolean(), nullable=False),
        sa.Column("has_help", sa.Boolean(), nullable=False),
        sa.Column("personal", sa.String(32)),
    )


def upgrade() -> None:
    """From nothing to the first tables."""
    _runs()
    _parts()


def downgrade() -> None:
    """Back to nothing; what was measured is lost."""
    for name in ("form_fields", "search_queries", "findings", "pages", "steps", "runs"):
        op.drop_table(name)
