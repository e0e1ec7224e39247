"""A month in which everything goes wrong at once; in the end Stripe has what the ledger says, to the unit."""

import contextlib
import random
from datetime import timedelta

import pytest
from sqlmodel import select

from app.billing import applying, cutting, delivery, events, findings, gathering, invoices, months, reconciling
from app.billing import usage as sending
from app.billing.catalogue import METER, by_key
from app.billing.handlers import HANDLERS
from app.billing.models import NEW, Invoice, StripeEvent
from app.billing.stripe_api import StripeApi
from app.billing.usage_models import DELIVERED, StripeOutbox
from app.core import vault
from app.core.errors import PosternError
from app.metering.sealing import Sealer
from app.plans import queries as plans
from tests.billing.months_used import call
from tests.sandbox.stripe import running, shop

CHANCES = {"lost_before": 0.1, "lost_after": 0.15, "error_before": 0.05, "error_after": 0.1, "rate_limited": 0.1}
"""Of whatever Stripe is asked, not only of its meters."""


class Crash(Exception):
    """The worker dies."""


class Trouble:
    """A till whose worker dies, whose answers are lost, and whose webhooks come in any order and number."""

    def __init__(self, till, seed, settings, make, monkeypatch):
        self.till, self.dice, self.settings = till, random.Random(seed), settings
        self.key, self.integration = make.key(till.organisation), make.integration()
        self.version = plans.prices_of(till.session, [till.current().plan_version_id], currency="usd")[0]
        till.session.commit()
        self.used = 0
        real = delivery._settle
        self.is_deadly = True

        def settle(*args, **more):
            if self.is_deadly and self.dice.random() < 0.2:
                raise Crash
            real(*args, **more)

        monkeypatch.setattr(delivery, "_settle", settle)
        monkeypatch.setattr(cutting, "PAGE", 3)

    def use(self, *, at=None):
        for _ in range(self.dice.randint(2, 5)):
            call(self.till.session, self.key, self.integration, self.version, at=at or self.till.hand.now)
            self.used += 1
        Sealer().run(self.till.session, vault.from_settings(self.settings), now=self.till.hand.now)
        self.till.session.commit()

    def cut(self):
        sending.cut_all(self.till.engine, "test", now=self.till.hand.now)

    def deliver(self):
        self.till.api = StripeApi(running.KEY, mode="test", url=self.till.stand_in.url)  # as one that starts anew
        with contextlib.suppress(Crash):
            delivery.run(self.till.engine, self.till.api, clock=lambda: self.till.hand.now)

    def hear(self):
        """Some of what Stripe has said so far, in any order, some of it twice."""
        said = [dict(self.till.stand_in.desk.show(one)) for one in self.till.stand_in.desk.store.all("event")]
        heard = self.dice.choices(said, k=len(said)) if said else []
        for one in heard:
            events.store(self.till.session, one, payload="{}", source="webhook", now=self.till.hand.now)
        self.till.session.commit()

    def apply(self):
        applying.run(self.till.engine, self.till.api, HANDLERS, clock=lambda: self.till.hand.now)
        self.till.session.expire_all()

    def sweep(self):
        with contextlib.suppress(PosternError):
            missed = events.fetch_missed(self.till.api, since=self.till.hand.now - timedelta(days=20))
            events.store_missed(self.till.session, missed, mode="test", now=self.till.hand.now)
            self.till.session.commit()

    def compare(self):
        with contextlib.suppress(PosternError):
            self.reconcile()

    def reconcile(self):
        reconciling.run(self.till.engine, self.till.api, clock=lambda: self.till.hand.now)
        self.till.session.expire_all()
        return findings.listed(self.till.session, is_open=True, limit=50)

    def happens(self, count):
        """So many things, by chance."""
        for _ in range(count):
            self.dice.choice([self.use, self.use, self.cut, self.deliver, self.hear, self.apply, self.compare])()
            self.till.wait(minutes=self.dice.choice([1, 5, 20]))

    def heals(self):
        """Nothing more goes wrong, and time passes until nothing waits."""
        self.till.stand_in.faults()
        self.is_deadly = False
        self.sweep()
        for _ in range(40):
            self.cut()
            self.deliver()
            self.apply()
            if not self.waiting():
                return
            self.till.wait(minutes=11)
        raise AssertionError("The queue does not drain.")

    def waiting(self):
        self.till.session.expire_all()
        rows = self.till.session.exec(select(StripeOutbox).where(StripeOutbox.state != DELIVERED)).all()
        return [*rows, *self.till.session.exec(select(StripeEvent).where(StripeEvent.state == NEW)).all()]

    def at_stripe(self, month_at):
        name = f"postern_{self.version.id.hex[:12]}_calls"
        meter = by_key(self.till.session, "test", METER, [name])[name]
        until = months.around(month_at).ends_at
        return delivery.summed(self.till.api, meter, self.till.account().customer_id, month_at, until=until)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", range(4))
def test_i13_i14_i15_under_all_faults_at_once_stripe_has_the_ledger_and_one_unit_of_drift_is_found(
    till, settings, make, monkeypatch, seed
):
    """Lost answers, 500 after the deed, 429, workers that die before marking and start anew, webhooks that are lost,
    doubled and shuffled; a month ends in the middle of it, and a call comes too late for its invoice.
    """
    till.subscribe("payg")
    trouble = Trouble(till, seed, settings, make, monkeypatch)
    november = months.around(till.hand.now)
    till.stand_in.faults(seed=seed, **CHANCES)
    trouble.use()
    trouble.use()
    trouble.happens(14)
    trouble.heals()
    till.wait_until_december()
    till.wait(hours=2)  # the invoice is closed and paid
    trouble.is_deadly = True
    till.stand_in.faults(seed=seed + 100, **CHANCES)
    in_time = trouble.used
    trouble.use(at=november.ends_at - timedelta(minutes=1))  # waited on a gateway's disk
    late = trouble.used - in_time
    trouble.happens(10)
    trouble.heals()
    till.wait(hours=1)

    assert trouble.at_stripe(november.begins_at) == in_time
    assert trouble.at_stripe(november.ends_at) == trouble.used - in_time - late
    assert trouble.reconcile() == []
    found = till.session.exec(select(Invoice).where(Invoice.total > 0)).all()
    items = till.stand_in.client.v1.invoice_items.list({"customer": till.account().customer_id}).data
    total = gathering.statement_of(till.session, till.organisation.id, november).totals[0]
    assert [one.state for one in found] == ["paid"]
    assert found[0].total + sum(one.amount for one in items if "Late" in one.description) == total.due_minor
    assert {one.id for one in invoices.of(till.session, till.organisation.id, "test", limit=9)} == {
        one["id"] for one in till.stand_in.desk.store.all("invoice")
    }

    drift = 1 if seed % 2 else -1
    name = f"postern_{trouble.version.id.hex[:12]}_calls"
    at = int(till.hand.now.timestamp())
    shop.use(till.stand_in, till.account().customer_id, drift, name, timestamp=at, identifier="drift")
    [finding] = trouble.reconcile()
    assert finding.theirs - finding.ours == drift
