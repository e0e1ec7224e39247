"""Reconciliation against the stand-in: silent where all agrees, and every drift of one unit is found."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from app.billing import findings, invoices, reconciling
from app.billing.problems import StripeAway
from app.billing.reconcile_models import Agreed, Finding, ReconcileRun
from app.billing.usage_models import DELIVERED, UsageCut
from app.plans import periods
from tests.sandbox.stripe import shop


def reconcile(world):
    run = reconciling.run(world.engine, world.api, clock=world.clock)
    with Session(world.engine, expire_on_commit=False) as session:
        return run, findings.listed(session, is_open=True, limit=50)


@pytest.fixture
def settled(world):
    """A customer whose usage of two days has reached Stripe, some time ago."""
    customer = world.customer(since=world.now - timedelta(days=3))
    world.stock()
    world.use(customer, 5, at=world.now - timedelta(days=2))
    world.cut()
    world.use(customer, 3)
    world.cut()
    world.drain()
    world.go(hours=1)
    return customer


def test_nothing_is_reported_where_all_agrees_and_up_to_where_is_known(world, settled):
    run, found = reconcile(world)

    assert found == []
    assert (run.findings, run.places) == (0, 1)
    agreed = world.session.get(Agreed, (settled.organisation.id, "test"))
    assert (agreed.seq, agreed.at) == (8, world.now)


def test_what_is_on_its_way_is_no_finding_and_not_agreed_yet(world, settled):
    world.use(settled, 2)
    world.cut()
    world.stripe.faults(lost_after=1, paths=["/v1/billing/meter_events"])
    world.deliver()
    world.stripe.faults()

    _, found = reconcile(world)

    assert found == []
    assert world.session.get(Agreed, (settled.organisation.id, "test")).seq == 8


@pytest.mark.parametrize("drift", [-1, 1])
def test_i15_one_unit_more_or_less_at_stripe_is_found_in_its_hour_and_ends_when_mended(world, settled, drift):
    first = world.outbox()[0]
    at = int(first.at.timestamp())
    shop.use(world.stripe, settled.account.customer_id, drift, world.event_name, timestamp=at, identifier="drift")

    _, found = reconcile(world)
    _, again = reconcile(world)

    [finding] = found
    assert finding.kind == ("missing" if drift < 0 else "extra")
    assert (finding.ours, finding.theirs) == (5, 5 + drift)
    assert finding.subject == f"{world.event_name}, {first.at:%Y-%m-%d %H}:00"
    assert [one.id for one in again] == [finding.id]
    assert world.session.get(Agreed, (settled.organisation.id, "test")) is None

    shop.use(world.stripe, settled.account.customer_id, -drift, world.event_name, timestamp=at, identifier="mended")

    assert reconcile(world)[1] == []
    world.session.expire_all()
    assert world.session.get_one(Finding, finding.id).ended_at == world.now


@pytest.mark.parametrize("name", ["", "postern_own_usd"])
def test_i15_usage_at_stripe_of_a_meter_that_nothing_was_sent_to_is_found(world, name):
    customer = world.customer()
    world.stock()
    shop.use(world.stripe, customer.account.customer_id, 1, name or world.event_name, identifier="not-ours")

    [finding] = reconcile(world)[1]

    assert (finding.kind, finding.ours, finding.theirs) == ("extra", 0, 1)


@pytest.mark.parametrize("drift", [-1, 1])
def test_i15_a_range_that_says_one_unit_else_than_the_ledger_is_found(world, settled, drift):
    row = world.outbox()[0]
    row.value += drift
    world.session.add(row)
    world.session.commit()

    _, found = reconcile(world)

    assert found
    assert all(abs(one.ours - one.theirs) == 1 for one in found)
    assert [row.value for row in world.outbox()] == [5 + drift, 3], "usage is never written"


def test_what_was_never_sent_is_sent_and_nothing_else(world, settled):
    lost = world.outbox()[0]
    meter_sum = world.at_stripe(settled)
    world.use(settled, 4)
    world.cut()
    world.session.delete(world.outbox()[-1])
    world.session.commit()

    run, found = reconcile(world)
    healed = world.outbox()[-1]
    world.drain()

    assert (found, run.findings) == ([], 0)
    assert (healed.value, healed.identifier[0]) == (4, "h")
    assert world.at_stripe(settled) == meter_sum + 4 == settled.calls
    assert lost.state == DELIVERED
    world.go(hours=1)
    assert reconcile(world)[1] == []
    assert len(world.outbox()) == 3


def test_what_was_lost_after_it_was_sent_is_left_to_people(world, settled):
    world.session.delete(world.outbox()[0])
    world.session.commit()

    _, found = reconcile(world)

    assert {one.kind for one in found} == {"missing", "extra"}
    assert len(world.outbox()) == 1


def test_a_cut_that_lost_count_is_found(world, settled):
    [cut] = world.session.exec(select(UsageCut)).all()
    cut.quantity -= 1
    world.session.add(cut)
    world.session.commit()

    [finding] = reconcile(world)[1]

    assert (finding.kind, finding.ours, finding.theirs) == ("value", 8, 7)


def test_late_usage_is_compared_with_invoice_items(world, settled):
    world.use(settled, 0)
    customer = world.customer(since=world.now - timedelta(days=40))
    world.use(customer, 10, at=world.now - timedelta(days=30), units=101)  # 10 beyond the free ones
    world.cut()
    world.drain()
    world.go(hours=1)

    assert reconcile(world)[1] == []

    [item] = world.stripe.client.v1.invoice_items.list({"customer": customer.account.customer_id}).data
    world.stripe.client.v1.invoice_items.update(item.id, {"amount": 3})
    [finding] = reconcile(world)[1]
    assert (finding.kind, finding.ours, finding.theirs) == ("extra", 2, 3)


def test_invoices_of_closed_months_are_compared_with_the_meters(world):
    customer = world.customer()
    world.stock()
    api, customer_id = world.stripe.client.v1, customer.account.customer_id
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer_id})
    api.customers.update(customer_id, {"invoice_settings": {"default_payment_method": card.id}})
    price = api.prices.list({"lookup_keys": [world.event_name]}).data[0]
    next_month = periods.end_of(periods.MONTH, periods.start_of(periods.MONTH, world.now))
    shop.subscribe(world.stripe, customer_id, price, billing_cycle_anchor=int(next_month.timestamp()))
    world.use(customer, units=50_000)
    world.cut()
    world.drain()
    world.go(days=12)
    for one in api.invoices.list({"customer": customer_id}).data:
        invoices.apply(world.session, invoices.fetch(world.api, one.id), world.now)
    world.session.commit()

    assert reconcile(world)[1] == []

    [invoice] = [one for one in invoices.of(world.session, customer.organisation.id, "test", limit=9) if one.total]
    invoice.lines = [{**line, "quantity": line["quantity"] and line["quantity"] - 1} for line in invoice.lines]
    world.session.add(invoice)
    world.session.commit()
    [finding] = reconcile(world)[1]
    assert (finding.kind, finding.ours, finding.theirs) == ("missing", 50_000, 49_999)


AT = datetime(2026, 12, 1, 0, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "now", "is_due"),
    [
        (None, AT, True),
        (AT - timedelta(minutes=30), AT - timedelta(minutes=1), False),
        (AT - timedelta(minutes=30), AT, True),
        (AT, AT + timedelta(hours=1), False),
        (AT, datetime(2026, 12, 1, 2, tzinfo=UTC), True),
        (datetime(2026, 12, 1, 2, tzinfo=UTC), datetime(2026, 12, 2, 1, 59, tzinfo=UTC), False),
    ],
)
def test_it_runs_each_night_and_in_the_hour_before_invoices(session, last, now, is_due):
    if last is not None:
        session.add(ReconcileRun(mode="test", began_at=last, ended_at=last))
        session.flush()

    assert reconciling.is_due(session, "test", now=now) is is_due


def test_a_run_that_was_cut_off_is_done_again_after_an_hour(session):
    session.add(ReconcileRun(mode="test", began_at=AT))
    session.flush()

    assert not reconciling.is_due(session, "test", now=AT + timedelta(minutes=59))
    assert reconciling.is_due(session, "test", now=AT + timedelta(minutes=61))


def test_a_run_that_stripe_did_not_let_end_is_done_again_before_the_invoices_close(world, settled, monkeypatch):
    def away(*_, **__):
        raise StripeAway("Stripe cannot be reached.")

    monkeypatch.setattr(reconciling, "_one", away)
    with pytest.raises(StripeAway):
        reconcile(world)

    began_at = world.clock()
    assert not reconciling.is_due(world.session, "test", now=began_at + timedelta(minutes=1))
    assert reconciling.is_due(world.session, "test", now=began_at + timedelta(minutes=3))
    assert world.session.exec(select(ReconcileRun)).one().ended_at is None
