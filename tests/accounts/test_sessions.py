"""Browser sessions are rows at the server: they rotate, run out, and are over when they are ended."""

import re
from datetime import timedelta

import flask_login
import pytest
from flask import session as held
from flask_login.utils import encode_cookie
from itsdangerous import URLSafeTimedSerializer
from sqlmodel import select

from app.accounts import services
from app.accounts.guards import Account
from app.accounts.models import BrowserSession
from app.core import crypto
from app.core.audit import AuditEntry
from app.portal import create_app
from tests.databases import on_both
from tests.portal import PORTAL_URL

pytestmark = on_both


def rows(session):
    session.expire_all()
    return list(session.exec(select(BrowserSession)))


def test_public_pages_set_no_cookie_and_ask_no_database(browse, session):
    for path in ("/", "/sign-in", "/healthz", "/robots.txt", "/nothing"):
        answer = browse.open("GET", path)

        assert "Set-Cookie" not in answer.headers, path
    assert rows(session) == []


def test_landing_page_may_be_cached_and_says_on_what_it_depends(browse):
    answer = browse.get("/")

    assert answer.headers["Cache-Control"].startswith("public")
    assert "Cookie" in answer.response.vary
    again = browse.open("GET", "/", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


def test_signed_in_pages_are_stored_nowhere(owner):
    answer = owner.get("/account")

    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.response.vary


def test_only_a_digest_of_the_token_is_kept(owner, session):
    owner.get("/account")

    [row] = rows(session)
    assert row.token_digest == crypto.digest(owner.cookie())
    assert owner.cookie() not in str(row.model_dump())


def test_copied_cookie_opens_nothing_after_sign_out(owner, new_browser):
    thief = new_browser()
    thief.client.set_cookie("postern_session", owner.cookie(), domain="127.0.0.1")
    thief.get("/account")

    owner.post("/sign-out")

    assert thief.get("/account", status=303).location.startswith("/sign-in")
    assert owner.cookie() is None


def test_sign_out_leads_to_the_landing_page_and_clears_the_browser(owner, session):
    answer = owner.post("/sign-out")

    assert answer.location == "/"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    [row] = rows(session)
    assert row.ended_at is not None
    assert row.data == {}
    assert [entry.action for entry in session.exec(select(AuditEntry))][-1:] == ["session.ended"]


def test_sign_out_needs_a_post(owner):
    assert owner.open("GET", "/sign-out").status == 405


def test_session_ends_when_unused_for_too_long(owner, hand, settings):
    hand.moves(minutes=settings.session_idle_minutes)

    assert owner.get("/account", status=303).location == "/sign-in?next=/account"


def test_session_in_use_goes_on_until_its_absolute_end(owner, hand, settings):
    step = timedelta(minutes=settings.session_idle_minutes - 1)
    for _ in range(int(timedelta(hours=settings.session_absolute_hours) / step)):
        hand.now += step
        owner.get("/account")

    hand.now += step

    owner.get("/account", status=303)


def test_last_seen_is_written_at_most_once_a_minute(owner, hand, session):
    began = hand.now
    hand.moves(seconds=59)
    owner.get("/account")
    assert rows(session)[0].last_seen_at == began

    hand.moves(seconds=1)
    owner.get("/account")

    assert rows(session)[0].last_seen_at == hand.now


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "é" * 43, "a" * 5000, "../../etc/passwd", "a\x00b"])
def test_made_up_cookie_is_nobody(browse, token):
    answer = browse.open("GET", "/account", headers={"Cookie": f"postern_session={token}"})

    assert answer.status == 303


def test_session_of_nobody_ends_within_the_hour(new_browser, session, hand, make):
    token = crypto.random_token()
    row = BrowserSession(token_digest=crypto.digest(token), created_at=hand.now, last_seen_at=hand.now, data={"a": 1})
    session.add(row)
    browser = new_browser()
    browser.client.set_cookie("postern_session", token, domain="127.0.0.1")
    hand.moves(hours=1)
    session.commit()

    with browser.client as client:
        client.get("/sign-in", base_url=PORTAL_URL)
        assert dict(held) == {}


