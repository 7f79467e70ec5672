"""Runs that try again what another run found failing name that run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; runs that are there already are first tries."""
    op.add_column("runs", sa.Column("retest_of", sa.String(64)))


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("runs", "retest_of")
