"""Alembic's environment: it works in the connection and the transaction that `migrate` hands it."""

from __future__ import annotations

from alembic import context

from fpctl.history.migrate import VERSION_TABLE
from fpctl.history.tables import HistoryTable

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=HistoryTable.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
