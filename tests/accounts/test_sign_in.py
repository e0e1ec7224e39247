"""Coming in over an identity provider: what happens the first time, the next time, and when something is wrong."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from app.accounts import services
from app.accounts.models import BrowserSession, Identity, Person
from app.core.audit import AuditEntry
from app.core.errors import LimitReached
from app.keys import services as keys
from app.keys import tokens
from app.keys.models import Key
from app.organisations.models import Membership, Organisation
from app.portal import create_app
from app.web import session_secrets
from tests.databases import on_both
from tests.portal import BOOSTED, PORTAL_URL


def everything(session, table):
    return list(session.exec(select(table)))


def asked(location):
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def test_way_out_carries_pkce_state_nonce_and_the_portal_s_own_address(browse, provider):
    location = browse.get("/sign-in/local", status=303, headers={"Host": "127.0.0.1:8300"}).location

    sent = asked(location)
    assert location.startswith(provider.issuer + "/authorize?")
    assert sent["redirect_uri"] == f"{PORTAL_URL}/sign-in/local/callback"
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["state"]) >= 22
    assert len(sent["nonce"]) >= 20
    assert sent["client_id"] == "postern"


@on_both
def test_newcomer_gets_person_organisation_and_key_in_one_go(browse, come_in, session, provider):
    answer = come_in(browse)

    assert answer.location == "/first-call/"
    [person], [identity] = everything(session, Person), everything(session, Identity)
    assert (person.name, person.email) == ("Alex Mason", "alex@example.com")
    assert (identity.issuer, identity.subject, identity.label) == (provider.issuer, "alex", "alex@example.com")
    [organisation], [membership] = everything(session, Organisation), everything(session, Membership)
    assert (organisation.slug, organisation.name, organisation.is_personal) == ("alex-mason", "Alex Mason", True)
    assert (membership.person_id, membership.role) == (person.id, "owner")
    [key] = everything(session, Key)
    assert (key.name, key.organisation_id, key.created_by_id) == ("First key", organisation.id, person.id)
    actions = {entry.action for entry in everything(session, AuditEntry)}
    assert actions == {"person.joined", "organisation.created", "key.issued"}


def test_newcomer_s_key_is_shown_once_and_lies_nowhere_in_the_clear(browse, come_in, session, caplog):
    caplog.set_level("DEBUG")
    come_in(browse)
    [row] = [row for row in everything(session, BrowserSession) if row.ended_at is None]
    assert list(row.data["_sealed_first_secret"]) != []

    page = browse.get("/first-call/")

    secret = next(word for word in page.text.split() if tokens.is_complete(word))
    assert secret not in str(row.data)
    assert secret not in caplog.text
    assert page.headers["Cache-Control"] == "no-store"
    assert secret not in browse.get("/first-call/").html


def test_nothing_personal_stands_in_the_log(browse, come_in, caplog):
    caplog.set_level("DEBUG", logger="app")

    come_in(browse)

    written = str([vars(record) for record in caplog.records])
    assert "sign_in.succeeded" in written
    for part in ("alex@example.com", "Alex Mason", "code-0", browse.cookie(), "127.0.0.1"):
        assert part not in written.replace("http://127.0.0.1", "")


def test_sealed_secret_is_gone_after_its_time(browse, come_in, monkeypatch):
    come_in(browse)
    monkeypatch.setattr(session_secrets, "TTL_S", -1)

    assert "YOUR_KEY" in browse.get("/first-call/").html


@on_both
def test_returning_person_is_the_same_person_and_goes_home(browse, new_browser, come_in, session):
    come_in(browse)

    answer = come_in(new_browser(), name="Alexandra Mason", email="new@example.com")

    assert answer.location == "/home/"
    [person], [identity] = everything(session, Person), everything(session, Identity)
    assert person.name == "Alex Mason"
    assert identity.label == "new@example.com"
    assert len(everything(session, Key)) == 1


def test_same_address_under_another_subject_is_another_person(browse, new_browser, come_in, session):
    come_in(browse, subject="alex")
    come_in(new_browser(), subject="alex-too")

    assert len(everything(session, Person)) == 2
    assert {one.slug for one in everything(session, Organisation)} > {"alex-mason"}
    assert len({one.slug for one in everything(session, Organisation)}) == 2


def test_session_rotates_when_somebody_signs_in(browse, come_in, session):
    location = browse.get("/sign-in/local", status=303).location
    before = browse.cookie()
    assert before is not None
    assert location

    come_in(browse)

    assert browse.cookie() != before
    live = [row for row in everything(session, BrowserSession) if row.ended_at is None]
    assert [row.person_id is not None for row in live] == [True]


def test_session_fixed_by_a_stranger_stays_a_stranger_s(browse, new_browser, come_in):
    browse.get("/sign-in/local", status=303)
    victim = new_browser()
    victim.client.set_cookie("postern_session", browse.cookie(), domain="127.0.0.1")

    come_in(victim)

    browse.get("/account", status=303)
    victim.get("/account")


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/usage/?days=7", "/usage/?days=7"),
        ("https://evil.example/", "/home/"),
        ("//evil.example/", "/home/"),
        ("/\\evil.example/", "/home/"),
        ("/\tevil", "/home/"),
        ("javascript:alert(1)", "/home/"),
        ("", "/home/"),
    ],
)
def test_person_is_sent_on_only_to_pages_of_ours(new_browser, come_in, provider, wanted, reached):
    come_in(new_browser())
    browser = new_browser()
    location = browser.get("/sign-in/local", status=303, query_string={"next": wanted}).location

    answer = browser.get(provider.approve(location), status=303)

    assert answer.location == reached


def test_page_that_needs_signing_in_comes_back_to_itself(browse, new_browser, come_in):
    first = browse.get("/usage/?days=7", status=303).location
    assert first == "/sign-in?next=/usage/?days%3D7"

    page = browse.get(first)

    [start] = [link for link in page.page.links if link.startswith("/sign-in/local?")]
    assert come_in(browse, start=start).location == "/first-call/?next=/usage/?days%3D7"
    assert come_in(new_browser(), start=start).location == "/usage/?days=7"


def test_signed_in_person_needs_no_sign_in_page(owner):
    assert owner.get("/sign-in", status=303).location == "/home/"
    assert owner.get("/", status=303).location == "/home/"


def test_boosted_link_leaves_for_the_provider_as_a_page_load(browse, provider):
    answer = browse.open("GET", "/sign-in/local", headers=BOOSTED)

    assert answer.status == 200
    assert answer.headers["HX-Redirect"].startswith(provider.issuer)


def test_other_name_of_this_machine_goes_to_the_portal_s_address_first(browse, provider):
    answer = browse.client.get("/sign-in/local?next=/keys/", base_url="http://localhost:8300")

    assert answer.location == f"{PORTAL_URL}/sign-in/local?next=/keys/"
    assert provider.calls["/token"] == 0


def test_portal_behind_a_proxy_that_it_was_not_told_of_does_not_go_round_in_circles(settings, engine, hand, provider):
    app = create_app(settings.model_copy(update={"portal_url": "https://portal.example"}), engine)

    answer = app.test_client().get("/sign-in/local", base_url="http://portal.example")

    assert answer.location.startswith(provider.issuer)


def test_unknown_provider_is_not_found(browse):
    browse.get("/sign-in/nobody", status=404)
    browse.get("/sign-in/nobody/callback?code=x&state=y", status=404)


@on_both
def test_nothing_is_kept_of_a_newcomer_whose_welcome_fails(browse, come_in, session, monkeypatch):
    def refuse(*_arguments, **_fields):
        raise LimitReached("No more keys today.")

    monkeypatch.setattr(keys, "issue", refuse)

    answer = come_in(browse, status=400)

    assert "No more keys today." in answer.text
    for table in (Person, Identity, Organisation, Membership, Key):
        assert everything(session, table) == []
    browse.get("/account", status=303)


@on_both
def test_nothing_is_kept_of_a_newcomer_when_something_breaks(browse, come_in, session, monkeypatch, caplog):
    def break_(*_arguments, **_fields):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(keys, "issue", break_)

    answer = come_in(browse, status=500)

    assert "a bug" not in answer.html
    assert everything(session, Person) == []
    browse.get("/account", status=303)


@on_both
def test_too_many_starts_from_one_address_are_refused(browse, hand, settings):
    for _ in range(settings.sign_ins_per_address):
        browse.get("/sign-in/local", status=303)

    answer = browse.get("/sign-in/local", status=429)

    assert 1 <= int(answer.headers["Retry-After"]) <= 300
    hand.moves(minutes=5)
    browse.get("/sign-in/local", status=303)


def test_failed_ways_back_count_too(browse, settings, provider):
    for _ in range(settings.sign_ins_per_address):
        browse.get("/sign-in/local/callback?code=guess&state=guess", status=400)

    browse.get("/sign-in/local/callback?code=guess&state=guess", status=429)

    assert provider.calls["/token"] == 0


def test_one_customer_s_network_is_one_address(browse, settings):
    for number in range(settings.sign_ins_per_address):
        place = {"REMOTE_ADDR": f"2001:db8:1:1::{number}"}
        browse.get("/sign-in/local", status=303, environ_overrides=place)

    browse.get("/sign-in/local", status=429, environ_overrides={"REMOTE_ADDR": "2001:db8:1:1::ffff"})
    browse.get("/sign-in/local", status=303, environ_overrides={"REMOTE_ADDR": "2001:db8:1:2::1"})


def test_tries_are_counted_exactly_however_many_come_at_once(session, now):
    counted = [services.count_try(session, address_digest="a" * 64, now=now)[0] for _ in range(3)]

    assert counted == [1, 2, 3]
    assert services.count_try(session, address_digest="b" * 64, now=now)[0] == 1
