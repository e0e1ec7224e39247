"""What the worker does for usage, each task by itself, against the stand-in."""

from datetime import timedelta

from sqlmodel import select

from app.billing import usage
from app.billing.models import StripeObject
from app.billing.usage_models import DELIVERED, METERED
from app.plans import pricing, queries, services
from app.plans.choosing import Choice


def objects(world, kind):
    found = world.session.exec(select(StripeObject.key).where(StripeObject.kind == kind))
    return set(found)


def test_everything_that_can_be_bought_is_at_stripe_once(world):
    assert world.stock_everything() == 4

    made = objects(world, "price")
    assert world.event_name in objects(world, "meter")
    assert {f"postern_own_{currency}" for currency in ("usd", "eur")} < made
    assert sum("-base-" in key for key in made) == 4
    assert sum("-seat-" in key for key in made) == 4
    there = world.stripe.client.v1.prices.list({"limit": 100}).data
    assert {price.lookup_key for price in there} == made

    world.stock_everything()

    assert len(world.stripe.client.v1.prices.list({"limit": 100}).data) == len(there)


def test_usage_of_every_account_reaches_its_customer(world):
    first, second, idle = world.customer(), world.customer(), world.customer()
    world.stock()
    world.use(first, 3)
    world.use(second, 2)
    assert {account.organisation_id for account in usage.accounts_behind(world.session, "test")} == {
        first.organisation.id,
        second.organisation.id,
    }
    world.session.commit()

    assert world.cut() == 5
    assert world.deliver() == 2

    assert [world.at_stripe(customer) for customer in (first, second, idle)] == [3, 2, 0]
    assert usage.accounts_behind(world.session, "test") == []


def test_own_prices_are_billed_only_while_a_plan_with_bills_is_in_force(world):
    customer = world.customer()
    own = pricing.set_price(
        world.session,
        integration=world.integration,
        tool="",
        nanos_per_unit=7_000_000,
        currency="usd",
        effective_at=None,
        now=world.now,
    )
    prepaid = Choice(queries.newest(world.session)["prepaid"], "usd", "", 3)
    more = {"price_version_id": own.id, "amount_nanos": 7_000_000, "currency": "usd"}
    world.make.call(customer.key, world.integration, at=world.now - timedelta(hours=1), **more)
    services.subscribe(
        world.session, organisation=customer.organisation, choice=prepaid, now=world.now - timedelta(minutes=1)
    )
    world.make.call(customer.key, world.integration, at=world.now, **more)
    world.use(customer, 0)
    world.stock()

    world.cut()
    world.deliver()

    assert world.at_stripe(customer, "postern_own_usd") == 7_000


def test_what_came_after_the_invoice_is_an_item_on_the_next_once(world):
    customer = world.customer(since=world.now - timedelta(days=30))
    world.stock()
    world.use(customer, 11, at=world.now - timedelta(days=25), units=92)  # 12 beyond the free ones
    world.cut()
    world.stripe.faults(error_after=1, paths=["/v1/invoiceitems"])
    for _ in range(3):
        world.deliver()
        world.go(minutes=1)
    world.stripe.faults()

    world.drain()

    items = world.stripe.client.v1.invoice_items.list({"customer": customer.account.customer_id}).data
    assert [(item.amount, item.description) for item in items] == [(2, "Late usage of October 2026")]
    [row] = world.outbox()
    assert (row.kind, row.state, row.value) == ("late", DELIVERED, 2)
    assert row.kind != METERED


def test_live_and_test_usage_have_names_of_their_own(world):
    customer = world.customer()
    world.use(customer, 1)
    world.cut()

    [row] = world.outbox()
    assert row.identifier.startswith("t-")
