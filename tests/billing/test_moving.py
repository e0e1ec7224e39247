"""What operators plan for subscriptions is what Stripe does, in the same moment, whatever fails on the way."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from app.billing import changing, findings, planned, reconciling
from app.core.mail import Mail
from app.plans import moving as plan_moving
from app.plans import queries, succession
from tests.billing.lived import Lived
from tests.plans.catalogues import SMALL, apply

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DEARER = SMALL.replace('base.usd = { month = "99.00"', 'base.usd = { month = "109.00"').replace(
    'usd.calls = { each = "0.005" }', 'usd.calls = { each = "0.006" }'
)
DEAREST = DEARER.replace("109.00", "119.00")
JANUARY = datetime(2027, 1, 1, tzinfo=UTC)


def plan_move(till, text=DEARER, **when):
    apply(till.session, text, now=till.hand.now, is_moving=True, **{"notice_days": 30, **when})
    till.session.commit()


def tell(till):
    return planned.run(till.engine, till.api, clock=lambda: till.hand.now)


def wait_until(till, at):
    till.wait(seconds=(at + timedelta(minutes=1) - till.hand.now).total_seconds())


def fees(till):
    """Amounts of the items that are no meters, by their price's nickname."""
    items = till.at_stripe()["items"]["data"]
    return [item["price"]["unit_amount"] for item in items if item["price"]["recurring"]["usage_type"] == "licensed"]


def meters(till):
    return {item["price"]["lookup_key"] for item in till.at_stripe()["items"]["data"]} - {"postern_own_usd"}


def lines_of(till, reason="subscription_cycle"):
    invoices = [one for one in till.stand_in.desk.store.all("invoice") if one["billing_reason"] == reason]
    return [[line["amount"] for line in one["_lines"]] for one in invoices]


def test_a_move_happens_at_stripe_and_here_at_the_end_of_the_interval_and_not_before(till):
    till.subscribe("team")
    old = meters(till)
    plan_move(till)

    assert (tell(till), tell(till)) == (1, 0)

    wait_until(till, till.december)
    assert (fees(till), meters(till)) == ([9_900], old)
    wait_until(till, JANUARY)
    assert fees(till) == [10_900]
    assert till.current().begins_at == JANUARY
    assert till.current().stripe_id == till.at_stripe()["id"]
    assert not meters(till) & old - {key for key in old if "-base-" in key and key in meters(till)}
    assert lines_of(till) == [[0, 0, 9_900], [0, 0, 10_900]]


def test_customers_are_told_once_by_mail(till, make):
    owner = make.person(email="olive@example.com")
    make.membership(till.organisation, owner, role="owner")
    till.subscribe("team")

    plan_move(till)
    plan_moving.carry_on(till.session, now=till.hand.now)
    tell(till)

    [letter] = till.session.exec(select(Mail)).all()
    assert (letter.template, letter.context["on"]) == ("plan_changes", "1 January 2027")
    assert "Base fee a month: $99.00 → $109.00" in letter.context["changes"]


@pytest.mark.parametrize("fault", ["lost_after", "error_after"])
def test_a_move_is_told_once_whatever_fails(till, fault):
    till.subscribe("team")
    plan_move(till)
    till.stand_in.faults(**{fault: 0.5}, seed=3)

    for _ in range(12):
        tell(till)
        till.hand.moves(minutes=61)
    till.stand_in.faults()
    tell(till)

    assert len(till.stand_in.desk.store.all("subscription_schedule")) == 1
    assert till.current().told_at is not None
    wait_until(till, JANUARY)
    assert (fees(till), lines_of(till)[-1]) == ([10_900], [0, 0, 10_900])


def test_cut_off_between_two_steps_the_next_round_goes_on(till, monkeypatch):
    till.subscribe("team")
    plan_move(till)
    post = till.api.post

    def dies(call, *place, **more):
        if place and place[0].startswith("sub_sched_"):
            raise KeyboardInterrupt
        return post(call, *place, **more)

    monkeypatch.setattr(till.api, "post", dies)
    with pytest.raises(KeyboardInterrupt):
        tell(till)
    monkeypatch.undo()

    assert tell(till) == 1
    assert len(till.stand_in.desk.store.all("subscription_schedule")) == 1
    wait_until(till, JANUARY)
    assert fees(till) == [10_900]


