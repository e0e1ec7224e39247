"""What is done with a key that leaked: as its organisation chose, once, and written down."""

import pytest
from sqlmodel import select

from app.core import changes
from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid
from app.keys import rotation, tokens
from app.keys import services as keys
from app.keys.models import Key
from app.keys.rotation import Overlap
from app.leaks import models, services
from app.leaks.models import LeakFind, LeakPolicy, LeakUnknown
from app.leaks.reports import Report, of_form
from app.organisations.models import Organisation
from tests.databases import on_one


@pytest.fixture
def leak(session, make, now):
    """`leak(…)` makes a key on such terms, reports it, and gives it and its find."""

    def go(act=None, *, source="commit", reporter=models.GITHUB, **terms):
        secrets = []
        key = make.key(secret=secrets, **terms)
        organisation = session.get(Organisation, key.organisation_id)
        if act and act != models.REVOKE:
            services.choose(session, organisation=organisation, act=act, person_id=None, now=now)
        session.commit()
        taken = services.take_in(session, [Report(secrets[0], source, "here")], reporter=reporter, now=now)
        session.commit()
        return key, secrets[0], taken.finds[0]

    return go


def told_gateways(session, key):
    return len([one for one in changes.since(session, 0) if one.subject_id == key.id])


@pytest.mark.parametrize(
    ("act", "state", "did"),
    [
        (None, "revoked", "revoked"),
        ("revoke", "revoked", "revoked"),
        ("quarantine", "disabled", "disabled"),
        ("notify", "live", "told"),
    ],
)
def test_a_live_key_is_dealt_with_as_chosen(session, leak, now, act, state, did):
    key, _, find = leak(act)

    assert (key.state_at(now), find.did, find.is_alarm) == (state, did, True)
    assert told_gateways(session, key) == (1 if did == "told" else 2)  # made, and stopped
    (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "key.leaked"))
    assert entry.organisation_id == key.organisation_id
    assert entry.details["address"] == "here"
    assert entry.details["reported by"] == "GitHub"


@pytest.mark.parametrize("act", ["revoke", "quarantine", "notify"])
@on_one
def test_test_keys_and_dead_ones_are_only_written_down(session, leak, now, act):
    key, _, find = leak(act, environment="test")
    assert (key.state_at(now), find.did, find.is_alarm) == ("live", "test", False)

    key, _, find = leak(act, revoked_at=now)
    assert (find.did, find.is_alarm) == ("dead", False)


@on_one
def test_a_key_that_could_come_back_is_stopped_for_good(session, leak, now):
    """Somebody might enable it, or move its expiry, unaware of the leak."""
    off, _, find = leak(is_enabled=False)
    over, _, other = leak(expires_at=now)

    assert [off.is_revoked, over.is_revoked, find.did, other.did] == [True, True, "revoked", "revoked"]


@on_one
def test_a_disabled_key_that_was_enabled_again_is_stopped_by_a_new_find_only(session, leak, now):
    key, secret, _ = leak("quarantine")
    keys.enable(session, key=key, person_id=None, now=now)
    session.commit()

    again = services.take_in(session, [Report(secret, "commit", "here")], reporter=models.GITHUB, now=now)
    assert (again.is_ours, again.finds, key.is_enabled) == ([True], [], True)

    (elsewhere,) = services.take_in(session, [Report(secret, "commit", "there")], reporter=models.GITHUB, now=now).finds
    assert (elsewhere.did, key.is_enabled) == ("disabled", False)


@on_one
def test_of_a_deleted_organisation_no_find_is_kept(session, leak):
    key, _, _ = leak("quarantine")
    leak()

    services.forget(session, session.get(Organisation, key.organisation_id))

    assert session.exec(select(LeakPolicy)).all() == []
    assert [one.key_id == key.id for one in session.exec(select(LeakFind))] == [False]


@on_one
def test_what_is_chosen_is_checked_and_written_down(session, make, now):
    organisation, person = make.organisation(), make.person()
    with pytest.raises(Conflict):
        services.choose(session, organisation=organisation, act="revoke", person_id=person.id, now=now)
    with pytest.raises(Invalid):
        services.choose(session, organisation=organisation, act="ignore", person_id=person.id, now=now)

    services.choose(session, organisation=organisation, act="notify", person_id=person.id, now=now)

    (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "leak_policy.changed"))
    assert entry.details == {"leaked keys": "Revoke it → Only tell us"}
    assert entry.person_id == person.id


