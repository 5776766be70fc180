"""What Alembic runs: the revisions, on the connection and inside the transaction it is handed."""

from __future__ import annotations

from alembic import context

from tradewind.migrations import TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    version_table=TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
