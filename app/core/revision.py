"""Which shape a database has, and which one this release wants: asked by every process, so without Alembic, which takes
more memory than all else that a gateway imports for its database. Changing the shape is for migrate.py.
"""

import re

from sqlalchemy import Connection, inspect, text

from app.core.config import ROOT

VERSIONS = ROOT / "migrations" / "versions"

_STATED = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)


def expected() -> str:
    """The newest revision that this release knows: the one that no other migration builds on."""
    stated = [dict(_STATED.findall(path.read_text(encoding="utf-8"))) for path in VERSIONS.glob("*.py")]
    newest = {each["revision"] for each in stated} - {each["down_revision"] for each in stated}
    if len(newest) != 1:
        raise RuntimeError("migrations/versions does not hold one newest migration")
    return str(newest.pop())


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
