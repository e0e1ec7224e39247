"""Checking that prices are what they were when they were set."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.core import db
from app.plans import services
from app.plans.models import PriceVersion

VERSIONS = db.metadata.tables[str(PriceVersion.__tablename__)]


def changed(connection: Connection) -> Iterator[PriceVersion]:
    """The versions that do not say what their digest was made of. The database refuses such changes, but whoever owns
    it can lift that.
    """
    for row in connection.execute(select(VERSIONS).order_by(VERSIONS.c.created_at)).mappings():
        version = PriceVersion(**row)
        if version.digest != services.digest_of(version):
            yield version
