"""Signing in by an organisation's own provider: proven domains, members made on first sign-in, and what it opens."""

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.accounts.models import Identity
from app.accounts.oauth import Client, WayOut
from app.core import dns_txt
from app.core.mail import Mail
from app.organisations import domains
from app.organisations.models import Organisation
from app.organisations.provider_models import Domain, OwnProvider
from tests.accounts.provider import CLIENT_SECRET
from tests.databases import on_both
from tests.team.own_provider import PAGE, come_by, newest, role_in, settings_of


@on_both
def test_address_leads_to_the_provider_and_members_are_made_on_first_sign_in(owner, connected, idp, browse, session):
    browse.get("/sign-in/sso")
    found = browse.post("/sign-in/sso", email="Nell@ACME.example", status=200)
    assert "Sign in to Acme" in found.text
    assert f"/sign-in/sso/{connected.id}" in found.page.links

    assert come_by(browse, idp, connected).location == "/home/"

    person = newest(session)
    assert role_in(session, owner.organisation, person.id) == "viewer"
    assert "Settings of Acme" in browse.get("/organisation/").text
    assert [one.name for one in session.exec(select(Organisation))] == ["Acme"]
    browse.get("/keys/new", status=403)


@pytest.mark.parametrize("address", ["nell@elsewhere.example", "nell@sub.acme.example", "nell", "@acme.example"])
def test_address_that_nobody_proved_leads_nowhere(connected, browse, address):
    browse.get("/sign-in/sso")

    browse.post("/sign-in/sso", email=address, status=422)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "nell@elsewhere.example"}, "has proven"),
        ({"email": "nell@acme.example.evil.example"}, "has proven"),
        ({"email": "olive@example.com"}, "has proven"),
        ({"email": None}, "does not say what your e-mail address is"),
        ({"email_verified": False}, "was never confirmed"),
    ],
)
def test_provider_vouches_for_proven_domains_alone(connected, idp, browse, session, claims, words):
    assert words in come_by(browse, idp, connected, status=400, **claims).text

    assert session.exec(select(Identity).where(Identity.provider == "sso")).all() == []
    browse.get("/home/", status=303)


def test_same_address_at_another_issuer_is_another_person(owner, connected, idp, browse, session, make):
    somebody = make.person("Known", email="nell@acme.example")
    make.membership(owner.organisation, somebody, role="admin")

    come_by(browse, idp, connected)

    assert newest(session).id != somebody.id
    assert role_in(session, owner.organisation, newest(session).id) == "viewer"


def test_who_was_taken_out_does_not_come_back_by_signing_in(owner, connected, idp, browse, new_browser, session):
    come_by(browse, idp, connected)
    person = newest(session)
    owner.post(f"/organisation/members/{person.id}/remove")

    assert "You were taken out" in come_by(new_browser(), idp, connected, status=400).text

    assert role_in(session, owner.organisation, person.id) is None


def test_session_by_it_opens_that_organisation_alone(owner, connected, idp, sign_in, make, session):
    person = make.person("Nell New", email="private@example.org", is_operator=True)
    make.membership(owner.organisation, person)
    own = make.organisation("Private", owner=person)
    browser = sign_in(person)
    browser.get("/operator/")
    assert come_by(browser, idp, connected, query="?link=1").location == "/account/link"
    browser.get("/account/link")
    browser.post("/account/link")

    come_by(browser, idp, connected)

    assert browser.get("/organisation/").text.count("Private") == 0
    browser.post("/organisations/switch", organisation_id=str(own.id))
    assert "Settings of Acme" in browser.get("/organisation/").text
    assert "Private" not in browser.get("/organisations/").text
    browser.get("/operator/", status=404)
    browser.post("/organisations/", name="Another", status=403)
    identity = session.exec(select(Identity).where(Identity.person_id == person.id)).first()
    browser.post(f"/account/identities/{identity.id}/unlink", status=403)
    owner.post(f"{PAGE}provider/remove")
    assert browser.get("/organisation/", status=303).location == "/organisations/"


def test_required_sign_in_sends_members_with_the_domain_there_and_spares_owners(
    owner, member, connected, idp, make, sign_in, session
):
    nell = make.person("Nell", email="nell@acme.example")
    make.membership(owner.organisation, nell)
    browser = sign_in(nell)
    owner.post(f"{PAGE}require", to="on")

    assert browser.get("/keys/", status=303).location == f"/sign-in/sso/{connected.id}?next=/keys/&link=1"
    member.get("/keys/")
    owner.get("/keys/")
    come_by(browser, idp, connected, query="?link=1")
    browser.get("/account/link")
    browser.post("/account/link")
    for typed in (f"{idp.issuer}/", idp.issuer):  # what the provider itself writes is one of the two
        connected.issuer = typed
        session.add(connected)
        assert browser.get("/keys/", status=303).location == f"/sign-in/sso/{connected.id}?next=/keys/"
    assert come_by(browser, idp, connected, query="?next=/keys/").location == "/keys/"
    browser.get("/keys/")

    owner.post(f"{PAGE}require", to="off")
    sign_in(nell).get("/keys/")


