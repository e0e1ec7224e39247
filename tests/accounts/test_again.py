"""What is dangerous takes a recent sign-in: the way to the provider and back, with nothing typed lost on it."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from app.accounts.models import BrowserSession, Person
from app.core.audit import AuditEntry
from app.organisations.models import Organisation
from tests.rules.test_roles import addresses

LONG_AGO = {"minutes": 15, "seconds": 1}
PAGE = "/account/again"
AGAIN = "/sign-in/local?again=1"
FIELDS = {"role": "admin", "mail-role": "owner", "link-role": "admin"}
"""What makes those forms dangerous that are so only for some roles."""


@pytest.fixture
def alex(browse, come_in, hand):
    """Owns an organisation of their own and has been signed in for a while."""
    come_in(browse)
    hand.moves(**LONG_AGO)
    return browse


@pytest.fixture
def person(alex, session):
    return session.exec(select(Person)).one()


@pytest.fixture
def mine(alex, session):
    return session.exec(select(Organisation)).one()


def seconds(hand):
    return int(hand.now.timestamp())


def test_whatever_asks_for_it_is_held_up_and_nothing_else_is(app, make, sign_in, hand):
    operator = make.person(is_operator=True)
    browser = sign_in(operator, make.organisation(owner=operator))
    browser.get("/account")
    hand.moves(**LONG_AGO)
    held, wrong = 0, []
    for method, path, guard in addresses(app):
        if guard == "public" or guard.startswith("api "):
            continue
        fields = {"csrf_token": browser.csrf_token(), **FIELDS} if method == "POST" else None
        is_held = browser.open(method, path, data=fields).location == PAGE
        held += is_held
        if is_held is not guard.endswith("lately"):
            wrong.append((method, path, guard))
        if path in ("/sign-out", "/account/sessions/end-all"):
            browser = sign_in(operator)
            browser.get("/account")
            hand.moves(**LONG_AGO)

    assert wrong == []
    assert held > 20


@pytest.mark.parametrize(
    ("path", "form", "fields", "kept"),
    [
        ("/organisation/delete", "/organisation/delete", {"name": "Alex “M"}, 'value="Alex “M"'),
        ("/organisation/sign-in/domains", "/organisation/sign-in/", {"name": "acme.example"}, 'value="acme.example"'),
        (
            "/organisation/sign-in/provider",
            "/organisation/sign-in/",
            {"label": "Acme", "issuer": "https://id.acme.example", "client_id": "us", "client_secret": "hush"},
            'value="hush"',
        ),
        ("/organisation/api-keys/", "/organisation/api-keys/new", {"name": "ci", "role": "viewer"}, 'value="ci"'),
        (
            "/organisation/members/invite/link",
            "/organisation/members/invite",
            {"link-role": "admin", "link-uses": "23", "link-days": "3"},
            'value="23"',
        ),
    ],
)  # fmt: skip
def test_form_is_there_again_as_it_was_typed(alex, come_in, hand, path, form, fields, kept):
    assert alex.post(path, **fields).location == PAGE
    asked = alex.get(PAGE)
    assert AGAIN in asked.page.links

    assert come_in(alex, start=AGAIN, auth_time=seconds(hand)).location == form

    shown = alex.get(form)
    assert kept in shown.html
    assert "You signed in again. Send it once more to" in shown.text
    assert kept not in alex.get(form).html


def test_choice_among_members_and_roles_is_kept(alex, mine, make, come_in, hand):
    other = make.person("Olga Other")
    make.membership(mine, other)
    alex.post("/organisation/transfer", person_id=str(other.id))
    come_in(alex, start=AGAIN, auth_time=seconds(hand))
    assert f'value="{other.id}" required checked' in alex.get("/organisation/transfer").html
    hand.moves(**LONG_AGO)

    alex.post(f"/organisation/members/{other.id}/role", role="billing")
    assert "billing now" in alex.get(f"/organisation/members/{other.id}").text, "a harmless role takes no sign-in"
    assert alex.post(f"/organisation/members/{other.id}/role", role="admin").location == PAGE

    come_in(alex, start=AGAIN, auth_time=seconds(hand))
    assert 'value="admin" checked' in alex.get(f"/organisation/members/{other.id}").html


def test_provider_is_made_to_ask_and_the_session_goes_on_under_a_new_token(alex, person, session, come_in, hand):
    alex.post("/organisation/delete", name="my private words")
    before = alex.cookie()
    location = alex.get(AGAIN, status=303).location
    asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert (asked["prompt"], asked["max_age"]) == ("login", "900")
    assert "private words" not in str([row.data for row in session.exec(select(BrowserSession))])

    come_in(alex, start=AGAIN, auth_time=seconds(hand))

    assert alex.cookie() != before
    live = session.exec(select(BrowserSession).where(BrowserSession.ended_at == None)).all()  # noqa: E711
    assert len(live) == 1
    assert "Signed in again" in alex.get("/account/sign-ins").text
    alex.post("/organisation/delete", name="wrong", status=422)
    hand.moves(**LONG_AGO)
    assert alex.post("/organisation/delete", name="wrong").location == PAGE


def test_sign_in_of_long_ago_at_the_provider_is_none(browse, come_in, hand):
    come_in(browse, auth_time=seconds(hand) - 901)
    assert browse.post("/organisation/delete", name="x").location == PAGE

    answer = come_in(browse, start=AGAIN, status=400, auth_time=seconds(hand) - 901)
    assert "Local did not ask you to sign in again. Sign out there, then try again." in answer.text
    assert PAGE in answer.page.links
    assert browse.post("/organisation/delete", name="x").location == PAGE

    come_in(browse, start=AGAIN, auth_time=seconds(hand) - 899)
    browse.post("/organisation/delete", name="x", status=422)


def test_provider_that_does_not_say_when_is_believed_as_of_now(alex, come_in):
    alex.post("/organisation/delete", name="x")

    come_in(alex, start=AGAIN)

    alex.post("/organisation/delete", name="x", status=422)


@pytest.mark.parametrize("said", ["yesterday", True, [1]])
def test_time_of_signing_in_that_is_none_proves_nothing(browse, come_in, said):
    assert "does not prove who you are" in come_in(browse, status=400, auth_time=said).text


def test_future_time_of_signing_in_counts_as_now(browse, come_in, hand):
    come_in(browse, auth_time=seconds(hand) + 3600)
    hand.moves(**LONG_AGO)

    assert browse.post("/organisation/delete", name="x").location == PAGE


def test_somebody_else_does_not_sign_in_again_for_one(alex, new_browser, come_in, hand, session):
    come_in(new_browser(), subject="sam", name="Sam")
    alex.post("/organisation/delete", name="x")

    for subject in ("sam", "stranger"):
        answer = come_in(alex, start=AGAIN, status=400, subject=subject, auth_time=seconds(hand))
        assert "is not Alex Mason. Sign in again as who you are here." in answer.text

    assert alex.post("/organisation/delete", name="x").location == PAGE
    assert [one.name for one in session.exec(select(Person))] == ["Alex Mason", "Sam"]
    failed = session.exec(select(AuditEntry.person_id).where(AuditEntry.action == "sign_in.failed")).all()
    assert len(set(failed)) == 2, "Sam, and whoever sits there"


def test_who_was_signed_out_meanwhile_comes_in_in_no_other_way(alex, person, provider, session):
    location = alex.get(AGAIN, status=303).location
    alex.post("/account/sessions/end-all")

    alex.get(provider.approve(location), status=400)

    alex.get("/account", status=303)


def test_page_without_a_reason_leads_to_the_account(owner):
    assert owner.get(PAGE, status=303).location == "/account"


def test_operator_is_asked_before_the_form_and_sent_back_to_it(alex, person, make, session, come_in, hand):
    person.is_operator = True
    place = make.organisation("Acme")
    path = f"/operator/organisations/{place.id}/suspend"
    assert alex.get(path, status=303).location == PAGE
    assert "To suspend an organisation" in alex.get(PAGE).text

    assert come_in(alex, start=AGAIN, auth_time=seconds(hand)).location == path
    alex.get(path)
    hand.moves(**LONG_AGO)
    assert alex.post(path, words="They asked for it.").location == PAGE
    come_in(alex, start=AGAIN, auth_time=seconds(hand))

    assert "They asked for it." in alex.get(path).html
    session.refresh(place)
    assert place.stopped_at is None
