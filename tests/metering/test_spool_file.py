"""A file of records tells what was finished from what was not, and from what was changed."""

import os

import pytest

from app.core import db
from app.metering.entry import Entry
from app.metering.spool_file import Broken, Full, SpoolFile
from tests.metering.recording import row
from tests.metering.test_spool import spool_in


def test_a_changed_record_is_not_taken_for_a_torn_one(tmp_path):
    file = SpoolFile.create(tmp_path / "x.spool", max_bytes=1_000)
    file.append(b"first")
    file.append(b"second")
    os.pwrite(file._descriptor, b"F", 16 + 8)

    with pytest.raises(Broken):
        list(file.records())
    assert file.set_aside().read_bytes().endswith(b"second")


def test_a_file_has_a_limit_and_keeps_what_it_has(tmp_path):
    file = SpoolFile.create(tmp_path / "x.spool", max_bytes=30)
    file.append(b"x" * 20)

    with pytest.raises(Full):
        file.append(b"y" * 20)

    assert list(file.records()) == [b"x" * 20]
    file.remove()


def test_another_databases_events_are_left_alone(engine, tmp_path):
    spool = spool_in(tmp_path / "spool", engine)
    spool.put([Entry(row())])
    spool.close()
    other = db.create(f"sqlite:///{tmp_path / 'other.db'}")

    assert list(spool_in(tmp_path / "spool", other).orphans()) == []
    other.dispose()
