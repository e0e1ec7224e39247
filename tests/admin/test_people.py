"""Operators find people, sign them out, and give or erase what is kept of them."""

import json

import pytest
from sqlmodel import select

from app.accounts.models import BrowserSession, Identity, Person
from app.core import audit_words, mail
from app.core.audit import AuditEntry
from app.core.mail import Mail
from app.keys.models import Key
from app.organisations import closing, stopping
from app.organisations.models import Membership
from tests.databases import on_both


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", email="opal@example.com", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


def at(browser):
    return f"/operator/people/{browser.person.id}"


@on_both
def test_people_are_found_by_name_address_and_id(operator, owner, member):
    for text in ("olive", "olive@example.com", str(owner.person.id)):
        links = operator.get("/operator/people/", query_string={"q": text}).page.links
        assert at(owner) in links
        assert at(member) not in links
    assert "Nobody is called “_”" in operator.get("/operator/people/", query_string={"q": "_"}).text


@on_both
def test_one_person_shows_where_they_belong_and_are_signed_in(operator, member):
    shown = operator.get(at(member)).text

    for words in ("Max Member", "max@example.com", "Acme", "Developer", "Firefox"):
        assert words in shown
    operator.get("/operator/people/00000000-0000-0000-0000-000000000007", status=404)


def test_signing_out_ends_every_browser_and_the_organisation_sees_who_did(operator, member, session):
    operator.post(at(member) + "/sign-out")

    assert "/sign-in" in member.get("/home/", status=303).location
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "person.signed_out")).one()
    assert (entry.organisation_id, entry.person_id) == (member.organisation.id, operator.person.id)
    assert entry.details == {"person": "Max Member", "browsers": "1"}


def test_the_export_holds_all_that_is_kept_and_no_secret(operator, member, session, now):
    mail.queue(session, to="max@example.com", template="test", context={"product": "Postern"}, key="one", now=now)

    answer = operator.post(at(member) + "/export.json", status=200)

    found = json.loads(answer.html)
    assert found["person"]["email"] == "max@example.com"
    assert [way["label"] for way in found["identities"]] == ["Max Member"]
    assert found["organisations"][0]["role"] == "developer"
    assert found["mail"][0]["template"] == "test"
    row = session.exec(select(BrowserSession).where(BrowserSession.person_id == member.person.id)).one()
    assert row.token_digest not in answer.html
    assert answer.headers["Cache-Control"] == "no-store"
    assert session.exec(select(AuditEntry).where(AuditEntry.action == "person.exported")).one()


@on_both
def test_erasing_takes_everything_that_says_who_they_are(operator, owner, member, make, session, now):
    theirs = make.organisation("Max Member", owner=member.person, is_personal=True)
    key, kept = make.key(theirs), make.key(owner.organisation, person_id=member.person.id)
    mail.queue(session, to="max@example.com", template="test", context={"product": "Postern"}, key="one", now=now)
    person_id = member.person.id
    assert "To be sure" in operator.get(at(member) + "/erase").html
    operator.post(f"/operator/people/{person_id}/erase", name="Max", status=422)

    operator.post(f"/operator/people/{person_id}/erase", name="Max Member")

    person = session.get_one(Person, person_id)
    assert (person.name, person.email) == ("An erased person", None)
    for table in (Identity, BrowserSession, Membership):
        assert session.exec(select(table).where(table.person_id == person_id)).first() is None
    assert session.exec(select(Mail)).first() is None
    assert session.get_one(Key, key.id).is_revoked
    assert not session.get_one(Key, kept.id).is_revoked, "keys belong to the organisation"
    session.refresh(theirs)
    assert (theirs.stopped_why, theirs.name) == ("deleting", "An erased person")
    assert [one.id for one in closing.due(session, now=now + closing.GRACE)] == [theirs.id]
    assert "/sign-in" in member.get("/home/", status=303).location
    operator.post(f"/operator/people/{person_id}/erase", name="An erased person", status=422)


def test_who_was_erased_is_not_named_in_the_trail_and_what_was_suspended_goes_too(operator, member, make, session, now):
    place = make.organisation(owner=member.person)
    stopping.stop(session, organisation=place, why="suspended", words="Odd calls.", person_id=None, now=now)
    session.commit()
    operator.get(at(member) + "/erase")

    operator.post(at(member) + "/erase", name="Max Member")

    session.expire_all()
    assert (place.stopped_why, place.closes_at) == ("deleting", now + closing.GRACE)
    erased = session.exec(select(AuditEntry).where(AuditEntry.action == "person.erased")).all()
    assert {audit_words.deed(one) for one in erased} == {"erased a person, on their request"}
    assert "Max" not in str([one.details for one in erased])


def test_an_organisation_is_never_left_without_an_owner(operator, owner, member):
    assert "would have no owner" in operator.get(at(owner) + "/erase").text

    answer = operator.post(at(owner) + "/erase", name="Olive Owner", status=422)

    assert "Without them, Acme would have no owner" in answer.text
    assert owner.get("/keys/").status == 200


def test_operators_are_not_erased(operator):
    assert "postern operator remove" in operator.post(at(operator) + "/erase", name="Opal Operator", status=422).text


def test_for_everyone_else_there_are_no_such_pages(owner, member):
    for path in ("/operator/people/", at(member), at(member) + "/erase"):
        owner.get(path, status=404)