def test_another_move_takes_the_place_of_the_first(till):
    till.subscribe("team")
    plan_move(till)
    tell(till)

    plan_move(till, DEAREST, notice_days=60)
    assert tell(till) == 1

    wait_until(till, JANUARY)
    assert fees(till) == [9_900], "the second begins later, and the first not at all"
    wait_until(till, datetime(2027, 2, 1, tzinfo=UTC))
    assert (fees(till), lines_of(till)[-1]) == ([11_900], [0, 0, 11_900])


def test_a_move_that_stripe_hears_of_too_late_is_made_up_for_on_the_next_bill(till):
    till.subscribe("team")
    plan_move(till)
    wait_until(till, JANUARY)
    assert (till.current().begins_at, fees(till)) == (JANUARY, [9_900])

    assert (tell(till), tell(till)) == (1, 0)

    assert fees(till) == [10_900]
    wait_until(till, datetime(2027, 2, 1, tzinfo=UTC))
    assert sum(lines_of(till)[-1]) == 10_900 + (10_900 - 9_900)


def test_who_cancels_after_being_told_leaves_and_is_not_moved(till):
    till.subscribe("team")
    plan_move(till)
    tell(till)

    changing.cancel(till.api, till.at_stripe(), visit=uuid4(), at=till.december, reason="Too dear.")
    till.synchronise()
    assert tell(till) == 0

    wait_until(till, till.december)
    till.hear("customer.subscription.")
    till.work()
    assert till.plan() == "free"


def test_who_takes_the_cancellation_back_is_moved_and_stripe_told_anew(till):
    till.subscribe("team")
    plan_move(till)
    tell(till)
    changing.cancel(till.api, till.at_stripe(), visit=uuid4(), at=till.december, reason="")
    till.synchronise()
    changing.resume(till.api, till.at_stripe(), visit=uuid4())
    till.synchronise()

    plan_moving.carry_on(till.session, now=till.hand.now)
    till.session.commit()

    assert tell(till) == 1
    wait_until(till, JANUARY)
    assert fees(till) == [10_900]


def test_who_upgrades_meanwhile_keeps_the_meters_that_are_left_and_loses_them_with_the_month(till):
    till.subscribe("payg")
    left = meters(till)
    till.upgrade("team")

    plan_move(till)
    assert tell(till) == 1

    assert left < meters(till)
    wait_until(till, till.december)
    assert not left & meters(till)
    wait_until(till, JANUARY)
    assert fees(till) == [10_900]


def test_a_webhook_that_comes_before_the_worker_begins_the_plan_at_its_moment(till):
    till.subscribe("team")
    plan_move(till)
    tell(till)
    till.hand.moves(seconds=(JANUARY + timedelta(seconds=30) - till.hand.now).total_seconds())
    till.stand_in.move(to=int(till.hand.now.timestamp()))

    till.hear("customer.subscription.")
    till.work()

    assert till.current().begins_at == JANUARY
    assert succession.apply_due(till.session, now=till.hand.now) == 0


def test_calls_before_and_after_a_move_are_billed_by_their_own_version_and_nothing_is_left_over(till, settings, make):
    lived, integration = Lived(till, settings, make), make.integration()
    till.session.commit()
    organisation = lived.join("team")
    plan_move(till, notice_days=0)
    lived.work()

    for calls in (10, 20):
        lived.call(organisation, integration, times=calls)
        lived.pass_month()

    assert till.current().plan_version_id == queries.newest(till.session)["team"].version.id
    assert lived.invoiced(organisation, "2026-11", "2026-12") == lived.due(organisation, "2026-11", "2026-12")
    assert lived.due(organisation, "2026-12") == {"2026-12": 10_900 + 12}, "twenty calls at 0.6 cents"
    reconciling.run(till.engine, till.api, clock=lived.clock)
    assert findings.listed(till.session, is_open=True, limit=50) == []


def test_a_move_that_was_taken_back_does_not_happen_at_stripe(till):
    till.subscribe("team")
    plan_move(till)
    tell(till)

    apply(till.session, SMALL, now=till.hand.now)
    till.session.commit()
    assert (tell(till), tell(till)) == (1, 0)

    wait_until(till, JANUARY)
    till.synchronise()
    assert (fees(till), lines_of(till)[-1]) == ([9_900], [0, 0, 9_900])
    assert queries.offer_of(till.session, till.current().plan_version_id).version.number == 1


def test_a_move_that_stripe_never_heard_of_is_taken_back_without_a_word(till):
    till.subscribe("team")
    plan_move(till)
    apply(till.session, SMALL, now=till.hand.now)
    till.session.commit()

    assert (tell(till), till.at_stripe()["schedule"]) == (0, None)
