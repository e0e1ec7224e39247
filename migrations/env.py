"""Alembic's entry: migrates the connection it is handed, else the database of the settings in force."""

from alembic import context

from app import schema
from app.core import config, db


def run(connection):
    context.configure(
        connection=connection,
        target_metadata=schema.metadata(),
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


handed = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    with db.create(config.load().database_url).begin() as connection:
        run(connection)