def test_it_is_required_only_once_it_is_proven_and_tested(owner, idp, records, session):
    owner.get(PAGE)
    owner.post(f"{PAGE}provider", **settings_of(idp))
    owner.post(f"{PAGE}require", to="on")
    assert "Prove a domain first" in owner.get(PAGE).text

    idp.discovery = {"issuer": "https://other.example"}
    owner.post(f"{PAGE}provider/test")
    assert "is another issuer" in owner.get(PAGE).text
    idp.reset()
    owner.post(f"{PAGE}provider/test")
    assert "Works" in owner.get(PAGE).text
    assert CLIENT_SECRET not in session.exec(select(OwnProvider)).one().client_secret


def test_issuer_that_members_have_to_come_in_by_is_made_optional_before_it_is_changed(owner, connected, idp, session):
    owner.post(f"{PAGE}require", to="on")
    other = settings_of(idp, issuer="https://other.example")

    assert "Make it optional" in owner.post(f"{PAGE}provider", status=422, **other).text
    session.refresh(connected)
    assert connected.issuer == idp.issuer

    owner.post(f"{PAGE}require", to="off")
    owner.post(f"{PAGE}provider", **other)
    session.refresh(connected)
    assert (connected.issuer, connected.is_required) == ("https://other.example", False)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"issuer": "ftp://x"}, "An address looks like"),
        ({"issuer": "https://user@example.com"}, "An address looks like"),
        ({"issuer": "https://10.0.0.1"}, "private network"),
        ({"client_secret": ""}, "Give the client secret"),
        ({"default_role": "owner"}, "is one of developer"),
    ],
)
def test_connection_that_cannot_be_meant_is_refused(owner, idp, session, wrong, words):
    owner.get(PAGE)

    assert words in owner.post(f"{PAGE}provider", status=422, **settings_of(idp, **wrong)).text

    assert session.exec(select(OwnProvider)).all() == []


def test_nobody_waits_for_the_database_while_others_are_asked(owner, connected, session, engine, hand, monkeypatch):
    def others_write(*_, **__):
        with engine.begin() as connection:
            connection.execute(text("UPDATE person SET name = name"))
        return answer

    answer = WayOut("https://login.example", "state", "nonce", "verifier")
    monkeypatch.setattr(dns_txt, "texts", lambda *_, **__: [others_write().url])
    monkeypatch.setattr(Client, "look", others_write)
    monkeypatch.setattr(Client, "way_out", others_write)
    domain = session.exec(select(Domain)).one()
    for path in (f"domains/{domain.id}/check", "provider/test"):
        hand.moves(minutes=2)  # so that the request itself writes when the session was last seen
        owner.post(f"{PAGE}{path}")
    hand.moves(minutes=2)
    assert owner.get(f"/sign-in/sso/{connected.id}?link=1", status=303).location == answer.url


@on_both
def test_domain_is_one_organisations_at_a_time(owner, outsider, records, session):
    for browser in (owner, outsider):
        browser.get(PAGE)
        browser.post(f"{PAGE}domains", name="Acme.Example.")
    first, second = sorted(session.exec(select(Domain)), key=lambda one: one.organisation_id != owner.organisation.id)
    owner.post(f"{PAGE}domains/{first.id}/check")
    assert "is not there yet" in owner.get(PAGE).text
    records[first.record_name] = [first.record, second.record]

    owner.post(f"{PAGE}domains/{first.id}/check")
    outsider.post(f"{PAGE}domains/{second.id}/check")

    assert "Another organisation here has proven acme.example" in outsider.get(PAGE).text
    assert domains.whose(session, "acme.example") == owner.organisation.id
    for name in ("gmail.com", "acme", "x..y", "1.2.3.4", "acme.example"):
        owner.post(f"{PAGE}domains", name=name, status=422)


def test_domain_whose_record_is_gone_lapses_after_three_days(owner, connected, session, hand, idp, new_browser):
    domain = session.exec(select(Domain)).one()
    domains.look_again(session, domain=domain, found=None, now=hand.now)
    assert domain.missing_since is None
    for _ in range(3):
        domains.look_again(session, domain=domain, found=[], now=hand.now)
        assert domain.proven_at is not None
        hand.moves(days=1)

    domains.look_again(session, domain=domain, found=[], now=hand.now)

    assert domain.proven_at is None
    session.commit()
    assert [one.template for one in session.exec(select(Mail))] == ["domain_lapsed"]
    assert "has proven" in come_by(new_browser(), idp, connected, status=400).text
