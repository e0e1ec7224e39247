"""A key's terms: checked with words, kept in one form, changed later, told to gateways and written down."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import changes, errors
from app.core.audit import AuditEntry
from app.integrations.models import NEW, Installation, Tool
from app.keys import models, services, terms
from app.keys.terms import Terms


@pytest.fixture
def acme(make):
    return make.organisation("Acme")


@pytest.fixture
def issue(session, acme, now):
    def issue(**chosen):
        issued = services.issue(
            session, organisation=acme, name="ci", brand="pst", on=Terms(**chosen), person_id=None, now=now
        )
        return issued.key

    return issue


@pytest.fixture
def clock(session, make, now):
    integration = make.integration("clock", tools=())
    for name in ("get_current_time", "convert_time"):
        session.add(Tool(integration_id=integration.id, name=name, state=NEW, found_at=now))
    session.flush()
    return integration


def last_entry(session, key):
    statement = select(AuditEntry).where(AuditEntry.subject_id == key.id).order_by(AuditEntry.at.desc())
    return session.exec(statement).first()


def test_without_terms_a_key_reaches_everything_from_anywhere_for_good(issue, now):
    key = issue()

    assert (key.scopes, key.networks, key.expires_at) == (None, [], None)
    assert (key.reach, key.origin, key.state_at(now)) == ("Everything", "Anywhere", models.LIVE)


def test_terms_are_kept_in_one_form(session, issue, make, clock, now):
    make.integration("sampler")
    key = issue(
        scopes=("sampler", "clock/get_current_time", "sampler/greet"),
        networks=("10.0.0.0/8", "::ffff:192.0.2.7"),
        expires_at=now + timedelta(days=90),
    )
    session.expire_all()

    assert key.scopes == ["clock/get_current_time", "sampler"]
    assert key.networks == ["10.0.0.0/8", "192.0.2.7"]
    assert key.expires_at == now + timedelta(days=90)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"scopes": ("clok",)}, "“Acme” has no integration called “clok”"),
        ({"scopes": ("clock/get_time",)}, "It has: convert_time, get_current_time"),
        ({"scopes": ("clock/*",)}, "Write “clock” for all of it"),
        ({"scopes": ("clock/",)}, "is not a scope"),
        ({"scopes": ("/greet",)}, "is not a scope"),
        ({"scopes": ("",)}, "is not a scope"),
        ({"scopes": ("clock/a\nb",)}, "is not a scope"),
        ({"scopes": ()}, "would reach nothing"),
        ({"scopes": tuple(f"clock/{n}" for n in range(201))}, "200 scopes at most"),
        ({"networks": ("10.0.0.1/8",)}, "Write 10.0.0.0/8"),
        ({"networks": ("office",)}, "Write an address"),
        ({"networks": tuple(f"10.0.0.{n}" for n in range(101))}, "100 networks at most"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_with_words(issue, clock, chosen, words):
    with pytest.raises(errors.Invalid, match=words):
        issue(**chosen)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_key_cannot_expire_before_it_begins(issue, now, seconds):
    with pytest.raises(errors.Invalid, match="2026-11-22 14:03 UTC is over"):
        issue(expires_at=now + timedelta(seconds=seconds))


def test_an_integration_nobody_has_looked_into_may_have_any_tool(issue, make):
    make.integration("fresh", tools=())

    assert issue(scopes=("fresh/whatever",)).scopes == ["fresh/whatever"]


def test_a_scope_needs_an_integration_that_the_organisation_may_use(session, issue, make, acme, now):
    private = make.integration("private")
    private.is_open = False
    session.flush()
    with pytest.raises(errors.Invalid, match="no integration called “private”"):
        issue(scopes=("private",))

    session.add(Installation(organisation_id=acme.id, integration_id=private.id, installed_at=now))
    session.flush()

    assert issue(scopes=("private",)).reach == "private"


def test_a_change_of_terms_is_announced_and_written_down(session, issue, clock, now):
    key = issue()
    before = changes.newest(session)
    to = replace(terms.terms_of(key), scopes=("clock",), expires_at=now + timedelta(days=1))

    services.change(session, key=key, to=to, person_id=None, now=now + timedelta(minutes=1))

    assert terms.terms_of(key) == to
    assert [(c.kind, c.subject_id) for c in changes.since(session, before)] == [("key", key.id)]
    entry = last_entry(session, key)
    assert entry.action == "key.changed"
    assert entry.details == {
        "name": "ci",
        "key": key.hint,
        "reaches": "Everything → clock",
        "expires": "Never → 2026-11-23 14:03 UTC",
    }


def test_the_same_terms_again_are_refused_aloud(session, issue, now):
    key = issue()

    with pytest.raises(errors.Conflict, match="already"):
        services.change(session, key=key, to=terms.terms_of(key), person_id=None, now=now)


def test_bad_terms_change_nothing(session, issue, clock, now):
    key = issue(scopes=("clock",))

    with pytest.raises(errors.Invalid):
        services.change(session, key=key, to=Terms(scopes=("nowhere",)), person_id=None, now=now)

    assert key.reach == "clock"


def test_an_expired_key_comes_back_with_a_later_expiry(session, issue, now):
    key = issue(expires_at=now + timedelta(hours=1))
    later = now + timedelta(hours=2)
    assert key.state_at(later) == models.EXPIRED

    services.change(session, key=key, to=Terms(expires_at=later + timedelta(hours=1)), person_id=None, now=later)

    assert key.state_at(later) == models.LIVE


def test_a_key_expires_at_the_moment_that_was_said(issue, now):
    key = issue(expires_at=now + timedelta(hours=1))

    assert key.state_at(now + timedelta(minutes=59, seconds=59)) == models.LIVE
    assert key.state_at(now + timedelta(hours=1)) == models.EXPIRED


def test_disabling_is_not_revoking(session, make, now):
    key = make.key()
    before = changes.newest(session)

    services.disable(session, key=key, person_id=None, now=now)
    assert key.state_at(now) == models.DISABLED
    services.enable(session, key=key, person_id=None, now=now)
    assert key.state_at(now) == models.LIVE

    assert [c.subject_id for c in changes.since(session, before)] == [key.id, key.id]
    actions = {entry.action for entry in session.exec(select(AuditEntry).where(AuditEntry.subject_id == key.id))}
    assert actions == {"key.issued", "key.disabled", "key.enabled"}


def test_switching_to_what_it_is_already_is_refused_aloud(session, make, now):
    key = make.key()

    with pytest.raises(errors.Conflict, match="not disabled"):
        services.enable(session, key=key, person_id=None, now=now)
    services.disable(session, key=key, person_id=None, now=now)
    with pytest.raises(errors.Conflict, match="already disabled"):
        services.disable(session, key=key, person_id=None, now=now)


@pytest.mark.parametrize("act", [services.disable, services.enable])
def test_revoked_is_for_good(session, make, now, act):
    key = make.key(revoked_at=now)

    with pytest.raises(errors.Conflict, match="for good"):
        act(session, key=key, person_id=None, now=now)
    with pytest.raises(errors.Conflict, match="for good"):
        services.change(session, key=key, to=Terms(networks=("10.0.0.0/8",)), person_id=None, now=now)
    assert key.state_at(now) == models.REVOKED
