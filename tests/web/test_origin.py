"""Changes made by pages are written down with where they came from."""

from sqlmodel import select

from app.core import audit, audit_words
from app.core.audit import AuditEntry

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_a_person_an_operator_and_nobody_afterwards(owner, sign_in, make, session, now):
    key = make.key(owner.organisation)
    kim = make.person("Kim", email="kim@example.com", is_operator=True)
    operator = sign_in(kim, make.organisation("Kim’s", owner=kim))

    owner.post(f"/keys/{key.id}/revoke", headers={"User-Agent": FIREFOX})
    operator.get("/operator/plans/")
    asked_by = audit.origin()

    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "key.revoked")).one()
    assert (entry.actor_kind, entry.actor, entry.person_id) == ("person", "Olive Owner", owner.person.id)
    assert (entry.address, entry.client) == ("127.0.0.1", FIREFOX)
    assert audit_words.sentence(entry) == f"Olive Owner revoked the key “ci” ({key.hint})."
    assert asked_by == audit.Origin()
