"""A change is made only when our own page asked for it: every way of forging one is refused, on every route."""

import pytest
from sqlmodel import func, select
from werkzeug.routing import Map

from app.core.audit import AuditEntry
from tests.portal import PORTAL_URL

EVIL = "https://evil.example"
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


def changing_routes(app):
    """(method, path) of each route that changes something, with made-up ids."""
    url_map: Map = app.url_map
    some_id = "00000000-0000-4000-8000-000000000000"
    for rule in url_map.iter_rules():
        for method in sorted(set(CHANGES) & (rule.methods or set())):
            values = dict.fromkeys(rule.arguments, some_id)
            yield method, rule.build(values, append_unknown=False)[1]


def test_there_are_routes_that_change_something(app):
    assert ("POST", "/sign-out") in set(changing_routes(app))
    assert len(list(changing_routes(app))) >= 6


FOR_PROGRAMS = ("/stripe/webhook", "/github/secret-scanning", "/mail/off/", "/api/v1/")
"""What proves in another way who asks: by a signature, a sealed token or an admin key, and reads no cookie."""


def test_no_route_changes_anything_without_a_token(app, sign_in, make):
    person = make.person("Opal Operator", is_operator=True)  # to others operators' pages do not even exist
    owner = sign_in(person, make.organisation("Operators", owner=person))
    owner.get("/account")
    for method, path in changing_routes(app):
        if path.startswith(FOR_PROGRAMS):
            continue
        assert owner.open(method, path).status == 400, path
        assert owner.open(method, path, data={"csrf_token": "guess"}).status == 400, path
        assert owner.open(method, path, data={"csrf_token": ""}).status == 400, path
    owner.get("/account")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "anything"},
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": PORTAL_URL + ".evil.example"},
        {"Origin": "http://127.0.0.1:8301"},
        {"Sec-Fetch-Site": "cross-site", "Origin": PORTAL_URL},
    ],
    ids=str,
)
def test_no_route_takes_a_change_from_another_site_even_with_the_token(app, owner, headers):
    token = owner.csrf_token()
    for method, path in changing_routes(app):
        answer = owner.open(method, path, data={"csrf_token": token}, headers=headers)
        assert answer.status == 403, path
    owner.get("/account")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin", "Origin": PORTAL_URL}, {"Origin": PORTAL_URL}, {"Sec-Fetch-Site": "none"}],
)
def test_own_page_may_change_things(owner, headers):
    owner.post("/sign-out", headers=headers)


def test_token_may_come_in_the_header_as_htmx_sends_it(owner):
    token = owner.csrf_token()

    answer = owner.open("POST", "/sign-out", headers={"X-CSRFToken": token})

    assert answer.status == 303


def test_token_of_one_session_opens_no_other(owner, outsider):
    answer = owner.open("POST", "/sign-out", data={"csrf_token": outsider.csrf_token()})

    assert answer.status == 400
    owner.get("/account")


def test_token_lasts_as_long_as_the_session(owner, hand):
    token = owner.csrf_token()
    for _ in range(14):
        hand.moves(hours=10)
        owner.get("/account")

    assert owner.open("POST", "/sign-out", data={"csrf_token": token}).status == 303


def test_form_sent_after_the_session_ended_leads_to_sign_in(owner, hand):
    token = owner.csrf_token()
    hand.moves(days=8)

    answer = owner.open("POST", "/account/sessions/end-all", data={"csrf_token": token})

    assert answer.location == "/sign-in"


def test_get_changes_nothing(app, owner, session):
    before = session.exec(select(func.count()).select_from(AuditEntry)).one()
    for _, path in changing_routes(app):
        answer = owner.open("GET", path, query_string={"csrf_token": owner.csrf_token()})
        assert answer.status in (200, 303, 404, 405, 422) or path.startswith("/api/v1/"), path
    assert session.exec(select(func.count()).select_from(AuditEntry)).one() == before
    owner.get("/account")
