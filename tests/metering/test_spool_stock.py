"""What waits on disk can be seen, whoever put it there."""

import os
from datetime import timedelta

from app.metering.entry import Entry
from tests.conftest import NOW
from tests.metering.recording import row
from tests.metering.test_spool import spool_in


def test_the_stock_says_how_much_waits_since_when_and_whose_it_is_not(engine, tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    began = NOW.timestamp()
    monkeypatch.setattr("app.metering.spool.clock.now", lambda: NOW)
    mine, others = spool_in(folder, engine), spool_in(folder, engine)
    mine.put([Entry(row())])
    monkeypatch.setattr("app.metering.spool.clock.now", lambda: NOW + timedelta(seconds=90))
    others.put([Entry(row()), Entry(row())])
    (folder / f"{mine._database}-x.broken").touch()
    (folder / "another-database.spool").touch()
    legacy = folder / f"{mine._database}-{'a' * 32}.spool"
    legacy.touch()
    os.utime(legacy, (began + 30, began + 30))

    stock = mine.stock()

    assert (stock.files, stock.oldest_s, stock.broken) == (3, 90.0, 1)
    assert stock.size == mine.size + others.size > 0
    mine.close()
    others.close()
