"""An account is (issuer, subject); another way in is linked only while signed in, and only by its owner's own word."""

import threading

import pytest
from sqlmodel import Session, select

from app.accounts import services
from app.accounts.models import Identity, Person
from app.accounts.services import Claims
from app.core.audit import AuditEntry
from app.core.errors import Conflict
from tests.accounts.provider import Provider
from tests.databases import on_both
from tests.waiting import PATIENCE_S

OFFER = "/account/link"


@pytest.fixture(scope="session")
def started_second_provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def second(started_second_provider):
    started_second_provider.reset()
    return started_second_provider


@pytest.fixture
def settings(settings, second):
    return settings.model_copy(update={"oidc_providers": (*settings.oidc_providers, second.settings("work", "Work"))})


@pytest.fixture
def alex(browse, come_in):
    """Somebody who came in over the first provider."""
    come_in(browse)
    browse.get("/first-call/")
    return browse


@pytest.fixture
def offered(second):
    """Brings an identity of the second provider back to a browser that wants to link it."""

    def go(browser, **claims):
        location = browser.get("/sign-in/work?link=1", status=303).location
        return browser.get(second.approve(location, **claims), status=303)

    return go


def people(session):
    return list(session.exec(select(Person)))


def identities(session):
    return list(session.exec(select(Identity)))


@on_both
def test_linked_provider_opens_the_same_account(alex, offered, second, new_browser, session):
    assert offered(alex, subject="a.mason", email="alex@work.example").location == OFFER
    page = alex.get(OFFER)
    assert "alex@work.example" in page.text

    answer = alex.post(OFFER)

    assert answer.location == "/account"
    assert "“alex@work.example” at Work now opens your account too." in alex.get("/account").text
    other = new_browser()
    other.get(second.approve(other.get("/sign-in/work", status=303).location, subject="a.mason"), status=303)
    assert len(people(session)) == 1
    assert "Alex Mason" in other.get("/account").text


def test_nothing_is_linked_before_the_person_says_so(alex, offered, session):
    offered(alex)
    alex.get(OFFER)

    assert len(identities(session)) == 1


def test_same_address_elsewhere_is_another_account_unless_linked(alex, second, new_browser, session):
    other = new_browser()

    other.get(second.approve(other.get("/sign-in/work", status=303).location), status=303)

    assert len(people(session)) == 2


@on_both
def test_identity_of_somebody_else_cannot_be_linked(alex, offered, second, new_browser, session):
    sam = new_browser()
    sam.get(second.approve(sam.get("/sign-in/work", status=303).location, subject="sam"), status=303)

    offered(alex, subject="sam", email="sam@work.example")
    alex.post(OFFER)

    assert "already opens another account here" in alex.get("/account").text
    assert len(identities(session)) == 2


def test_own_identity_is_not_linked_twice(alex, provider):
    location = alex.get("/sign-in/local?link=1", status=303).location
    alex.get(provider.approve(location), status=303)

    alex.post(OFFER)

    assert "is already linked to your account" in alex.get("/account").text


def test_offer_is_answered_once_and_in_time(alex, offered, hand):
    offered(alex, subject="a.mason")
    alex.post(OFFER)
    alex.get(OFFER, status=422)

    offered(alex, subject="a.second")
    hand.moves(minutes=10)

    alex.post(OFFER)
    assert "longer than ten minutes" in alex.get("/account").text


def test_linking_needs_somebody_signed_in(browse, offered, second, session):
    answer = offered(browse, subject="a.mason")

    assert answer.location == "/first-call/"
    assert len(people(session)) == 1
    browse.get(OFFER, status=422)


def test_nothing_is_linked_to_whoever_signed_in_meanwhile(alex, second, provider, session):
    location = alex.get("/sign-in/work?link=1", status=303).location
    alex.get(provider.approve(alex.get("/sign-in/local", status=303).location, subject="sam"), status=303)

    alex.get(second.approve(location, subject="a.mason"), status=400)

    assert {one.subject for one in identities(session)} == {"alex", "sam"}


def test_another_site_cannot_link_by_leading_the_browser_here(alex, second, session):
    """A page elsewhere sends the browser through a link with an account of its own: nothing happens unasked."""
    location = alex.get("/sign-in/work?link=1", status=303).location
    alex.get(second.approve(location, subject="mallory"), status=303)

    forged = alex.open("POST", OFFER, headers={"Origin": "https://evil.example"})

    assert forged.status == 403
    assert len(identities(session)) == 1


@on_both
def test_identity_is_unlinked_but_never_the_last(alex, offered, session):
    offered(alex, subject="a.mason", email="alex@work.example")
    alex.post(OFFER)
    first, second = sorted(identities(session), key=lambda one: one.subject != "alex")

    alex.post(f"/account/identities/{first.id}/unlink")
    assert "no longer opens your account" in alex.get("/account").text
    alex.post(f"/account/identities/{second.id}/unlink")

    assert "This is the only way into your account" in alex.get("/account").text
    assert [one.subject for one in identities(session)] == ["a.mason"]


def test_a_stranger_s_identity_is_not_found(alex, outsider, session):
    [identity] = [one for one in identities(session) if one.subject == "alex"]

    outsider.post(f"/account/identities/{identity.id}/unlink", status=404)

    assert identity.id in {one.id for one in identities(session)}


def test_two_unlinks_at_once_leave_one_way_in(engine, make, session, now):
    person = make.person()
    claims = Claims("work", "https://work.example", "a.mason", "Alex", None, "alex")
    services.link(session, person=person, claims=claims, now=now)
    session.commit()
    ids = [one.id for one in identities(session)]
    barrier, refused = threading.Barrier(2), []

    def unlink(identity_id):
        with Session(engine) as own:
            own_person, identity = own.get_one(Person, person.id), own.get_one(Identity, identity_id)
            barrier.wait(timeout=PATIENCE_S)
            try:
                services.unlink(own, person=own_person, identity=identity, now=now)
                own.commit()
            except Conflict:
                refused.append(identity_id)

    threads = [threading.Thread(target=unlink, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE_S)

    session.expire_all()
    assert len(refused) == 1
    assert [one.id for one in identities(session)] == refused


@on_both
def test_linking_and_unlinking_are_written_down(alex, offered, session):
    offered(alex, subject="a.mason")
    alex.post(OFFER)
    [new] = [one.id for one in identities(session) if one.subject == "a.mason"]
    alex.post(f"/account/identities/{new}/unlink")

    written = [entry for entry in session.exec(select(AuditEntry)) if entry.subject_id == new]
    assert {entry.action for entry in written} == {"identity.linked", "identity.unlinked"}
    assert all(entry.request_id for entry in written)


def test_several_providers_are_several_buttons(browse):
    text = browse.get("/").text

    assert "Continue with Local" in text
    assert "Work" in text
    assert browse.get("/sign-in").page.links["/sign-in"] == "Sign in"
