"""Alembic's way in: as that of the other tables, with a count of versions of its own."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="alembic_version_vectors", transactional_ddl=False)
context.run_migrations()
