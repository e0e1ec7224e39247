"""Migrations bring any database to the shape that the code wants, and back."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from app import schema
from app.core import migrate, revision


def test_migrated_database_has_the_shape_the_code_wants(engine):
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata())

        assert differences == []


def test_migrations_go_down_and_up_again(engine):
    migrate.downgrade(engine, "base")
    with engine.connect() as connection:
        assert revision.current(connection) is None
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}

    migrate.upgrade(engine)

    with engine.connect() as connection:
        assert revision.current(connection) == revision.expected()
        assert set(schema.metadata().tables) <= set(inspect(connection).get_table_names())
