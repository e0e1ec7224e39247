"""Issuing a key keeps only its digest; revoking it is told to every gateway."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import changes, crypto, errors
from app.core.audit import AuditEntry
from app.keys import queries, services


def issue(session, organisation, now, name="ci"):
    return services.issue(session, organisation=organisation, name=name, brand="pst", person_id=None, now=now)


def test_only_a_digest_of_the_secret_is_kept(session, make, now):
    issued = issue(session, make.organisation(), now)

    kept = issued.key.model_dump(mode="json")
    assert issued.secret not in str(kept)
    assert kept["digest"] == crypto.digest(issued.secret)
    assert issued.key.hint == f"{issued.secret[:17]}…{issued.secret[-4:]}"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_key_needs_a_name_of_sensible_length(session, make, now, name):
    with pytest.raises(errors.Invalid):
        issue(session, make.organisation(), now, name=name)


def test_an_organisation_cannot_hold_keys_without_end(session, make, now, monkeypatch):
    monkeypatch.setattr(services, "KEYS_PER_ORGANISATION", 2)
    organisation = make.organisation()
    first = issue(session, organisation, now).key
    issue(session, organisation, now)

    with pytest.raises(errors.LimitReached, match="2 keys"):
        issue(session, organisation, now)

    services.revoke(session, key=first, person_id=None, now=now)
    assert not issue(session, organisation, now).key.is_revoked


def test_revoking_is_announced_and_written_down(session, make, now):
    key = make.key()
    before = changes.newest(session)

    services.revoke(session, key=key, person_id=None, now=now + timedelta(minutes=1))

    assert key.is_revoked
    assert [(c.kind, c.subject_id) for c in changes.since(session, before)] == [("key", key.id)]
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "key.revoked")).one()
    assert (entry.subject_id, entry.organisation_id) == (key.id, key.organisation_id)


def test_revoking_twice_is_refused_aloud(session, make, now):
    key = make.key(revoked_at=now)

    with pytest.raises(errors.Conflict, match="already revoked"):
        services.revoke(session, key=key, person_id=None, now=now)


def test_a_strangers_key_is_not_found(session, make):
    key = make.key()
    stranger = make.organisation("Other")

    with pytest.raises(errors.NotFound):
        queries.key_of(session, stranger, key.id)
    assert queries.keys_of(session, stranger, limit=10) == []


def test_live_keys_come_first_and_newest_first(session, make, now):
    organisation = make.organisation()
    revoked = make.key(organisation, name="old", revoked_at=now)
    first = make.key(organisation, name="first")
    make.now = now + timedelta(hours=1)
    second = make.key(organisation, name="second")

    assert queries.keys_of(session, organisation, limit=10) == [second, first, revoked]
    assert queries.count_of(session, organisation) == 3
    assert queries.count_of(session, organisation, with_revoked=False) == 2
