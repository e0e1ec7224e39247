"""Switching off, handing over, renaming and deleting keys: none of them is revoking."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import changes, errors
from app.core.audit import AuditEntry
from app.keys import models, owners, queries, services
from app.keys.owners import Owner


def test_why_a_key_is_off_is_kept_until_it_is_on_again(session, make, now):
    person = make.person()
    key = make.key()

    services.disable(session, key=key, reason=models.LEAK, note="found in a gist", person_id=person.id, now=now)
    assert (key.disabled_reason, key.disabled_note, key.disabled_by_id) == (models.LEAK, "found in a gist", person.id)

    services.enable(session, key=key, person_id=None, now=now)
    assert (key.disabled_reason, key.disabled_note, key.disabled_by_id) == ("", "", None)
    with pytest.raises(errors.Invalid):
        services.disable(session, key=key, note="x" * 201, person_id=None, now=now)


def test_what_an_operator_switched_off_only_an_operator_switches_on(session, make, now):
    key = make.key()
    services.disable(session, key=key, reason=models.OPERATOR, person_id=None, now=now)

    with pytest.raises(errors.NotAllowed):
        services.enable(session, key=key, person_id=None, now=now)

    services.enable(session, key=key, is_operator=True, person_id=None, now=now)
    assert key.state_at(now) == models.LIVE


def test_only_what_works_no_more_is_deleted_and_its_record_stays(session, make, now):
    organisation = make.organisation()
    live, off = make.key(organisation), make.key(organisation, is_enabled=False)
    for key in (live, off):
        with pytest.raises(errors.Conflict, match="Revoke it first"):
            services.delete(session, key=key, person_id=None, now=now)

    services.revoke(session, key=live, person_id=None, now=now)
    expired = make.key(organisation, expires_at=now - timedelta(days=1))
    for key in (live, expired):
        services.delete(session, key=key, person_id=None, now=now)
        assert queries.key_of(session, organisation, key.id).deleted_at == now
        assert key.is_revoked
        with pytest.raises(errors.Conflict, match="deleted already"):
            services.delete(session, key=key, person_id=None, now=now)

    assert queries.keys_of(session, organisation, limit=10) == [off]
    assert queries.count_of(session, organisation) == 1


def test_a_key_has_an_owner_who_may_change_or_leave(session, make, now):
    alex, sam = make.person(), make.person("Sam Field", email="sam@example.com")
    organisation = make.organisation(owner=alex)
    membership = make.membership(organisation, sam)
    key = make.key(organisation, person_id=alex.id)
    assert owners.names_of(session, [key]) == {key.id: "Alex Mason"}

    services.hand_over(session, key=key, to=Owner(sam.id), person_id=alex.id, now=now)
    assert owners.names_of(session, [key]) == {key.id: "Sam Field"}
    before = key.model_dump()
    session.delete(membership)
    session.flush()
    session.refresh(key)
    assert key.model_dump() == before
    assert key.state_at(now) == models.LIVE

    services.hand_over(session, key=key, to=Owner(None, " build  farm "), person_id=alex.id, now=now)
    assert owners.names_of(session, [key]) == {key.id: "build farm"}
    entries = session.exec(select(AuditEntry).where(AuditEntry.action == "key.handed_over")).all()
    assert {entry.details["owner"] for entry in entries} == {"Alex Mason → Sam Field", "Sam Field → build farm"}
    with pytest.raises(errors.Invalid, match="member"):
        services.hand_over(session, key=key, to=Owner(sam.id), person_id=alex.id, now=now)
    with pytest.raises(errors.Conflict):
        services.hand_over(session, key=key, to=Owner(None, "build farm"), person_id=alex.id, now=now)


def test_a_new_name_is_written_down_and_nothing_that_gateways_hear_of(session, make, now):
    key = make.key(name="ci")
    version = changes.newest(session)

    services.rename(session, key=key, name=" build ", person_id=None, now=now)

    assert key.name == "build"
    assert changes.newest(session) == version
    [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "key.renamed")).all()
    assert entry.details["called"] == "ci → build"
    with pytest.raises(errors.Conflict):
        services.rename(session, key=key, name="build", person_id=None, now=now)
