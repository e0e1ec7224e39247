"""What is planned here is planned at Stripe, whatever came in between."""

import pytest

from app.billing import changing, planned
from app.billing.problems import Declined
from app.plans import services
from tests.plans.catalogues import SMALL, apply

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def plan_the_downgrade(till):
    change = till.change("payg", at=till.december)
    changing.plan_ahead(till.api, till.at_stripe(), change)
    services.plan_next(till.session, till.current(), change.choice, at=change.at, by="customer", now=till.hand.now)
    till.session.commit()
    till.synchronise()


def decline_from_now_on(till):
    client = till.stand_in.client.v1
    method = client.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": till.account().customer_id})
    client.subscriptions.update(till.current().stripe_id, {"default_payment_method": method.id})


def keep(till):
    return planned.run(till.engine, till.api, clock=lambda: till.hand.now)


def test_an_upgrade_that_is_declined_leaves_a_planned_downgrade_planned(till):
    till.subscribe("team")
    plan_the_downgrade(till)
    decline_from_now_on(till)

    for _ in range(2):
        with pytest.raises(Declined):
            till.upgrade("team", seats=4)
        till.wait(minutes=1)

    till.synchronise()
    assert (till.current().next_at, bool(till.at_stripe()["schedule"])) == (till.december, True)
    till.wait_until_december()
    till.synchronise()
    assert till.plan() == "payg"
    assert till.at_stripe()["metadata"]["plan_version_id"] == str(till.current().plan_version_id)
    assert len(till.at_stripe()["items"]["data"]) == 2


def test_a_plan_that_was_lost_at_stripe_is_made_again(till):
    till.subscribe("team")
    plan_the_downgrade(till)
    till.stand_in.client.v1.subscription_schedules.release(till.at_stripe()["schedule"])

    assert (keep(till), keep(till)) == (1, 0)

    till.wait_until_december()
    assert till.at_stripe()["metadata"]["plan_version_id"] == str(till.current().plan_version_id)


def test_whom_an_operator_moves_to_the_next_version_pays_its_prices(till):
    till.subscribe("team")
    dearer = SMALL.replace('base.usd = { month = "99.00"', 'base.usd = { month = "120.00"')
    apply(till.session, dearer, now=till.hand.now, is_moving=True)
    till.session.commit()
    assert till.current().next_by == "operator"

    assert keep(till) == 1

    till.wait_until_december()
    amounts = {item["price"]["unit_amount"] for item in till.at_stripe()["items"]["data"]}
    assert 12_000 in amounts
    assert 9_900 not in amounts


def test_a_cancellation_that_stripe_does_not_know_of_is_told(till):
    till.subscribe("team")
    services.cancel(till.session, organisation=till.organisation, reason="Too dear.", now=till.hand.now)
    till.session.commit()

    assert (keep(till), keep(till)) == (1, 0)

    assert till.at_stripe()["cancel_at"] == int(till.december.timestamp())
