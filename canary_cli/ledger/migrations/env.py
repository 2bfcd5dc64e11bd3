"""Alembic's environment: runs inside the transaction that `schema.upgrade` opened."""

from alembic import context

from canary_cli.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
