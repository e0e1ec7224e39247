"""Organisations on a plan with bills, their calls, and what Stripe's meters hear of them, on one clock."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from sqlmodel import Session, select

from app.billing import delivery, offers, usage
from app.billing.catalogue import METER, Catalogue, by_key
from app.billing.models import BillingAccount
from app.billing.stocking import Stock
from app.billing.stripe_api import StripeApi
from app.billing.usage_models import WAITING, StripeOutbox
from app.core import vault
from app.core.config import ROOT
from app.metering.sealing import Sealer
from app.organisations.models import Organisation
from app.plans import applying, periods, queries, reading, services
from app.plans.applying import When
from app.plans.choosing import Choice
from tests.factories import Factory
from tests.sandbox.stripe.running import KEY

EACH_NANOS = 200_000_000
"""Of the calls' price in these tests: what each event says that it cost."""


@dataclass
class Customer:
    """One organisation that pays."""

    organisation: Organisation
    account: BillingAccount
    key: object
    calls: int = 0


@dataclass
class World:
    """One installation. Its clock and the stand-in's move together, by `go`."""

    engine: object
    session: Session
    settings: object
    stripe: object
    now: object
    customers: list = field(default_factory=list)

    def __post_init__(self):
        self.api = StripeApi(KEY, mode="test", url=self.stripe.url)
        self.make = Factory(self.session, self.now)
        long_ago = self.now - timedelta(days=60)
        applying.apply(self.session, reading.from_file(ROOT / "plans.toml"), when=When(long_ago), now=long_ago)
        self.session.commit()

    @cached_property
    def price(self):
        """What calls cost on pay-as-you-go."""
        offer = queries.newest(self.session)["payg"]
        return queries.prices_of(self.session, [offer.version.id], currency="usd")[0]

    @cached_property
    def integration(self):
        return self.make.integration()

    @property
    def event_name(self):
        """Of the meter that counts them."""
        return f"postern_{self.price.id.hex[:12]}_calls"

    def customer(self, *, since=None):
        """One that has been on pay-as-you-go `since` (a day ago)."""
        since = since or self.now - timedelta(days=1)
        organisation = self.make.organisation()
        made = self.stripe.client.v1.customers.create({"name": organisation.name})
        account = BillingAccount(
            organisation_id=organisation.id,
            mode="test",
            customer_id=made.id,
            currency="usd",
            created_at=since,
            updated_at=since,
        )
        self.session.add(account)
        choice = Choice(queries.newest(self.session)["payg"], "usd", "", 3)
        services.subscribe(self.session, organisation=organisation, choice=choice, now=since)
        customer = Customer(organisation, account, self.make.key(organisation))
        self.session.commit()
        self.customers.append(customer)
        return customer

    def use(self, customer, calls=1, *, at=None, units=1):
        """So many calls, in the ledger and sealed. units: that each counts as."""
        for _ in range(calls):
            self.make.call(
                customer.key,
                self.integration,
                at=at or self.now,
                price_version_id=self.price.id,
                amount_nanos=EACH_NANOS,
                currency="usd",
                units=units,
            )
        customer.calls += calls * units
        Sealer().run(self.session, vault.from_settings(self.settings), now=self.now)
        self.session.commit()

    def go(self, **time):
        """Let time pass, for us and for Stripe."""
        self.now += timedelta(**time)
        self.stripe.move(to=int(self.now.timestamp()))

    def stock(self):
        """Have at Stripe what its customers' plan is made of."""
        offer = queries.newest(self.session)["payg"]
        prices = queries.prices_of(self.session, [offer.version.id])
        self.session.commit()
        offers.items(Catalogue(self.engine, self.api, clock=self.clock), Choice(offer, "usd", "", 3), prices)

    def stock_everything(self):
        """Have at Stripe whatever can be bought, which takes a multiple; gives how many versions of plans that is."""
        return Stock().fill(self.engine, self.api, clock=self.clock)

    def cut(self):
        return usage.cut_all(self.engine, self.api.mode, now=self.now)

    def deliver(self):
        return delivery.run(self.engine, self.api, clock=self.clock)

    def drain(self, *, rounds=60):
        """Deliver as a worker does, until nothing waits any more."""
        for _ in range(rounds):
            self.deliver()
            if not self.waiting():
                return
            self.go(minutes=11)
        raise AssertionError("The queue does not drain.")

    def clock(self):
        return self.now

    def outbox(self, state=None):
        self.session.expire_all()
        rows = self.session.exec(select(StripeOutbox).order_by(StripeOutbox.first_seq)).all()
        found = [row for row in rows if state in (None, row.state)]
        self.session.commit()
        return found

    def waiting(self):
        return self.outbox(WAITING)

    def at_stripe(self, customer, event_name=None, month_at=None):
        """What the meter says of the month."""
        month_at = month_at or periods.start_of(periods.MONTH, self.now)
        name = event_name or self.event_name
        meter = by_key(self.session, "test", METER, [name])[name]
        self.session.commit()
        until = periods.end_of(periods.MONTH, month_at)
        return delivery.summed(self.api, meter, customer.account.customer_id, month_at, until=until)
