"""Having everything at Stripe that can be bought, before anybody wants to buy it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.billing import offers
from app.billing.catalogue import Catalogue
from app.billing.stripe_api import StripeApi
from app.plans import queries as plans
from app.plans.choosing import Choice
from app.plans.document import Document
from app.plans.models import MONTHLY, PlanVersion, PriceVersion
from app.plans.queries import Offer


class Stock:
    """Remembers what it has seen to, so that a round without news asks the database one question and Stripe none."""

    def __init__(self) -> None:
        self._done: set[tuple[str, UUID]] = set()

    def fill(self, engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> int:
        """Products, meters and prices of every version of every plan with bills, also of those that hold later;
        gives how many versions were looked at. Raises what Stripe's refusals are; what was made stays.
        """
        with Session(engine, expire_on_commit=False) as session:
            versions = session.exec(select(PlanVersion).order_by(col(PlanVersion.created_at), col(PlanVersion.id)))
            new = [plans.offer_of(session, one.id) for one in versions if (api.mode, one.id) not in self._done]
            prices = {offer.version.id: plans.prices_of(session, [offer.version.id]) for offer in new}
        if not new:
            return 0
        catalogue = Catalogue(engine, api, clock=clock)
        for offer in new:
            if offers.is_billed(offer.document):
                _fill_one(catalogue, offer, prices[offer.version.id])
            self._done.add((api.mode, offer.version.id))
        return len(new)


def _fill_one(catalogue: Catalogue, offer: Offer, prices: Sequence[PriceVersion]) -> None:
    said = offer.document
    for currency in said.currencies:
        for interval in sorted(said.base.get(currency, {})) or [MONTHLY]:
            offers.items(catalogue, Choice(offer, currency, interval, _most_seats(said, currency)), prices)


def _most_seats(said: Document, currency: str) -> int:
    """Of a plan that has a fee for more seats in this currency, so that its price is made, too."""
    return said.seats_most if said.seat.get(currency) else said.seats_included
