"""What was committed survives a power cut. (Most tests do without, for speed: tests/databases.py.)"""

from sqlalchemy import text

from app.core import db


def test_sqlite_waits_for_the_disk_at_every_commit(tmp_path):
    engine = db.create(f"sqlite:///{tmp_path}/postern.db")

    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()
