"""What is missing up to a minimum is billed once, whatever fails on the way."""

from datetime import timedelta

import pytest

from app.billing import minimums, missing_minimums, months
from tests.billing.lived import Lived
from tests.plans.catalogues import SMALL, apply

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LEAST = SMALL.replace("free = 3, graduated", 'free = 3, minimum = "5.00", graduated')


@pytest.fixture
def lived(till, settings, make):
    apply(till.session, LEAST, now=till.hand.now)
    lived = Lived(till, settings, make)
    lived.organisation = lived.join("payg")
    return lived


def items(lived):
    found = lived.till.stand_in.desk.store.all("invoiceitem")
    return [(one["amount"], bool(one["invoice"])) for one in found if one["metadata"].get("minimum")]


def wait_for_december(lived, **later):
    lived.till.wait_until_december()
    lived.till.wait(**later)


def run(lived):
    return minimums.run(lived.engine, lived.api, clock=lived.clock)


def test_it_is_put_onto_the_months_own_invoice_once(lived):
    wait_for_december(lived, minutes=20)
    assert (run(lived), items(lived)) == (0, []), "what was used may still be on its way"

    lived.till.wait(minutes=15)

    assert (run(lived), run(lived)) == (1, 0)
    assert items(lived) == [(500, True)]
    lived.till.wait(days=1)
    assert run(lived) == 0


@pytest.mark.parametrize("fault", ["lost_after", "error_after"])
def test_it_is_billed_once_whatever_fails(lived, fault):
    wait_for_december(lived, minutes=32)
    lived.till.stand_in.faults(**{fault: 0.5}, seed=5, paths=["/v1/invoiceitems"])

    for _ in range(12):
        run(lived)
        lived.till.hand.moves(minutes=20)
    lived.till.stand_in.faults()
    run(lived)

    assert items(lived) == [(500, True)]


def test_after_the_invoice_is_closed_it_waits_for_the_next(lived):
    wait_for_december(lived, hours=3)

    assert run(lived) == 1

    assert items(lived) == [(500, False)]


def test_somebody_who_is_on_no_such_plan_is_not_asked_about(lived, monkeypatch):
    wait_for_december(lived, minutes=32)
    monkeypatch.setattr(minimums, "_with_minimums", lambda session: set())

    assert run(lived) == 0


def stripe_goes_to_december(lived, **by):
    """Its clock alone."""
    till = lived.till
    till.stand_in.move(to=int((till.december + timedelta(**by)).timestamp()))
    till.hear("invoice.")
    till.work()
    till.hand.moves(minutes=20)


def missing(lived):
    since = months.around(lived.now).begins_at
    found = missing_minimums.find(lived.engine, lived.api, lived.till.account(), since=since, now=lived.now)
    return [(one.kind, one.ours, one.theirs) for _, one in found]


def test_where_stripes_clock_is_ahead_it_is_on_the_invoice_that_ends_the_month_and_on_no_other(lived):
    stripe_goes_to_december(lived, minutes=10)

    assert (run(lived), run(lived), items(lived)) == (1, 0, [(500, True)])

    stripe_goes_to_december(lived, hours=2)
    [invoice] = lived.api.v1.invoices.list({"customer": lived.till.account().customer_id, "limit": 1}).data
    assert (invoice.total, invoice.status, missing(lived)) == (500, "paid", [])
    lived.till.hand.moves(seconds=(lived.till.december - lived.now).total_seconds() + 2400)
    assert (run(lived), items(lived)) == (0, [(500, True)])


def test_reconciliation_finds_one_that_is_on_no_invoice_of_a_closed_month(lived):
    stripe_goes_to_december(lived, hours=2)

    assert missing(lived) == [("missing", 500, 0)]
    assert (run(lived), items(lived), missing(lived)) == (1, [(500, False)], []), "it is on the next"
    lived.till.stand_in.client.v1.subscriptions.cancel(lived.till.current().stripe_id)
    lived.till.synchronise()
    assert missing(lived) == [("late", 500, 0)], "there is no next"
