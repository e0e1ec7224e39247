"""Migrations are one numbered, named line."""

import re
from pathlib import Path

from alembic.script import ScriptDirectory

from app.core import revision

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


def test_migrations_have_one_head():
    scripts = ScriptDirectory(str(VERSIONS.parent))

    assert scripts.get_heads() == [revision.expected()]


def test_migrations_are_numbered_and_named():
    names = sorted(path.name for path in VERSIONS.glob("*.py"))

    assert names
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in names)
