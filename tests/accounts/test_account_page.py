"""What somebody sees of their own account: browsers that are signed in, and each sign-in, failed ones too."""

from datetime import timedelta

from sqlmodel import select

from app.accounts import services
from app.accounts.models import BrowserSession, Identity
from app.accounts.services import Claims
from app.accounts.views import account
from app.core import audit
from app.core.audit import AuditEntry, Origin


def test_all_other_browsers_are_signed_out_and_this_one_stays(owner, sign_in, outsider, session):
    phone, tablet = sign_in(owner.person), sign_in(owner.person)

    owner.get("/account")
    owner.post("/account/sessions/end-others")

    assert "Every other browser is signed out" in owner.get("/account").text
    phone.get("/account", status=303)
    tablet.get("/account", status=303)
    outsider.get("/account")
    theirs = session.exec(select(BrowserSession).where(BrowserSession.person_id == owner.person.id)).all()
    assert sorted(row.ended_at is None for row in theirs) == [False, False, True]
    [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "sessions.ended"))
    assert (entry.details, entry.actor, entry.address) == ({"count": "2"}, "Olive Owner", "127.0.0.1")


def test_sign_ins_are_listed_with_where_and_what_failed_and_only_ones_own(owner, outsider, session, now, monkeypatch):
    monkeypatch.setattr(account, "PAGE", 2)
    identity = session.exec(select(Identity).where(Identity.person_id == owner.person.id)).one()
    claims = Claims("local", identity.issuer, identity.subject, "Olive", None, "olive")
    stranger = Claims("local", identity.issuer, "nobody", "Nobody", None, "nobody")
    audit.set_origin(Origin("person", address="192.0.2.7", client="Mozilla/5.0 (X11; Linux) Firefox/140.0"))
    services.enter(session, claims=claims, now=now)
    later = now + timedelta(minutes=1)
    why = "Your organisation wants you to sign in with its own provider."
    failures = [
        services.note_failure(session, provider="local", claims=one, visitor_id=visitor, why=why, now=later)
        for one, visitor in ((claims, None), (stranger, None), (None, None), (None, outsider.person.id))
    ]
    services.enter(session, claims=claims, now=now + timedelta(minutes=2))
    audit.set_origin(None)

    first, second = owner.get("/account/sign-ins").text, owner.get("/account/sign-ins?page=2").text
    theirs = outsider.get("/account/sign-ins").text

    assert failures == [True, False, False, True]
    assert f"Failed{why} Local" in first
    assert "192.0.2.7Firefox on Linux" in first
    assert first.index("Signed in") < first.index("Failed")
    assert "Signed in" in second
    assert "Failed" not in second
    assert "Signed in" not in theirs.partition("When")[2]
    owner.get("/account/sign-ins?page=3")
