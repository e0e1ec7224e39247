"""Changes of one organisation at the same moment: the second sees what the first has done, on both databases."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.accounts.models import Person
from app.core.errors import Conflict, NotAllowed
from app.organisations import closing, members, ownership, stopping
from app.organisations.acting import Actor
from app.organisations.models import SUSPENDED, Membership, Organisation
from app.team import deleting
from tests.waiting import PATIENCE_S

MOMENT_S = 0.2
"""Far longer than leaving takes when nobody is in the way."""


@pytest.fixture
def acme(make, session):
    found = make.organisation(owner=make.person("Olive"))
    session.commit()
    return found


def test_two_owners_leaving_at_once_do_not_both_leave(engine, session, make, acme, now):
    otto = make.person("Otto")
    make.membership(acme, otto, role="owner")
    session.commit()

    def leave(own, name):
        person = own.exec(select(Person).where(Person.name == name)).one()
        ownership.leave(own, organisation=own.get_one(Organisation, acme.id), person=person, now=now)
        own.commit()

    def leave_too():
        with Session(engine) as second:
            leave(second, "Otto")

    with Session(engine) as first, ThreadPoolExecutor(1) as pool:
        ownership.lock(first, first.get_one(Organisation, acme.id))
        other = pool.submit(leave_too)
        assert wait([other], timeout=MOMENT_S).done == set()
        leave(first, "Olive")

        with pytest.raises(Conflict, match="without an owner"):
            other.result(PATIENCE_S)

    assert [one.person_id for one in session.exec(select(Membership))] == [otto.id]


def test_who_became_an_owner_meanwhile_is_not_taken_out_by_an_admin(engine, session, make, acme, now):
    person = make.person("Max")
    make.membership(acme, person)
    session.commit()
    seen = members.one(session, acme, person.id)
    with Session(engine) as other:
        other.get_one(Membership, (acme.id, person.id)).role = "owner"
        other.commit()

    by = Actor(person_id=None, name="Ada", role="admin")
    with pytest.raises(NotAllowed):
        members.remove(session, organisation=acme, member=seen, by=by, now=now)
    with pytest.raises(NotAllowed):
        members.change_role(session, organisation=acme, member=seen, role="viewer", by=by, now=now)


def close(session, organisation, now):
    closing.begin(session, organisation=organisation, words="Over.", person_id=None, now=now)
    session.commit()
    return now + closing.GRACE


def test_what_was_deleted_meanwhile_cannot_be_kept_any_more(engine, session, acme, now):
    due_at = close(session, acme, now)
    with Session(engine) as worker:
        assert deleting.carry_out(worker, now=due_at) == 1
        worker.commit()

    with pytest.raises(Conflict, match="is not being deleted"):
        closing.undo(session, organisation=acme, person_id=None, now=due_at)


def test_what_was_kept_meanwhile_is_not_deleted(engine, session, acme, now, monkeypatch):
    due_at = close(session, acme, now)
    found = closing.due(session, now=due_at)
    session.commit()
    with Session(engine) as owner:
        kept = owner.get_one(Organisation, acme.id)
        closing.undo(owner, organisation=kept, person_id=None, now=due_at - timedelta(seconds=1))
        owner.commit()

    monkeypatch.setattr(closing, "due", lambda *_, **__: found)
    assert deleting.carry_out(session, now=due_at) == 0
    assert acme.deleted_at is None


def test_what_was_suspended_meanwhile_is_not_deleted_as_well(engine, session, acme, now):
    with Session(engine) as operator:
        place = operator.get_one(Organisation, acme.id)
        assert acme.stopped_at is None, "as a page that was opened before has read it"
        stopping.stop(operator, organisation=place, why=SUSPENDED, words="Odd.", person_id=None, now=now)
        operator.commit()

    with pytest.raises(Conflict, match="is suspended already"):
        close(session, acme, now)

    assert (acme.stopped_why, acme.closes_at) == (SUSPENDED, None)
