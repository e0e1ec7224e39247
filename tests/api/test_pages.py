"""The page of admin keys."""

from datetime import timedelta

from sqlmodel import select

from app.core import crypto
from app.core.audit import AuditEntry
from app.keys import lifetimes, tokens
from app.keys.admin_models import AdminKey


def test_admin_key_is_made_shown_once_listed_and_revoked(owner, session, now):
    assert "No admin key yet" in owner.get("/organisation/api-keys/").text
    owner.get("/organisation/api-keys/new")
    assert "Give it a name" in owner.post("/organisation/api-keys/", name="", role="viewer", days="90", status=422).text

    shown = owner.post("/organisation/api-keys/", name="deploy", role="viewer", days="90", status=200)

    key = session.exec(select(AdminKey)).one()
    secret = next(word for word in shown.text.split() if tokens.is_complete_admin(word))
    assert (key.digest, key.role, key.expires_at) == (crypto.digest(secret), "viewer", now + timedelta(days=90))
    assert shown.headers["Cache-Control"] == "no-store"
    listed = owner.get("/organisation/api-keys/")
    assert key.hint in listed.text
    assert secret not in listed.html
    owner.post(f"/organisation/api-keys/{key.id}/revoke")
    assert "Revoked" in owner.get("/organisation/api-keys/").text
    said = {entry.action: entry for entry in session.exec(select(AuditEntry))}
    assert said["admin_key.issued"].details["role"] == "viewer"
    assert said["admin_key.revoked"].person_id == owner.person.id


def test_nobody_makes_an_admin_key_that_may_do_more_than_they(sign_in, make, owner, session, now):
    person = make.person("Ada Admin", email="ada@example.com")
    make.membership(owner.organisation, person, role="admin")
    admin = sign_in(person, owner.organisation)
    admin.get("/organisation/api-keys/new")

    admin.post("/organisation/api-keys/", name="x", role="owner", days="90", status=422)
    lifetimes.set_longest(session, organisation=owner.organisation, days=30, person_id=None, now=now)
    admin.post("/organisation/api-keys/", name="x", role="admin", days="", status=422)

    assert session.exec(select(AdminKey)).all() == []
    admin.post("/organisation/api-keys/", name="x", role="admin", days="30", status=200)