def test_remember_cookie_of_flask_login_opens_nothing(app, browse, make):
    person = make.person()
    with app.app_context():
        forged = encode_cookie(str(person.id), key=app.secret_key)
    browse.client.set_cookie("remember_token", forged, domain="127.0.0.1")

    browse.get("/account", status=303)


def test_flask_s_own_signed_cookie_opens_nothing(app, browse, make):
    person = make.person()
    signed = URLSafeTimedSerializer(app.secret_key, salt="cookie-session").dumps({"_user_id": str(person.id)})
    for name in ("session", "postern_session"):
        browse.client.set_cookie(name, signed, domain="127.0.0.1")

    browse.get("/account", status=303)


def test_own_sessions_are_listed_with_this_one_marked(owner, sign_in, session):
    other = sign_in(owner.person)
    session.get(BrowserSession, rows(session)[-1].id)

    answer = owner.get("/account")

    assert answer.text.count("Firefox on Linux") >= 2
    assert answer.text.count("This one") == 1
    other.get("/account")


def test_one_session_is_ended_from_another(owner, sign_in, session):
    other = sign_in(owner.person)
    [row] = [row for row in rows(session) if row.token_digest == crypto.digest(other.cookie())]

    answer = owner.post(f"/account/sessions/{row.id}/end")

    assert answer.location == "/account"
    assert "was signed out" in owner.get("/account").text
    other.get("/account", status=303)


def test_ending_this_session_signs_out(owner, session):
    answer = owner.post(f"/account/sessions/{rows(session)[0].id}/end")

    assert answer.location == "/"
    owner.get("/account", status=303)


def test_a_stranger_s_session_is_not_found(owner, outsider, session):
    [row] = [row for row in rows(session) if row.person_id == owner.person.id]

    outsider.post(f"/account/sessions/{row.id}/end", status=404)

    owner.get("/account")


def test_sign_out_everywhere_ends_every_session_of_the_person_only(owner, outsider, sign_in):
    others = [sign_in(owner.person), sign_in(owner.person)]

    answer = owner.post("/account/sessions/end-all")

    assert answer.location == "/"
    for browser in [owner, *others]:
        browser.get("/account", status=303)
    outsider.get("/account")


def test_sessions_are_paged(owner, sign_in):
    for _ in range(25):
        sign_in(owner.person)

    first, second = owner.get("/account"), owner.get("/account?page=2")

    assert len(re.findall('id="session-', first.html)) == 20
    assert len(re.findall('id="session-', second.html)) == 6


def test_session_ended_during_a_request_stays_ended(owner, app, session):
    [row] = rows(session)
    with app.test_request_context(headers={"Cookie": f"postern_session={owner.cookie()}"}):
        held["anything"] = 1
        services.end_session(session, person=owner.person, session_id=row.id, now=row.created_at)
        session.commit()
        app.process_response(app.response_class())

    assert rows(session)[0].data == {}
    owner.get("/account", status=303)


def test_over_sessions_are_forgotten(owner, session, hand, settings):
    def forget():
        return services.forget_sessions(
            session,
            idle=timedelta(minutes=settings.session_idle_minutes),
            absolute=timedelta(hours=settings.session_absolute_hours),
            now=hand.now,
        )

    assert forget() == 0

    hand.moves(minutes=settings.session_idle_minutes)

    assert forget() == 1
    assert rows(session) == []


def test_cookie_is_host_bound_and_secure_over_https(settings, engine, hand, make, session):
    app = create_app(settings.model_copy(update={"portal_url": "https://portal.example"}), engine)
    client = app.test_client()
    person = make.person()
    session.commit()
    with app.test_request_context("/", base_url="https://portal.example"):
        flask_login.login_user(Account(person))
        response = app.process_response(app.response_class())

    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-postern_session=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"):
        assert part in cookie
    assert "Domain" not in cookie
    assert client.get("/", base_url="https://portal.example").headers["Strict-Transport-Security"]
