"""Which usage is Stripe's to bill: accounts whose ledger has grown, and the book by which each is cut."""

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import Engine, and_, exists, func
from sqlmodel import Session, col, select

from app.billing import cutting, invoicing, meters, offers
from app.billing.meters import Book, Stretch
from app.billing.models import BillingAccount
from app.billing.usage_models import UsageMark
from app.metering.proof_models import SealedEvent
from app.plans import document, queries
from app.plans.models import PlanVersion, PriceVersion


def cut_all(engine: Engine, mode: str, *, now: datetime) -> int:
    """Cut what has been sealed, for every account, each page in a transaction of its own; gives how many events were
    looked at.
    """
    with Session(engine, expire_on_commit=False) as session:
        behind = accounts_behind(session, mode)
        shelf = Shelf(session) if behind else None
    looked_at = 0
    for account in behind:
        with Session(engine, expire_on_commit=False) as session:
            assert shelf is not None
            book = shelf.book_of(session, account)
            while count := _cut(session, account, book, now=now):
                session.commit()
                looked_at += count
    return looked_at


def _cut(session: Session, account: BillingAccount, book: Book, *, now: datetime) -> int:
    closed = invoicing.closed_months(session, account, now=now)
    return cutting.cut(session, account, book.portions, added=partial(invoicing.added, book), closed=closed, now=now)


def accounts_behind(session: Session, mode: str) -> list[BillingAccount]:
    """Accounts with sealed events that have not been cut."""
    its_own = and_(
        col(UsageMark.organisation_id) == col(BillingAccount.organisation_id),
        col(UsageMark.mode) == col(BillingAccount.mode),
    )
    is_behind = exists().where(
        col(SealedEvent.organisation_id) == col(BillingAccount.organisation_id),
        col(SealedEvent.seq) > func.coalesce(col(UsageMark.seq), 0),
    )
    statement = select(BillingAccount).outerjoin(UsageMark, its_own).where(BillingAccount.mode == mode, is_behind)
    return list(session.exec(statement.order_by(col(BillingAccount.organisation_id))))


class Shelf:
    """All prices there are, read once, from which each account gets its book."""

    def __init__(self, session: Session) -> None:
        self._versions = list(session.exec(select(PriceVersion)))
        self._billed = billed_versions(session)
        session.expunge_all()  # it outlives the session

    def book_of(self, session: Session, account: BillingAccount) -> Book:
        """What integrations charge by prices of their own is billed while the organisation is on a plan with bills;
        on others it is taken from the wallet, or there is nothing to pay. What was before the account began was
        never Stripe's.
        """
        stretches = [
            Stretch(max(one.begins_at, account.created_at), one.ends_at)
            for one in queries.history(session, account.organisation_id)
            if one.plan_version_id in self._billed
        ]
        return Book(self._versions, billed=self._billed, stretches=stretches)

    def meters_of(self, session: Session, account: BillingAccount) -> set[str]:
        """Event names of the meters that the account's bills are made from, also of those that nothing was sent to."""
        on = {(one.plan_version_id, one.currency) for one in queries.history(session, account.organisation_id)}
        charges = [version for version in self._versions if (version.plan_version_id, version.currency) in on]
        named = {meter.event_name for version in charges for meter in meters.of_charge(version, "")}
        return {meters.of_own_prices(account.currency).event_name, *named}


def gets_bills(session: Session, account: BillingAccount, *, now: datetime) -> bool:
    """Whether another invoice comes that items can be on."""
    held = queries.subscription_at(session, account.organisation_id, now)
    return held is not None and held.plan_version_id in billed_versions(session)


def billed_versions(session: Session) -> frozenset[UUID]:
    """Versions of plans that are paid for by Stripe's invoices."""
    versions = session.exec(select(PlanVersion.id, PlanVersion.document))
    return frozenset(id_ for id_, said in versions if document.from_json(said).kind in offers.BILLED)
