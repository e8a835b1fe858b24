"""Alembic environment of the keys database; the connection is handed over by `confide.store.migrate`."""

from alembic import context

from confide.store.schema import KEYS

context.configure(connection=context.config.attributes["connection"], target_metadata=KEYS, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
