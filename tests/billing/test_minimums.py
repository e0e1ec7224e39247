"""What is missing up to a minimum is billed once, whatever fails on the way."""

import pytest

from app.billing import minimums
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
