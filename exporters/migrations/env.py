"""What alembic runs: the migrations, on the connection and in the transaction that `Store.open` hands over."""

from __future__ import annotations

from alembic import context

from exporters.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
    # SQLite can undo DDL as long as the driver does not commit behind our back, and ours does not.
    transactional_ddl=True,
)
context.run_migrations()
