"""Alembic runs this file; the connection, inside a transaction and under a lock, comes from `opening.py`."""

from alembic import context

from monitor.casebook.schema import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # SQLite can, as long as our own BEGIN is the one in force
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
