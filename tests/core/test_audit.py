"""Who did what is written down with where it came from, and read again as a sentence."""

from dataclasses import asdict
from uuid import UUID

import pytest
from sqlmodel import select

from app.core import audit, audit_words
from app.core.audit import AuditEntry, Origin
from app.core.audit_words import Change, Fact
from tests.databases import on_one

PERSON_ID = UUID(int=1)
pytestmark = on_one


@pytest.fixture(autouse=True)
def _forgotten():
    audit.set_origin(None)
    yield
    audit.set_origin(None)


def only(session):
    session.flush()
    return session.exec(select(AuditEntry)).one()


@pytest.mark.parametrize(
    ("origin", "person_id", "kind", "said"),
    [
        (Origin(), None, "itself", "Postern revoked the key “ci”."),
        (Origin(), PERSON_ID, "person", "Somebody who is gone revoked the key “ci”."),
        (Origin("person", "Alex", PERSON_ID), PERSON_ID, "person", "Alex revoked the key “ci”."),
        (Origin("person", "Alex", UUID(int=2)), PERSON_ID, "person", "Somebody who is gone revoked the key “ci”."),
        (Origin("person", "", None, None, "192.0.2.1", "Stripe"), None, "itself", "Postern revoked the key “ci”."),
        (Origin("operator", "Kim", PERSON_ID), None, "operator", "Kim (an operator) revoked the key “ci”."),
        (
            Origin("admin_key", "deploy", None, UUID(int=9)),
            None,
            "admin_key",
            "The admin key “deploy” revoked the key “ci”.",
        ),
        (Origin("command_line", "root"), None, "command_line", "root (on the command line) revoked the key “ci”."),
    ],
)
def test_who_acted_is_kept_with_their_name_of_then(session, now, origin, person_id, kind, said):
    audit.set_origin(origin)

    audit.record(session, action="key.revoked", now=now, person_id=person_id, details={"name": "ci"})

    entry = only(session)
    assert (entry.actor_kind, audit_words.sentence(entry)) == (kind, said)
    assert (entry.address, entry.client) == (origin.address, origin.client)
    assert entry.admin_key_id == asdict(origin)["admin_key_id"]


def test_what_a_client_says_of_itself_is_one_line_and_short(session, now):
    audit.set_origin(Origin("person", client="curl\r\nX-Evil: 1\x00\u2028" + "x" * 500, address="2001:db8::1" * 9))

    audit.record(session, action="key.revoked", now=now)

    entry = only(session)
    assert entry.client.startswith("curl X-Evil: 1 xx")
    assert (len(entry.client), len(entry.address)) == (audit.CLIENT_LENGTH, 45)


def test_changes_stand_apart_from_what_is_only_said(session, now):
    details = {"name": "ci", "reaches": "everything → greet", "expires": "never → 2026-12-01T00:00:00+00:00"}
    audit.record(session, action="key.changed", now=now, details=details)

    entry = only(session)

    assert audit_words.changes(entry) == [
        Change("Expires", "never", "2026-12-01 00:00 UTC"),
        Change("Reaches", "everything", "greet"),
    ]
    assert audit_words.facts(entry) == [Fact("Name", "ci")]


def test_a_change_of_older_entries_is_read_as_one(session, now):
    audit.record(session, action="limit.set", now=now, details={"name": "all-calls", "limit": "calls 9", "was": "none"})

    entry = only(session)

    assert audit_words.changes(entry) == [Change("Limit", "none", "9 calls")]
    assert audit_words.facts(entry) == []


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("calls 1000/month", "1,000 calls a month"),
        ("calls 1/hour, slow", "1 call an hour, then calls slow down"),
        ("streams 20", "20 streams at once"),
        ("spend $50.00/month, notify", "$50.00 a month, then people are told"),
        ("spend 50.00 sek/day", "50.00 sek a day"),
        ("spend 0/month", "no calls that cost something"),
        ("spend 5000000000/day", "spend 5000000000/day"),
    ],
)
def test_limits_are_said_as_people_say_them_and_rules_keep_their_names_to_themselves(session, now, limit, words):
    audit.record(session, action="limit.set", now=now, details={"name": "organisation-calls-month", "limit": limit})

    assert audit_words.sentence(only(session)) == f"Postern set the limit {words}."


def test_details_say_what_they_say_and_nothing_of_the_form(session, now):
    audit.record(session, action="key.issued", now=now, details={"name": "{key} [x]", "key": "pst_live_…abcd"})

    assert audit_words.sentence(only(session)) == "Postern made the key “{key} [x]” (pst_live_…abcd)."
