"""Where an organisation pays: what all that has to do with paying needs to know, whoever asks for it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session

from app.billing import customers, modes, stripe_api
from app.billing.catalogue import Catalogue
from app.billing.models import BillingAccount
from app.billing.stripe_api import StripeApi
from app.core import clock
from app.core.config import Settings
from app.core.errors import NotFound
from app.organisations.models import Organisation
from app.plans import queries as plans
from app.plans.queries import Standing


@dataclass(frozen=True, slots=True)
class Desk:
    """engine: for what is remembered of Stripe beside the request's transaction. person_id: who asks; None for a
    program. email: where bills are to go when it first pays.
    """

    session: Session
    engine: Engine
    organisation: Organisation
    settings: Settings
    person_id: UUID | None
    email: str
    now: datetime

    def stripe(self) -> tuple[StripeApi, Catalogue]:
        """The way to Stripe. What was read or written so far is committed first: nothing stays open while it is asked.

        Raises NoStripe where payments are not set up, Conflict where subscriptions are of the key's other mode.
        """
        api = stripe_api.from_settings(self.settings)
        modes.check(self.session, api.mode)
        self.session.commit()
        return api, Catalogue(self.engine, api, clock=clock.now)

    def standing(self) -> Standing:
        """What the organisation is on. Raises NotFound before there are any plans."""
        found = plans.standing(self.session, self.organisation.id, at=self.now)
        if found is None:
            raise NotFound("There are no plans here yet. Whoever runs this gateway has to publish some first.")
        return found

    def account(self) -> BillingAccount | None:
        """The organisation as a payer, if it ever was one."""
        return customers.account_of(self.session, self.organisation.id, self.settings.stripe_mode)
