"""Paying in tests: an organisation, the stand-in for Stripe, and both clocks moved together."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlmodel import Session

from app.billing import applying, changing, checkout, customers, events, offers, subscribing, subscriptions
from app.billing.catalogue import Catalogue
from app.billing.changing import Change
from app.billing.checkout import Ways
from app.billing.handlers import HANDLERS
from app.billing.subscribing import Payer
from app.plans import queries as plans
from app.plans import succession
from app.sandbox.stripe.billing import cards, sessions
from tests.plans.catalogues import SMALL, apply, choice

WAYS = Ways("https://portal.example/billing/return", "https://portal.example/billing/plan", takes_tax=False)


class Till:
    """organisation: on the free plan of tests/plans/catalogues.py until it subscribes."""

    def __init__(self, session, engine, api, stand_in, hand, make, *, text=SMALL):
        self.session, self.engine, self.api, self.stand_in, self.hand = session, engine, api, stand_in, hand
        apply(session, text, now=hand.now)
        self.organisation = make.organisation("Acme")
        self.catalogue = Catalogue(engine, api, clock=lambda: hand.now)
        succession.enrol(session, now=hand.now)
        session.commit()

    def visit(self, slug, visit_id=None, **more):
        """A session of Checkout for a plan; gives the visit."""
        wanted = choice(self.session, slug, now=self.hand.now, **more)
        prices = plans.prices_of(self.session, [wanted.offer.version.id])
        visit = subscribing.keep_visit(
            self.session,
            visit_id=visit_id or uuid4(),
            organisation=self.organisation,
            person_id=None,
            mode="test",
            choice=wanted,
            now=self.hand.now,
        )
        account = customers.account_of(self.session, self.organisation.id, "test")
        payer = Payer(self.organisation, account.customer_id if account else "", "olive@example.com")
        self.session.commit()
        items = offers.items(self.catalogue, wanted, prices)
        asked = subscribing.ask(self.api, visit, payer=payer, items=items, ways=WAYS)
        subscribing.keep_asked(self.session, visit, payer, asked, now=self.hand.now)
        self.session.commit()
        return visit

    def pay(self, visit, card="accepted"):
        """On Checkout's page; gives what it says, "" when it was paid."""
        desk = self.stand_in.desk
        chosen = next(each for each in cards.CARDS if each.name == card)
        with desk.store.lock, desk.store.transaction():
            return sessions.pay(desk, desk.need("checkout.session", visit.session_id), chosen, email="o@example.com")

    def subscribe(self, slug, **more):
        """All the way, as the page does that one comes back to."""
        visit = self.visit(slug, **more)
        assert self.pay(visit) == ""
        self.come_back(visit)
        return self.current()

    def come_back(self, visit):
        found = subscriptions.fetch_of_checkout(self.api, visit.session_id)
        subscriptions.apply_of_checkout(self.session, found, self.hand.now)
        self.session.commit()

    def synchronise(self):
        found = subscriptions.fetch_of_customer(self.api, self.account().customer_id)
        subscriptions.apply(self.session, found, self.hand.now)
        self.session.commit()

    def change(self, slug, at=None, visit=None, **more):
        wanted = choice(self.session, slug, now=self.hand.now, **more)
        prices = plans.prices_of(self.session, [wanted.offer.version.id])
        self.session.commit()
        items = offers.items(self.catalogue, wanted, prices)
        return Change(visit or uuid4(), wanted, items, at or self.hand.now)

    def upgrade(self, slug, **more):
        changing.upgrade(self.api, self.at_stripe(), self.change(slug, **more))
        self.synchronise()

    def hear(self, types=None):
        """What Stripe has told so far, stored as webhooks would be, in its order; gives the ids."""
        said = [dict(self.stand_in.desk.show(each)) for each in self.stand_in.desk.store.all("event")]
        wanted = [event for event in said if types is None or event["type"].startswith(types)]
        for event in wanted:
            events.store(self.session, event, payload="{}", source="webhook", now=self.hand.now)
        self.session.commit()
        return [event["id"] for event in wanted]

    def work(self):
        """Apply what was heard."""
        while applying.run(self.engine, self.api, HANDLERS, clock=lambda: self.hand.now):
            pass
        self.session.expire_all()

    def wait(self, **by):
        """Time passes, here and there; what was planned begins."""
        self.hand.moves(**by)
        self.stand_in.move(to=int(self.hand.now.timestamp()))
        with Session(self.engine) as session:
            succession.apply_due(session, now=self.hand.now)
            session.commit()
        self.session.expire_all()

    def wait_until_december(self):
        from_now = self.december - self.hand.now + timedelta(minutes=1)
        self.wait(seconds=from_now.total_seconds())

    @property
    def december(self):
        return self.hand.now.replace(month=12, day=1, hour=0, minute=0, second=0, microsecond=0)

    def account(self):
        return customers.account_of(self.session, self.organisation.id, "test")

    def current(self):
        self.session.expire_all()
        return plans.subscription_at(self.session, self.organisation.id, self.hand.now)

    def plan(self):
        return plans.standing(self.session, self.organisation.id, at=self.hand.now).offer.plan.slug

    def at_stripe(self):
        return self.api.get(self.api.v1.subscriptions.retrieve, self.current().stripe_id)

    def visit_state(self, visit_id: UUID):
        return checkout.visit_of(self.session, self.organisation.id, visit_id).state
