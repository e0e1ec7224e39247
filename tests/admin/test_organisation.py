"""What an operator sees of one organisation, and does about it."""

import pytest
from sqlmodel import select

from app.admin.models import OrganisationNote
from app.billing import credit
from app.core.audit import AuditEntry
from app.limits import entitlements, raises
from app.organisations import stopping
from app.plans import succession
from tests.databases import on_both
from tests.plans.catalogues import apply


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", email="opal@example.com", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


@pytest.fixture
def place(owner):
    return f"/operator/organisations/{owner.organisation.id}"


def entries(session, organisation):
    """Action to who did it."""
    found = session.exec(select(AuditEntry).where(AuditEntry.organisation_id == organisation.id))
    return {entry.action: entry.person_id for entry in found}


@on_both
def test_it_is_found_by_name_slug_id_key_and_people(operator, owner, outsider, make):
    key = make.key(owner.organisation)
    acme = owner.organisation

    for text in ("acm", acme.slug, str(acme.id), key.prefix, key.hint, "olive@example", "Olive"):
        found = operator.get("/operator/", query_string={"q": text}).page
        assert f"/operator/organisations/{acme.id}" in found.links, text
        assert f"/operator/organisations/{outsider.organisation.id}" not in found.links, text
    assert "Nothing here is called “100%”" in operator.get("/operator/", query_string={"q": "100%"}).text


@on_both
def test_every_side_of_it_can_be_looked_at(operator, owner, member, place, make, session, now):
    apply(session, now=now)
    succession.enrol(session, now=now)
    entitlements.apply(session, organisation=owner.organisation, now=now)
    key = make.key(owner.organisation, name="ci")
    make.call(key, make.integration("sampler"))

    overview = operator.get(place).text
    for words in ("Acme", "Free", "1,000 calls a month", "Its plan"):
        assert words in overview
    keys = operator.get(place + "?show=keys").text
    assert key.hint in keys
    members = operator.get(place + "?show=members").text
    assert "Olive Owner" in members
    assert "max@example.com" in members
    assert "made the key “ci”" in operator.get(operator.get(place + "?show=trail", status=303).location).text
    operator.get(place + "?show=secrets", status=422)


def test_suspending_says_why_above_every_page_and_is_lifted(operator, owner, place, session):
    operator.get(place + "/suspend")
    assert "Say why" in operator.post(place + "/suspend", words=" ", status=422).text
    operator.post(place + "/suspend", words="Odd calls. Write to us.")

    assert "Odd calls. Write to us." in owner.get("/keys/").text
    assert "Calls of Acme are stopped" in owner.get("/usage/").text
    assert entries(session, owner.organisation)["organisation.suspended"] == operator.person.id
    assert "already" in operator.post(place + "/suspend", words="Again.", status=422).text

    operator.post(place + "/resume")
    assert "are stopped" not in owner.get("/keys/").text
    operator.post(place + "/resume", status=409)


def test_credit_is_given_once_per_form_with_a_reason(operator, owner, place, session, now):
    apply(session, now=now)
    succession.enrol(session, now=now)
    visit = operator.get(place + "/credit").page.forms[-1].fields["visit"]
    form = {"visit": visit, "amount": "25.00", "kind": "gift", "until": "", "words": "For the outage."}
    for broken in ({"amount": "x"}, {"words": ""}, {"kind": "promotional"}, {"kind": "bribe"}, {"until": "tomorrow"}):
        page = operator.post(place + "/credit", status=422, **(form | broken))
        assert broken.get("words", "For the outage.") in page.html
    operator.post(place + "/credit", **form)
    operator.post(place + "/credit", **form)

    assert credit.balance(session, owner.organisation.id, "usd", at=now) == 25 * 100 * 10**9
    assert entries(session, owner.organisation)["credit.given"] == operator.person.id
    assert "For the outage." in owner.get("/billing/wallet/").text


def test_a_limit_is_raised_with_an_end_shown_to_the_customer_and_ended(operator, owner, place, session, now):
    apply(session, now=now)
    succession.enrol(session, now=now)
    entitlements.apply(session, organisation=owner.organisation, now=now)
    assert "the plan allows 1,000" in operator.get(place + "/raise").text
    form = {"place": "calls/month", "most": "5,000", "until": "2031-01-31", "reason": "A launch."}
    for broken in ({"most": "10"}, {"most": "many"}, {"until": "2001-01-01"}, {"until": ""}, {"reason": ""}):
        operator.post(place + "/raise", status=422, **(form | broken))
    operator.post(place + "/raise", **form)

    shown = owner.get("/billing/limits/").text
    assert "5,000 calls a month" in shown
    assert "above your plan, until 31 January 2031" in shown
    given = raises.in_force(session, owner.organisation.id, at=now)[0]
    assert "A launch." in operator.get(place).text
    operator.post(f"{place}/raises/{given.id}/end")
    assert "1,000 calls a month" in owner.get("/billing/limits/").text
    operator.post(f"{place}/raises/{given.id}/end", status=404)


def test_notes_are_for_operators_and_the_trail_tells_only_that_there_is_one(operator, owner, place, session):
    operator.post(place + "/notes", words="", status=422)
    operator.post(place + "/notes", words="x" * 2_001, status=422)
    operator.post(place + "/notes", words="Pays by <invoice>.\nAsk Kim.")

    assert "Pays by <invoice>." in operator.get(place + "?show=notes").text
    assert session.exec(select(OrganisationNote)).one().person_id == operator.person.id
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "organisation.noted")).one()
    assert "Kim" not in str(entry.details)


def test_one_that_is_about_to_be_deleted_is_not_resumed_here(operator, owner, place, session, now):
    stopping.stop(
        session, organisation=owner.organisation, why=stopping.DELETING, words="Its owner wants it.", person_id=None,
        now=now,
    )  # fmt: skip

    assert "About to be deleted" in operator.get(place).text
    operator.post(place + "/resume", status=409)


def test_others_see_none_of_it(owner, member, place):
    for browser in (owner, member):
        for path in ("", "/suspend", "/credit", "/raise"):
            browser.get(place + path, status=404)
