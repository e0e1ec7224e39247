"""Sessions by an organisation's own provider: signing in again, and seeing what failed."""

from sqlmodel import select

from app.accounts.models import BrowserSession
from app.core.audit import AuditEntry
from app.organisations.models import Membership
from tests.databases import on_both
from tests.team.own_provider import come_by, newest


def test_person_sees_what_failed_at_their_organisation_s_provider(connected, idp, browse, new_browser, session, hand):
    come_by(browse, idp, connected)
    hand.moves(minutes=1)

    come_by(new_browser(), idp, connected, status=400, email="nell@elsewhere.example")

    listed = browse.get("/account/sign-ins").text
    assert listed.index("has proven") < listed.index("First sign-in")
    assert listed.count("Single sign-on") >= 2
    [failed] = session.exec(select(AuditEntry).where(AuditEntry.action == "sign_in.failed"))
    assert (failed.person_id, failed.details["provider"]) == (newest(session).id, "sso")


def test_session_by_it_signs_in_again_by_it_alone(owner, connected, idp, browse, new_browser, session, hand):
    come_by(browse, idp, connected, auth_time=int(hand.now.timestamp()))
    session.get(Membership, (owner.organisation.id, newest(session).id)).role = "owner"
    hand.moves(minutes=16)
    assert browse.post("/organisation/delete", name="typed").location == "/account/again"
    start = f"/sign-in/sso/{connected.id}?again=1"
    assert start in browse.get("/account/again").page.links

    back = come_by(browse, idp, connected, query="?again=1", auth_time=int(hand.now.timestamp()))

    assert back.location == "/organisation/delete"
    assert 'value="typed"' in browse.get(back.location).html
    assert "Settings of Acme" in browse.get("/organisation/").text
    browse.get("/operator/", status=404)
    location = owner.get(start, status=303).location
    assert "prompt=" not in location, "a session of another kind begins anew there"


@on_both
def test_session_by_it_sees_and_ends_only_sessions_by_it(connected, idp, browse, new_browser, sign_in, session):
    come_by(browse, idp, connected)
    second = new_browser()
    come_by(second, idp, connected)
    private = sign_in(newest(session))
    theirs = session.exec(select(BrowserSession).where(BrowserSession.person_id == newest(session).id)).all()
    [other] = [one for one in theirs if "through" not in one.data]

    page = browse.get("/account")
    assert "Only browsers that did so are in this list" in page.text
    assert (len(theirs), page.html.count('id="session-'), private.get("/account").html.count('id="session-')) == (
        3,
        2,
        3,
    )
    browse.post(f"/account/sessions/{other.id}/end", status=404)
    browse.post("/account/sessions/end-others")

    second.get("/account", status=303)
    private.get("/account")
    private.post("/account/sessions/end-others")
    browse.get("/account", status=303)
