"""Months that are lived through with one catalogue: organisations that subscribe at Checkout, call as gateways write it
down, and get Stripe's invoices as the clock passes; and what they should have been billed.
"""

from collections import defaultdict
from datetime import UTC, datetime
from uuid import uuid4

from sqlmodel import Session, select

from app.billing import delivery, gathering, minimums, months, planned, stocking, usage
from app.billing.models import Invoice
from app.core import ids, vault
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from app.metering.sealing import Sealer
from app.plans import prices, stretches
from app.plans.prices import PriceBook
from tests.metering.recording import row


class Lived:
    """till: whose clock it is. Everything else follows from the ledger."""

    def __init__(self, till, settings, make):
        self.till, self.session, self.engine, self.api = till, till.session, till.engine, till.api
        self.vault, self.make = vault.from_settings(settings), make
        self.stock = stocking.Stock()

    @property
    def now(self):
        return self.till.hand.now

    def clock(self):
        return self.now

    def join(self, slug, **more):
        """A new organisation that has paid for the plan at Checkout."""
        self.till.organisation = organisation = self.make.organisation(slug)
        self.session.commit()
        self.till.subscribe(slug, **more)
        return organisation

    def book(self):
        """Prices as a gateway knows them."""
        book = PriceBook()
        with Session(self.engine) as session:
            places = {price.integration_id for price in prices.every(session) if price.integration_id}
            book.put(prices.among(session, places), integration_ids=places)
            book.put_plans(prices.every(session), usual=stretches.usual(session))
            book.put_subscriptions(stretches.of_organisations(session, now=self.now))
        return book

    def call(self, organisation, integration, *, times=1, tool="greet", key_id=None, **used):
        """So many calls: priced as the gateway prices them, and written by its own writer."""
        found = self.book().price_of(organisation.id, integration.id, tool, self.now)
        price = found.price
        rows = [
            row(
                **{"bytes_in": 0, "bytes_out": 0, "upstream_us": 0, **used},
                id=ids.lowest_receipt(self.now)[:14] + ids.receipt_id()[14:],
                at=self.now,
                organisation_id=organisation.id,
                key_id=key_id or uuid4(),
                integration_id=integration.id,
                tool=tool,
                price_version_id=price.version_id if price else None,
                amount_nanos=price.ceiling_nanos if price else 0,
                currency=found.currency or "usd",
            )
            for _ in range(times)
        ]
        connection = LedgerConnection(self.engine)
        try:
            connection.write([Entry(one) for one in rows])
        finally:
            connection.discard()

    def work(self):
        """What the worker does in a round."""
        Sealer().run(self.session, self.vault, now=self.now)
        self.session.commit()
        self.stock.fill(self.engine, self.api, clock=self.clock)
        planned.run(self.engine, self.api, clock=self.clock)
        usage.cut_all(self.engine, self.api.mode, now=self.now)
        for _ in range(30):
            if not delivery.run(self.engine, self.api, clock=self.clock):
                break
        minimums.run(self.engine, self.api, clock=self.clock)

    def pass_month(self):
        """To the first of the next month and beyond the time in which invoices are closed, working all the while."""
        ends = months.around(self.now).ends_at
        self.work()
        for minutes in (1, 35, 70):
            self.till.wait(seconds=(ends - self.now).total_seconds() + minutes * 60)
            self.work()
        self.till.hear(("invoice.paid",))
        self.till.work()

    def invoiced(self, organisation, *names):
        """Month to what Stripe's invoices hold of it, in minor units."""
        self.session.expire_all()
        found = defaultdict(int)
        for invoice in self.session.exec(select(Invoice).where(Invoice.organisation_id == organisation.id)):
            for line in invoice.lines:
                found[f"{datetime.fromtimestamp(line['period_start'], UTC):%Y-%m}"] += line["amount"]
        return {month: found[month] for month in names}

    def due(self, organisation, *names):
        """Month to what the statement says."""
        found = {}
        for name in names:
            month = months.named(name, now=self.now)
            totals = gathering.statement_of(self.session, organisation.id, month).totals
            found[name] = sum(total.subtotal_minor for total in totals)
        return found