def test_two_organisations_in_one_batch_each_get_their_way(session, make, now):
    secrets = []
    mine, theirs = (make.key(name=name, secret=secrets) for name in ("mine", "theirs"))
    unknown = tokens.generate("pst", "live").secret
    session.commit()
    found = [Report(secret, "commit", "") for secret in (*secrets, unknown, secrets[0], "x")]

    taken = services.take_in(session, found, reporter=models.GITHUB, now=now)
    services.take_in(session, [Report(unknown, "commit", "")], reporter=models.FORM, now=now)
    session.commit()

    assert taken.is_ours == [True, True, False, True, False]
    assert {one.organisation_id for one in session.exec(select(LeakFind))} == {
        mine.organisation_id,
        theirs.organisation_id,
    }
    assert all(session.get(Key, key.id).is_revoked for key in (mine, theirs))
    (count,) = session.exec(select(LeakUnknown))
    assert (count.source, count.count) == ("commit", 3)


@on_one
def test_keys_are_found_in_whatever_somebody_pastes():
    one, two = (tokens.generate("pst", kind).secret for kind in ("live", "test"))
    text = f'export KEY="{one}"\n{{"key": "{two}"}} {one}, {one}x {one[:-1]}'

    assert [(found.token, found.source, found.place) for found in of_form(text, " a\r\nb ")] == [
        (one, "form", "a b"),
        (two, "form", "a b"),
    ]
    for broken, words in ((one[:-1], "not whole"), (f"{one[:-1]}{'a' if one[-1] != 'a' else 'b'}", "not whole")):
        with pytest.raises(Invalid, match=words):
            of_form(broken, "here")
    with pytest.raises(Invalid, match="There is no key in this"):
        of_form("hello", "here")


@pytest.fixture
def rotated(session, make, now):
    """A rotated key, with the secret that it had and the one that it has."""

    def go(overlap=None, act=None):
        secrets = []
        key = make.key(secret=secrets)
        if act:
            organisation = session.get(Organisation, key.organisation_id)
            services.choose(session, organisation=organisation, act=act, person_id=None, now=now)
        issued = rotation.rotate(
            session, key=key, brand="pst", overlap=overlap or Overlap(hours=24), person_id=None, now=now
        )
        session.commit()
        return key, secrets[0], issued.secret

    return go


@pytest.mark.parametrize("act", [None, "quarantine"])
@on_one
def test_of_a_rotated_key_only_the_secret_that_leaked_ends(session, rotated, now, act):
    key, earlier, present = rotated(act=act)

    taken = services.take_in(session, [Report(earlier, "commit", "here")], reporter=models.GITHUB, now=now)

    (find,) = taken.finds
    assert (find.did, find.is_alarm, find.hint[-4:]) == ("ended", True, earlier[-4:])
    assert (key.state_at(now), rotation.working_secrets(session, key, now=now)) == ("live", [])
    (other,) = services.take_in(session, [Report(present, "commit", "here")], reporter=models.GITHUB, now=now).finds
    assert other.did == ("revoked" if act is None else "disabled")


@on_one
def test_a_secret_that_ended_before_alarms_nobody(session, rotated, now):
    key, earlier, _ = rotated(overlap=rotation.NOW)

    (find,) = services.take_in(session, [Report(earlier, "commit", "")], reporter=models.GITHUB, now=now).finds

    assert (find.did, find.is_alarm, key.state_at(now)) == ("dead", False, "live")


@on_one
def test_a_key_that_was_off_already_is_marked_for_whoever_would_enable_it(session, leak, now):
    key, secret, find = leak("quarantine", is_enabled=False)
    assert (find.did, find.is_alarm, key.disabled_reason) == ("disabled", True, "leak")
    assert key.disabled_note == "Found in a commit on GitHub."

    (again,) = services.take_in(session, [Report(secret, "npm", "")], reporter=models.GITHUB, now=now).finds
    assert (again.did, again.is_alarm) == ("dead", False)
