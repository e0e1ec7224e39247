"""The database of one command."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from app.core import config, db


@contextmanager
def opened() -> Iterator[Session]:
    """A session on the database of the settings in force; what is not committed is dropped."""
    engine = db.create(config.load().database_url)
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()
