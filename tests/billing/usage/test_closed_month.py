"""Stripe's clock is ahead of ours and has closed the invoice of a month that goes on here: each call is billed."""

from datetime import timedelta

import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlmodel import delete, select

from app.billing import delivery, findings, gathering, months, reconciling
from app.billing import usage as sending
from app.billing.models import BillingAccount, Invoice, StripeEvent, StripeObject
from app.billing.reconcile_models import Agreed
from app.billing.stripe_api import StripeApi
from app.billing.usage_models import DELIVERED, LATE, METERED, StripeOutbox
from app.core import vault
from app.metering.sealing import Sealer
from app.plans import pricing, succession
from app.plans import queries as plans
from tests.billing.months_used import call
from tests.billing.till import Till
from tests.sandbox.stripe import running

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Ahead:
    """An organisation that calls, and a stand-in whose months are its own. theirs: Stripe's present month."""

    own = None
    """A further price, by which each call of a second kind is charged."""

    def __init__(self, till, settings, make):
        self.till, self.settings = till, settings
        till.subscribe("payg")
        self.key, self.integration = make.key(till.organisation), make.integration()
        self.version = plans.prices_of(till.session, [till.current().plan_version_id], currency="usd")[0]
        self.theirs = months.around(till.hand.now)
        till.session.commit()

    def charge_too(self, nanos):
        """From now on, each call comes with one by an integration's own price."""
        place = {"integration": self.integration, "tool": "", "currency": "usd"}
        self.own = pricing.set_price(self.till.session, **place, nanos_per_unit=nanos, now=self.till.hand.now)
        self.till.session.commit()

    def use(self, calls=2):
        for _ in range(calls):
            call(self.till.session, self.key, self.integration, self.version, at=self.till.hand.now)
            if self.own is not None:
                call(self.till.session, self.key, self.integration, self.own, at=self.till.hand.now)
        Sealer().run(self.till.session, vault.from_settings(self.settings), now=self.till.hand.now)
        self.till.session.commit()

    def cut(self):
        sending.cut_all(self.till.engine, "test", now=self.till.hand.now)

    def deliver(self):
        while delivery.run(self.till.engine, self.till.api, clock=lambda: self.till.hand.now):
            pass

    def send(self):
        self.cut()
        self.deliver()

    def close_there(self):
        """Stripe's month ends and its invoice is closed; nothing of it is heard yet, and our clock stands."""
        closed_at = self.theirs.ends_at + timedelta(hours=2)
        self.till.stand_in.move(to=int(closed_at.timestamp()))
        self.theirs = months.around(closed_at)

    def hear(self):
        self.till.hear()
        self.till.work()

    def reconcile(self):
        reconciling.run(self.till.engine, self.till.api, clock=lambda: self.till.hand.now)
        self.till.session.expire_all()
        return findings.listed(self.till.session, is_open=True, limit=50)

    def settle(self):
        """All that was heard and found comes to its end."""
        self.send()
        self.hear()
        self.reconcile()
        self.deliver()

    def rows(self, kind=None):
        self.till.session.expire_all()
        found = self.till.session.exec(select(StripeOutbox).order_by(StripeOutbox.first_seq)).all()
        return [row for row in found if kind in (None, row.kind)]

    def billed(self):
        """What all of Stripe's invoices come to."""
        return sum(one["total"] for one in self.till.stand_in.desk.store.all("invoice"))

    def owed(self):
        """What the ledger says, of our month."""
        month = months.around(self.till.hand.now)
        totals = gathering.statement_of(self.till.session, self.till.organisation.id, month).totals
        return sum(total.due_minor for total in totals)


@pytest.fixture
def ahead(till, settings, make):
    return Ahead(till, settings, make)


def test_calls_of_a_month_that_stripe_has_closed_are_on_its_next_bill(ahead):
    ahead.use(10)
    ahead.send()
    ahead.close_there()
    ahead.hear()
    ahead.use(7)
    ahead.send()
    ahead.use(4)
    ahead.send()

    assert [(row.kind, row.value, row.state) for row in ahead.rows()] == [
        (METERED, 10, DELIVERED),
        (LATE, 7, DELIVERED),
        (LATE, 4, DELIVERED),
    ]
    assert ahead.reconcile() == []
    assert ahead.billed() == 2 * 2 + 5

    ahead.close_there()

    assert ahead.billed() == ahead.owed() == 2 * 2 + 5 + 11
    ahead.hear()
    assert ahead.reconcile() == []


