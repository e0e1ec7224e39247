"""Endpoints that asked for it are told of each entry of their audit log: once, in order, from then on, and signed."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.core.errors import Conflict
from app.core.net import Guard
from app.core.vault import Vault
from app.metering.audit_chain import AuditSealer
from app.trail import streaming
from app.webhooks import sending, services
from app.webhooks.models import AUDIT_ENTRY, WebhookDelivery, WebhookEndpoint
from tests.databases import on_both, on_one
from tests.portal import Program
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_deliveries import is_signed

GUARD = Guard(private_networks=["127.0.0.0/8"], requires_https=False)
SAFE = Vault(["a key of thirty-two characters or more"])


@pytest.fixture
def add(session, make, now):
    def go(organisation, url="http://127.0.0.1:9/", *, at=now, **more):
        person_id = make.person().id
        return services.add(
            session, organisation=organisation, url=url, guard=GUARD, safe=SAFE, person_id=person_id, now=at, **more
        )

    return go


@pytest.fixture
def carry_on(engine, session, now):
    """Seal what is new and tell of it, until there is no more; gives how many messages were made."""

    def go(*, sealing=True, after=timedelta()):
        session.commit()
        told, has_more = 0, True
        with Session(engine) as own:
            if sealing:
                AuditSealer().run(own, SAFE, now=now + after)
                own.commit()
            while has_more:
                after += timedelta(milliseconds=1)
                count, has_more = streaming.carry_on(own, now=now + after, itself="Postern")
                own.commit()
                told += count
        session.expire_all()
        return told

    return go


def told(session, endpoint):
    """What was said of entries, in the order in which it is sent."""
    found = session.exec(
        select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id).order_by(WebhookDelivery.due_at)
    )
    return [json.loads(one.body)["data"] for one in found if one.kind == AUDIT_ENTRY]


@on_both
def test_each_entry_is_told_once_in_order_and_only_to_its_own_from_the_wish_on(
    engine, session, make, tell, add, carry_on, now, monkeypatch
):
    monkeypatch.setattr(streaming, "PAGE", 3)
    acme, other = make.organisation("Acme"), make.organisation("Other")
    for number in range(4):
        tell(acme, "key.issued", name=f"before-{number}", at=now)
    early, _ = add(acme, at=now + timedelta(minutes=1), with_audit=True)
    quiet, _ = add(acme, at=now + timedelta(minutes=1))
    theirs, _ = add(other, at=now + timedelta(minutes=1), with_audit=True)
    for number in range(8):
        tell(acme, "key.issued", name=f"a-{number}", at=now + timedelta(minutes=2 + number))
    tell(other, "key.issued", name="b", at=now + timedelta(minutes=3))
    carry_on()
    services.follow_audit(session, endpoint=quiet, is_on=True, person_id=make.person().id, now=now + timedelta(hours=1))
    tell(acme, "key.revoked", name="late", at=now + timedelta(minutes=1))  # committed after what is younger
    tell(acme, "key.revoked", name="old", at=now)  # from before the wish, sealed after it
    tell(acme, "key.revoked", name="c", at=now + timedelta(hours=2))
    session.commit()
    with ThreadPoolExecutor(2) as workers:  # two workers at once
        list(workers.map(lambda _: carry_on(sealing=False), range(2)))
    assert carry_on(after=timedelta(hours=2)) > 0
    assert carry_on(after=timedelta(hours=3)) == 0

    said = told(session, early)
    names = [one["details"].get("name", one["action"]) for one in said]
    expected = ["webhook.added", "webhook.added"]
    expected += [f"a-{number}" for number in range(8)]
    assert sorted(names[:2]) == sorted(expected[:2])
    assert names[2:10] == expected[2:]
    assert sorted(names[10:]) == ["c", "late", "webhook.audit_on"]
    assert [one["place"] for one in said] == sorted(one["place"] for one in said)
    assert len({one["id"] for one in said}) == len(said)
    assert {one["details"].get("name", one["action"]) for one in told(session, quiet)} == {"webhook.audit_on", "c"}
    assert [one["details"].get("name", one["action"]) for one in told(session, theirs)] == ["webhook.added", "b"]


@on_one
def test_what_happens_while_it_is_off_comes_when_it_is_on_again(session, make, tell, add, carry_on, now):
    acme = make.organisation("Acme")
    endpoint, _ = add(acme, with_audit=True)
    carry_on()
    person_id = make.person().id
    services.switch(session, endpoint=endpoint, is_enabled=False, person_id=person_id, now=now)
    tell(acme, "key.revoked", name="meanwhile")
    assert carry_on(after=timedelta(minutes=2)) == 0
    services.switch(session, endpoint=endpoint, is_enabled=True, person_id=person_id, now=now)

    assert carry_on(after=timedelta(minutes=4)) == 3
    with pytest.raises(Conflict):
        services.follow_audit(session, endpoint=endpoint, is_on=True, person_id=person_id, now=now)


@on_one
def test_a_signed_message_says_all_of_it(engine, session, make, tell, add, carry_on, now):
    acme, alex = make.organisation("Acme"), make.person("Alex")
    with Receiver() as receiver:
        endpoint, secret = add(acme, receiver.url, with_audit=True)
        tell(acme, "key.changed", alex, name="ci", expires="never → 2026-12-01", at=now + timedelta(minutes=1))
        carry_on()
        while sending.run(engine, GUARD, SAFE, clock=lambda: now + timedelta(hours=1)):
            pass

    headers, body = receiver.messages[-1]
    assert is_signed(headers, body, secret)
    message = json.loads(body)
    assert (message["type"], message["timestamp"]) == (AUDIT_ENTRY, "2026-11-22T14:04:22Z")
    data = message["data"]
    assert data["organisation"] == acme.slug
    assert data["sentence"] == "Alex changed what the key “ci” may do."
    assert data["changes"] == [{"what": "Expires", "before": "never", "after": "2026-12-01"}]
    assert data["actor"]["address"] == "192.0.2.7"
    assert (data["place"], len(data["hash"])) == (2, 64)
    assert session.get(WebhookEndpoint, endpoint.id).audit_place == 2


def test_only_who_reads_the_log_can_have_it_sent(owner, member, session):
    owner.get("/webhooks/new")
    owner.post("/webhooks/", url="http://127.0.0.1:9/a", with_audit="y", status=200)
    first = session.exec(select(WebhookEndpoint)).one()
    assert first.audit_since is not None
    owner.post(f"/webhooks/{first.id}/audit", to="off")
    assert "Not sent there" in owner.get(f"/webhooks/{first.id}").text

    member.get("/webhooks/new")
    member.post("/webhooks/", url="http://127.0.0.1:9/b", with_audit="y", status=200)
    member.post(f"/webhooks/{first.id}/audit", to="on", status=403)

    session.expire_all()
    assert [one.audit_since for one in session.exec(select(WebhookEndpoint))] == [None, None]


@pytest.mark.parametrize(("role", "is_told"), [("owner", True), ("developer", False)])
def test_what_it_says_is_read_by_who_reads_the_log(owner, member, session, carry_on, app, make, role, is_told):
    owner.get("/webhooks/new")
    owner.post("/webhooks/", url="http://127.0.0.1:9/a", with_audit="y", status=200)
    assert carry_on() == 1
    sent = session.exec(select(WebhookDelivery)).one()
    path = f"/webhooks/{sent.endpoint_id}/deliveries/{sent.id}"

    browser = owner if role == "owner" else member
    assert ("added the webhook" in browser.get(path).text) is is_told

    program = Program(app, session, owner.organisation, make, role=role)
    assert bool(program.ask("GET", path).get_json()["body"]) is is_told
