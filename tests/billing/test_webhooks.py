"""Webhooks: only Stripe's are taken, each once, and stored before anything else."""

import time

import pytest
from sqlmodel import select
from stripe import WebhookSignature

from app.billing import events
from app.billing.models import FAILED, NEW, StripeEvent
from tests.billing.conftest import WEBHOOK_SECRET, snapshot, thin
from tests.databases import on_both

pytestmark = on_both


def stored(session):
    return list(session.exec(select(StripeEvent)))


@pytest.mark.parametrize("event", [snapshot(), thin()], ids=["snapshot", "thin"])
def test_what_stripe_says_is_stored_as_it_came(deliver, session, event):
    assert deliver(event) == 200

    [row] = stored(session)
    assert (row.id, row.type, row.state, row.source, row.mode) == (event["id"], event["type"], NEW, "webhook", "test")
    assert event["id"] in row.payload
    assert row.created_at.tzinfo is not None


def test_duplicates_are_taken_and_stored_once(deliver, session):
    assert [deliver(snapshot()) for _ in range(3)] == [200, 200, 200]

    assert len(stored(session)) == 1


@pytest.mark.parametrize(
    "forged",
    [
        {"secret": "another secret"},
        {"at": 1_000_000_000},
        {"body": b"no json"},
        {"body": b'{"type": "invoice.paid"}'},
        {"body": b"[]"},
        {"body": b"\xff\xfe"},
    ],
    ids=["forged", "old", "no JSON", "no id", "no object", "no text"],
)
def test_i13_what_is_not_from_stripe_is_refused_and_leaves_no_row(deliver, session, forged):
    assert deliver(snapshot(), **forged) == 400

    assert stored(session) == []


def test_a_webhook_without_a_signature_is_refused(browse, session):
    assert browse.open("POST", "/stripe/webhook", data=b"{}").status == 400

    assert stored(session) == []


def test_a_signature_by_a_second_secret_is_enough_while_secrets_are_rotated(browse, session):
    body = b'{"id": "evt_9", "type": "invoice.paid", "created": 1795000000}'
    at = int(time.time())
    right = WebhookSignature.generate_signature_header(body.decode(), WEBHOOK_SECRET, at)
    header = f"t={at},v1={'0' * 64},{right.split(',', 1)[1]}"

    assert browse.open("POST", "/stripe/webhook", data=body, headers={"Stripe-Signature": header}).status == 200


def test_a_sweep_adds_only_what_no_webhook_brought(deliver, session, now):
    deliver(snapshot("evt_1"))

    found = events.store_missed(session, [snapshot("evt_1"), snapshot("evt_2")], mode="test", now=now)

    assert found == 1
    assert {row.id: row.source for row in stored(session)} == {"evt_1": "webhook", "evt_2": "sweep"}
    assert events.sweep_from(session, "test", now=now) == now - events.OVERLAP


def test_operators_see_events_and_replay_one_that_failed(deliver, sign_in, make, session):
    person = make.person("Oda Operator", is_operator=True)
    operator = sign_in(person, make.organisation("Operators", owner=person))
    deliver(snapshot("evt_7"))
    [row] = stored(session)
    row.state, row.error, row.tries = FAILED, "It was refused.", 12
    session.add(row)

    page = operator.get("/operator/stripe/")
    assert "invoice.paid" in page.text
    assert "It was refused." in page.text
    assert "evt_7" in operator.get("/operator/stripe/evt_7").text
    operator.post("/operator/stripe/evt_7/replay")

    assert (stored(session)[0].state, stored(session)[0].tries) == (NEW, 0)
    operator.post("/operator/stripe/evt_7/replay", status=409)


def test_events_are_for_operators_only(deliver, owner):
    deliver(snapshot("evt_7"))

    owner.get("/operator/stripe/", status=404)
    owner.get("/operator/stripe/evt_7", status=404)