def test_line_and_late_items_are_together_rounded_once(ahead):
    """0.65 cents each: 0.65 is the line’s 1 cent, and what comes late adds to that, never a cent of its own."""
    ahead.charge_too(650_000_000)
    ahead.use(1)
    ahead.send()
    ahead.close_there()
    ahead.hear()
    for _ in range(3):
        ahead.use(1)
        ahead.send()

    own = [(row.kind, row.value) for row in ahead.rows() if row.event_name.endswith("own_usd")]
    assert own == [(METERED, 650_000), (LATE, 1), (LATE, 1)], "1.30 is 1 and adds nothing, 1.95 is 2, 2.60 is 3"
    assert ahead.reconcile() == []
    ahead.close_there()
    assert ahead.billed() == ahead.owed()


@pytest.mark.parametrize("is_sent", [False, True], ids=["cut", "told"])
def test_what_the_meter_heard_after_its_invoice_was_closed_is_on_the_next(ahead, is_sent):
    """It was cut before we heard that the invoice was closed; the meter took it, and bills it to nobody."""
    ahead.use(4)
    ahead.send()
    ahead.use(3)
    ahead.cut() if not is_sent else None
    ahead.close_there()
    ahead.hear() if not is_sent else None
    ahead.send()
    ahead.hear()
    [first, second] = ahead.rows()
    assert (first.value, second.value, {first.kind, second.kind}) == (4, 3, {METERED})

    assert ahead.reconcile() == []
    ahead.deliver()
    ahead.till.hand.moves(hours=1)

    assert [(row.value, row.state) for row in ahead.rows(LATE)] == [(2 + 1 + 1, DELIVERED)]
    for _ in range(2):
        assert ahead.reconcile() == []
    assert len(ahead.rows()) == 3, "once is enough"
    ahead.close_there()
    assert ahead.billed() == ahead.owed() == 2 + 4
    assert ahead.till.session.get(Agreed, (ahead.till.organisation.id, "test")).seq == 7


def test_an_invoice_that_lacks_what_no_range_is_stays_a_finding(ahead):
    ahead.use(4)
    ahead.send()
    ahead.use(3)
    ahead.close_there()
    ahead.send()
    ahead.hear()
    [invoice] = ahead.till.session.exec(select(Invoice).where(Invoice.total > 0)).all()
    invoice.lines = [{**line, "quantity": line["quantity"] and line["quantity"] - 1} for line in invoice.lines]
    ahead.till.session.add(invoice)
    ahead.till.session.commit()

    [finding] = ahead.reconcile()

    assert (finding.kind, finding.ours, finding.theirs) == ("missing", 7, 3)
    assert finding.subject.endswith("2026-11, invoice")
    assert ahead.rows(LATE) == []


def test_nothing_is_sent_to_the_meter_of_a_closed_month_to_mend_it(ahead):
    ahead.use(4)
    ahead.send()
    ahead.use(2)
    ahead.cut()
    ahead.till.session.delete(ahead.rows()[-1])
    ahead.till.session.commit()
    ahead.close_there()
    ahead.hear()

    [finding] = ahead.reconcile()

    assert (finding.kind, finding.ours, finding.theirs) == ("missing", 6, 4)
    assert len(ahead.rows()) == 1


def test_late_usage_that_no_invoice_will_bring_is_found(ahead):
    ahead.use(6)
    ahead.send()
    ahead.close_there()
    ahead.hear()
    ahead.use(5)
    ahead.send()
    assert ahead.reconcile() == []
    ahead.till.hand.moves(hours=1)
    held = ahead.till.current()
    succession.end(ahead.till.session, subscription=held, now=ahead.till.hand.now)
    ahead.till.session.commit()

    [finding] = ahead.reconcile()

    assert (finding.kind, finding.ours, finding.theirs) == ("late", 5, 0)
    assert "No invoice comes" in finding.proposal


STEPS = ("use", "use", "cut", "deliver", "hear", "reconcile", "close_there")


def test_i14_whatever_is_heard_whenever_all_calls_are_billed_once(session, engine, stripe_server, hand, settings, make):
    """Calls, ends of Stripe's months, what is heard of them and the worker's steps, in any order; our month goes on."""

    @examples(max_examples=8, phases=[Phase.generate])
    @given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=12))
    def holds(steps):
        for of_another_stand_in in (BillingAccount, StripeObject, StripeEvent):
            session.execute(delete(of_another_stand_in))
        session.commit()
        with stripe_server.afresh(at=int(hand.now.timestamp()), is_strict=True) as stand_in:
            api = StripeApi(running.KEY, mode="test", url=stand_in.url)
            ahead = Ahead(Till(session, engine, api, stand_in, hand, make), settings, make)
            ahead.own = pricing.set_price(
                session,
                integration=ahead.integration,
                tool="",
                nanos_per_unit=650_000_001,
                currency="usd",
                now=hand.now,
            )
            session.commit()
            for step in steps:
                getattr(ahead, step)()
                hand.moves(seconds=10)
            ahead.settle()
            ahead.settle()
            ahead.close_there()
            ahead.hear()

            assert ahead.reconcile() == []
            assert ahead.billed() == ahead.owed()

    holds()
