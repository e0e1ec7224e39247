"""Buying credit in tests: an organisation on a prepaid plan, and what the till has."""

from dataclasses import replace
from uuid import uuid4

from sqlmodel import Session, col, select

from app.billing import automatic, charging, credit, events, top_up_invoices, topping_up, wallet
from app.billing.checkout import Ways
from app.billing.models import FAILED, NEW, Invoice, StripeEvent
from app.billing.payment_models import AutoTopUp, CreditPayment
from app.billing.subscribing import Payer, keep_asked
from app.billing.wallet_models import CreditGrant
from app.limits import entitlements
from app.plans import services
from app.plans.amounts import NANOS
from app.sandbox.stripe.billing import cards, sessions
from tests.billing.purse import PREPAID, use
from tests.billing.till import Till
from tests.plans.catalogues import apply, choice

WAYS = Ways("https://portal.example/billing/return", "https://portal.example/billing/wallet/", takes_tax=False)


class Counter(Till):
    """Amounts in minor units. Calls cost a cent. takes_tax: whether taxes come on top."""

    takes_tax = False

    def __init__(self, session, engine, api, stand_in, hand, make):
        super().__init__(session, engine, api, stand_in, hand, make)
        apply(session, PREPAID, now=hand.now)
        self.terms = topping_up.Range("usd", 500, 200_000, (1_000, 2_500))
        self.choose("prepaid")

    def choose(self, slug):
        wanted = choice(self.session, slug, now=self.hand.now)
        services.change(self.session, organisation=self.organisation, choice=wanted, now=self.hand.now)
        entitlements.apply(self.session, organisation=self.organisation, now=self.hand.now)
        self.session.commit()

    def top_up(self, amount, visit_id=None, *, keeps_card=False):
        """A session of Checkout; gives the visit."""
        visit = topping_up.keep_visit(
            self.session,
            visit_id=visit_id or uuid4(),
            organisation=self.organisation,
            person_id=None,
            mode="test",
            currency="usd",
            amount=amount,
            keeps_card=keeps_card,
            now=self.hand.now,
        )
        account = self.account()
        payer = Payer(self.organisation, account.customer_id if account else "", "olive@example.com")
        self.session.commit()
        asked = topping_up.ask(
            self.api, visit, payer=payer, ways=replace(WAYS, takes_tax=self.takes_tax), words="Prepaid credit"
        )
        keep_asked(self.session, visit, payer, asked, now=self.hand.now)
        self.session.commit()
        return visit

    def pay(self, visit, card="accepted", debit=None):
        if debit is None:
            return super().pay(visit, card)
        desk = self.stand_in.desk
        with desk.store.lock, desk.store.transaction():
            session = desk.need("checkout.session", visit.session_id)
            return sessions.pay(desk, session, None, email="o@example.com", debit=debit)

    def buy(self, amount, *, card="accepted", keeps_card=False):
        """All the way."""
        visit = self.top_up(amount, keeps_card=keeps_card)
        assert self.pay(visit, card) == ""
        self.come_back(visit)
        return visit

    def keep_card(self, name):
        """The customer's own from now on; told, as a webhook would."""
        client, customer = self.stand_in.client.v1, self.account().customer_id
        token = next(each.token for each in cards.CARDS if each.name == name)
        method = client.payment_methods.attach(token, {"customer": customer})
        client.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
        self.hear("customer.updated")
        self.work()

    def agree(self, below=500, amount=1_000, month_most=3_000):
        automatic.agree(
            self.session,
            organisation=self.organisation,
            mode="test",
            terms=self.terms,
            below=below,
            amount=amount,
            month_most=month_most,
            person_id=None,
            now=self.hand.now,
        )
        self.session.commit()

    def charge_due(self):
        """What the worker does; gives how many payments it looked at."""
        looked_at = charging.run(self.engine, self.api, takes_tax=self.takes_tax, clock=lambda: self.hand.now)
        self.session.expire_all()
        return looked_at

    def invoice_due(self):
        """What the worker does afterwards; gives how many payments it looked at. What Stripe tells of it is heard."""
        looked_at = top_up_invoices.run(self.engine, self.api, clock=lambda: self.hand.now)
        self.hear("invoice.")
        self.work()
        return looked_at

    def automatic_invoices(self):
        """Those that Checkout did not make, oldest first."""
        found = self.stand_in.desk.store.all("invoice")
        named = {each["id"] for each in found if each["metadata"].get("credit_payment_id")}
        with Session(self.engine) as session:
            return [one for one in session.exec(select(Invoice).order_by(col(Invoice.created_at))) if one.id in named]

    def use(self, *amounts):
        """Calls that cost so many minor units; gives how many were let in."""
        admitted = use(self.engine, self.organisation, *[amount * NANOS for amount in amounts])
        wallet.settle(self.session, organisation_id=self.organisation.id, currency="usd", now=self.hand.now)
        self.session.commit()
        return admitted

    def refund(self, amount):
        """By somebody at Stripe, and told by a webhook."""
        self.stand_in.client.v1.refunds.create({"payment_intent": self.payment().payment_id, "amount": amount})
        self.hear("charge.refunded")
        self.work()

    def again(self, event_id):
        row = self.session.get(StripeEvent, event_id)
        row.state, row.due_at = NEW, self.hand.now
        self.session.add(row)
        self.session.commit()

    def sweep(self):
        missed = events.fetch_missed(self.api, since=self.hand.now.replace(hour=0))
        events.store_missed(self.session, missed, mode="test", now=self.hand.now)
        self.session.commit()

    def balance(self):
        self.session.expire_all()
        nanos = credit.balance(self.session, self.organisation.id, "usd", at=self.hand.now)
        assert nanos % NANOS == 0
        return nanos // NANOS

    def payments(self):
        """Oldest first."""
        with Session(self.engine) as session:
            return list(session.exec(select(CreditPayment).order_by(col(CreditPayment.created_at))))

    def payment(self):
        return self.payments()[-1]

    def auto(self):
        with Session(self.engine) as session:
            return session.get(AutoTopUp, (self.organisation.id, "test"))

    def grants(self):
        self.session.expire_all()
        return self.session.exec(select(CreditGrant)).all()

    def charge(self):
        return self.stand_in.desk.store.all("charge", newest=True)[0]

    def charged(self):
        """How often a card was charged without being declined."""
        return sum(each["paid"] for each in self.stand_in.desk.store.all("charge"))

    def default_card(self):
        customer = self.stand_in.client.v1.customers.retrieve(self.account().customer_id)
        return customer.invoice_settings.default_payment_method

    def failed_events(self):
        found = self.session.exec(select(StripeEvent).where(StripeEvent.state == FAILED)).all()
        return [(one.type, one.error) for one in found]
