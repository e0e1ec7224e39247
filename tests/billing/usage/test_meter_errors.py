"""What Stripe took and could not count is marked, and found; in any order, and however often it says so (I13, B26)."""

import itertools
import json

import pytest
from sqlmodel import Session, select

from app.billing import applying, events, findings, worker
from app.billing.handlers import HANDLERS
from app.billing.models import DONE, StripeEvent
from app.billing.usage_models import DELIVERED, REFUSED
from tests.billing.conftest import snapshot
from tests.sandbox.stripe import shop


@pytest.fixture
def deaf(world):
    """A customer whom Stripe does not know any more, and another that is well; both used something."""
    gone, well = world.customer(), world.customer()
    world.stock()
    world.use(gone, 3)
    world.use(well, 2)
    world.stripe.client.v1.customers.delete(gone.account.customer_id)
    world.cut()
    world.drain()
    return gone


def sweep_and_apply(world):
    since = world.now.replace(hour=0)
    missed = events.fetch_missed(world.api, since=since)
    with Session(world.engine) as session:
        found = events.store_missed(session, missed, mode="test", now=world.now)
        session.commit()
    applying.run(world.engine, world.api, HANDLERS, clock=world.clock)
    return found


def open_findings(world):
    with Session(world.engine, expire_on_commit=False) as session:
        return [(one.kind, one.ours, one.theirs) for one in findings.listed(session, is_open=True, limit=9)]


def test_a_range_that_stripe_could_not_count_is_refused_with_the_reason_and_found(world, deaf):
    assert {row.state for row in world.outbox()} == {DELIVERED}

    sweep_and_apply(world)

    states = {row.organisation_id: row for row in world.outbox()}
    row = states.pop(deaf.organisation.id)
    assert row.state == REFUSED
    assert "meter_event_customer_not_found" in row.error
    assert [other.state for other in states.values()] == [DELIVERED]
    assert open_findings(world) == [("missing", 3, 0)]


def test_usage_that_we_did_not_send_is_found(world):
    world.stock()
    shop.use(world.stripe, "cus_unknown", 7, world.event_name, identifier="not-ours")

    sweep_and_apply(world)

    assert open_findings(world) == [("unknown", 0, 1)]


def test_an_error_is_known_by_the_key_of_its_request_too(world, deaf):
    row = next(row for row in world.outbox() if row.organisation_id == deaf.organisation.id)
    sample = {"request": {"identifier": f"{row.identifier}:0"}}
    said = {"data": {"reason": {"error_types": [{"code": "no_meter", "sample_errors": [sample]}]}}}
    handler = applying.handler_of(HANDLERS, "v1.billing.meter.no_meter_found")

    with Session(world.engine) as session:
        handler.apply(session, said, world.now)
        handler.apply(session, said, world.now)
        session.commit()

    assert "no_meter" in next(row for row in world.outbox() if row.state == REFUSED).error
    assert open_findings(world) == [("missing", 3, 0)]


def test_a_sweep_finds_thin_events_that_no_webhook_brought_once(world, deaf):
    assert sweep_and_apply(world) > 0
    assert sweep_and_apply(world) == 0
    kinds = set(world.session.exec(select(StripeEvent.type)))
    assert "v1.billing.meter.error_report_triggered" in kinds
    assert worker.sweep_events(world.engine, world.api, world.settings) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_i13_b26_webhooks_in_any_order_old_doubled_or_unknown_come_to_the_same(world, deaf):
    thin = [one for one in events.fetch_missed(world.api, since=world.now.replace(hour=0)) if "meter" in one["type"]][
        -1
    ]
    kept = {key: thin[key] for key in ("id", "type", "created", "livemode")}
    update = snapshot("evt_c", "customer.updated", world.customers[1].account.customer_id, created=1_600_000_000)
    unknown = snapshot("evt_u", "issuing_card.created", "ic_1")
    world.session.commit()
    ends = set()
    for order in itertools.permutations([kept, update, unknown]):
        with Session(world.engine) as session:
            for row in session.exec(select(StripeEvent)).all():
                session.delete(row)
            session.flush()
            for said in (*order, order[0], order[2]):
                events.store(session, said, payload=json.dumps(said), source="webhook", now=world.now)
            session.commit()
        applying.run(world.engine, world.api, HANDLERS, clock=world.clock)
        applying.run(world.engine, world.api, HANDLERS, clock=world.clock)
        done = {row.state for row in world.session.exec(select(StripeEvent)) if row.type != "issuing_card.created"}
        world.session.commit()
        assert done == {DONE}
        ends.add((tuple(sorted(row.state for row in world.outbox())), tuple(open_findings(world))))

    assert ends == {((DELIVERED, REFUSED), (("missing", 3, 0),))}
