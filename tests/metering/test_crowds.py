"""Requests decided alike: one row for all of them, written when the database can, and forgotten in time."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from app.core import ids
from app.metering import crowds
from app.metering.crowds import Alike, Crowds
from app.metering.models import Crowd
from tests.conftest import NOW

A = Alike(crowds.LET_IN, 7, method="ping")
B = Alike(crowds.LET_IN, 7, method="tools/list")


def rows_in(engine):
    with Session(engine) as session:
        return list(session.exec(select(Crowd).order_by(Crowd.id)))


@pytest.fixture
def hand(monkeypatch):
    hand = {"now": 0.0}
    monkeypatch.setattr(crowds, "monotonic", lambda: hand["now"])
    return hand


def test_a_crowd_is_written_when_it_begins_and_when_it_is_over(engine, hand):
    found = Crowds(most=10)
    first = found.join(A, at=NOW, detail="the first's words")
    found.write(engine)
    assert [(row.id, row.count) for row in rows_in(engine)] == [(first, 1)]

    joined = [found.join(A, at=NOW + timedelta(seconds=3), detail="another's") for _ in range(4)]
    found.write(engine)
    hand["now"] = crowds.LIFETIME_S
    found.write(engine)

    [row] = rows_in(engine)
    assert (row.count, row.last_at, row.detail) == (5, NOW + timedelta(seconds=3), "the first's words")
    assert {one[ids.NAME] for one in joined} == {row.name}
    assert found.join(A, at=NOW)[ids.NAME] != row.name


def test_more_kinds_than_there_is_room_for_are_put_together(engine):
    found = Crowds(most=1)
    found.join(A, at=NOW)
    for method in ("x", "y", "z"):
        found.join(B._replace(method=method), at=NOW)
    found.write(engine)

    assert sorted((row.method, row.count) for row in rows_in(engine)) == [("", 3), ("ping", 1)]


def test_memory_stays_bounded_while_the_database_is_away(monkeypatch, hand):
    class Away:
        def begin(self):
            raise OperationalError("begin", {}, Exception("away"))

    found = Crowds(most=5)
    for number in range(100):
        hand["now"] = float(number)
        found.join(A._replace(policy_version=number), at=NOW)
        with pytest.raises(OperationalError):
            found.write(Away())

    assert len(found._open) == len(found._new) == 10


def test_what_could_not_be_written_is_written_later(engine, hand):
    found = Crowds(most=5)
    found.join(A, at=NOW)
    with pytest.raises(AttributeError):
        found.write(None)
    found.join(A, at=NOW)
    found.write(engine)

    assert [row.count for row in rows_in(engine)] == [2]


def test_only_members_are_found_by_their_id(engine):
    found = Crowds(most=5)
    first = found.join(A, at=NOW)
    found.write(engine)

    with Session(engine) as session:
        assert crowds.of_request(session, found.join(A, at=NOW)).id == first
        assert crowds.of_request(session, ids.request_id()) is None
        assert crowds.of_request(session, "req_unknown") is None


def test_a_member_of_the_same_millisecond_as_the_first_is_found(engine):
    found = Crowds(most=5)
    first = found.join(A, at=NOW)
    found.write(engine)
    member = first[: ids.NAME.stop] + "0" * 8  # sorts before the first

    with Session(engine) as session:
        assert crowds.of_request(session, member).id == first


def test_crowds_are_forgotten_in_time(engine, session):
    found = Crowds(most=5)
    found.join(A, at=NOW)
    found.write(engine)
    born = ids.lowest_request

    assert crowds.forget(session, before=NOW - timedelta(days=9_999)) == 0
    assert crowds.forget(session, before=NOW + timedelta(days=36_500)) == 1
    assert born(NOW) < born(NOW + timedelta(milliseconds=1))
