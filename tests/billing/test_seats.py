"""Seats: asked for before anybody pays, and never a payment that comes to nothing."""

import pytest

from app.core.errors import Conflict
from app.plans import queries as plans
from app.plans import services
from tests.plans.catalogues import choice

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def joins(till, make, count):
    for number in range(count):
        make.membership(till.organisation, make.person(email=f"{number}@example.com"))
    till.session.commit()


def test_too_few_seats_are_said_before_anybody_pays(till, make):
    joins(till, make, 3)
    wanted = choice(till.session, "team", now=till.hand.now, seats=2)

    with pytest.raises(Conflict, match=r"3 people belong to “Acme”, and “Team” would have 2 seats\. Choose more"):
        services.check(till.session, till.organisation, wanted)


def test_whoever_paid_while_somebody_joined_has_what_was_paid_for(till, make):
    visit = till.visit("team")
    assert till.pay(visit) == ""
    joins(till, make, 3)

    till.come_back(visit)

    assert (till.plan(), till.current().seats) == ("team", 2)
    assert plans.subscription_at(till.session, till.organisation.id, till.hand.now).stripe_id != ""


def test_the_worker_applies_it_as_well(till, make):
    visit = till.visit("team")
    till.pay(visit)
    joins(till, make, 3)

    till.hear(("checkout.", "customer."))
    till.work()

    assert till.plan() == "team"
