"""Alembic's way in: runs the versions on the connection that `Database.migrate` hands over."""

from alembic import context

from diagnosis.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False, render_as_batch=True)
context.run_migrations()
