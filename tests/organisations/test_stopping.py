"""Stopping an organisation, and letting it go on."""

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid
from app.organisations import stopping
from app.organisations.models import DELETING, SUSPENDED


def stop(session, organisation, now, *, why=SUSPENDED, words="Odd  calls."):
    stopping.stop(session, organisation=organisation, why=why, words=words, person_id=None, now=now)


def test_why_it_is_stopped_is_kept_and_in_the_trail(session, make, now):
    organisation = make.organisation()

    stop(session, organisation, now)

    assert (organisation.stopped_at, organisation.stopped_words) == (now, "Odd calls.")
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "organisation.suspended")).one()
    assert entry.details == {"name": organisation.name, "why": "Odd calls."}


def test_it_is_stopped_for_one_reason_at_a_time_and_resumed_for_that_one(session, make, now):
    organisation = make.organisation()
    with pytest.raises(Conflict):
        stopping.resume(session, organisation=organisation, why=SUSPENDED, person_id=None, now=now)
    stop(session, organisation, now)

    with pytest.raises(Conflict):
        stop(session, organisation, now, why=DELETING)
    with pytest.raises(Conflict):
        stopping.resume(session, organisation=organisation, why=DELETING, person_id=None, now=now)
    stopping.resume(session, organisation=organisation, why=SUSPENDED, person_id=None, now=now)

    assert (organisation.stopped_at, organisation.stopped_why, organisation.stopped_words) == (None, "", "")


@pytest.mark.parametrize("words", ["", "  ", "x" * 501])
def test_its_members_are_told_why(session, make, now, words):
    with pytest.raises(Invalid):
        stop(session, make.organisation(), now, words=words)
