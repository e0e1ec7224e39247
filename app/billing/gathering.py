"""Everything that a month's bill is made from, read for one organisation."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import credit_notes, invoiced, meters, statement, used
from app.billing.bill import Credit, Period, Priced, Quantities, Statement, Stay
from app.billing.invoiced import Use
from app.billing.months import Month
from app.integrations.models import Integration
from app.plans import queries as plans
from app.plans.document import PREPAID
from app.plans.models import PriceVersion, Subscription
from app.plans.queries import Offer


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a statement is made from. offers: plans' versions by id, of the subscriptions and of the prices. versions:
    the prices themselves, by id. prepaid: when it was on a prepaid plan. taken: what was used then by integrations' own
    prices. credit: what was taken back of the month's invoices; invoiced: what those bill of its use, where any was.
    """

    month: Month
    subscriptions: tuple[Subscription, ...]
    offers: Mapping[UUID, Offer]
    versions: Mapping[UUID, PriceVersion]
    priced: tuple[Priced, ...]
    stays: tuple[Stay, ...]
    prepaid: tuple[Period, ...]
    taken: Quantities
    credit: tuple[Credit, ...] = ()
    invoiced: Use = field(default_factory=dict)

    def bill(self, quantities: Quantities) -> Statement:
        """The month's statement for these quantities."""
        made = self._bill(quantities, self.credit)
        taken = invoiced.taken_back(self.credit, made.lines, self.invoiced)
        return self._bill(quantities, invoiced.rest(self.credit, taken)) if any(taken.values()) else made

    def _bill(self, quantities: Quantities, credit: tuple[Credit, ...]) -> Statement:
        return statement.of_month(
            begins_at=self.month.begins_at,
            ends_at=self.month.ends_at,
            priced=self.priced,
            quantities=quantities,
            stays=self.stays,
            credit=credit,
            taken=self.taken,
        )


def statement_of(session: Session, organisation_id: UUID, month: Month) -> Statement:
    """The organisation's bill for the month, as far as the ledger has got."""
    quantities = quantities_of(session, organisation_id, month)
    return gather(session, organisation_id, month, used_versions=quantities).bill(quantities)


def quantities_of(session: Session, organisation_id: UUID, month: Month) -> dict[UUID, dict[str, int]]:
    """What was charged for in the month."""
    found = used.sums(session, organisation_id, since=month.begins_at, until=month.ends_at, by=(used.VERSION,))
    return used.quantities(found)


def gather(session: Session, organisation_id: UUID, month: Month, *, used_versions: Collection[UUID]) -> Gathered:
    """used_versions: ids of the prices by which calls were charged."""
    history = subscriptions_in(session, organisation_id, month)
    versions = {version.id: version for version in _versions(session, used_versions)}
    for one in history:
        if one.currency and _is_there(one, month):
            for version in plans.prices_of(session, [one.plan_version_id], currency=one.currency):
                versions[version.id] = version
    plan_ids = {one.plan_version_id for one in history}
    plan_ids |= {version.plan_version_id for version in versions.values() if version.plan_version_id is not None}
    offers = {version_id: plans.offer_of(session, version_id) for version_id in sorted(plan_ids, key=str)}
    prepaid = tuple(
        _within(one, month)
        for one in history
        if offers[one.plan_version_id].document.kind == PREPAID and _is_there(one, month)
    )
    own = [version.id for version in versions.values() if version.plan_version_id is None]
    credit = credit_notes.of_month(session, organisation_id, month)
    return Gathered(
        month=month,
        subscriptions=tuple(history),
        offers=offers,
        versions=versions,
        priced=tuple(priced(session, versions.values(), offers)),
        stays=tuple(stay_of(one, offers[one.plan_version_id]) for one in history if one.interval),
        prepaid=prepaid,
        taken=_taken(session, organisation_id, prepaid, own) if own else {},
        credit=credit,
        invoiced=invoiced.use_in(session, organisation_id, month) if credit else {},
    )


def subscriptions_in(session: Session, organisation_id: UUID, month: Month) -> list[Subscription]:
    """Those whose fees the month's bill may charge or give back, oldest first; also one that ended as it began."""
    return [
        one
        for one in plans.history(session, organisation_id)
        if one.begins_at < month.ends_at and (one.ends_at is None or one.ends_at >= month.begins_at)
    ]


def priced(session: Session, versions: Iterable[PriceVersion], offers: Mapping[UUID, Offer]) -> list[Priced]:
    """Prices as bills need them, in the order of a bill: by plan and charge, then by integration and tool."""
    found = list(versions)
    places = {version.integration_id for version in found if version.integration_id is not None}
    slugs = {one.id: one.slug for one in session.exec(select(Integration).where(col(Integration.id).in_(places)))}
    return sorted(
        (_priced(version, slugs, offers) for version in found),
        key=lambda one: (one.is_own, one.label, one.currency, str(one.version_id)),
    )


def stay_of(subscription: Subscription, offer: Offer) -> Stay:
    """A subscription with the fees of the plan that it is on."""
    said = offer.document
    currency, interval = subscription.currency, subscription.interval
    seat = said.seat.get(currency, {}).get(interval, 0)
    return Stay(
        subscription_id=subscription.id,
        plan_version_id=offer.version.id,
        plan=said.name,
        currency=currency,
        interval=interval,
        begins_at=subscription.begins_at,
        ends_at=subscription.ends_at,
        anchor_at=subscription.anchor_at,
        base_minor=said.base.get(currency, {}).get(interval, 0),
        seat_minor=seat,
        seats_extra=max(0, subscription.seats - said.seats_included) if seat else 0,
    )


def _priced(version: PriceVersion, slugs: Mapping[UUID, str], offers: Mapping[UUID, Offer]) -> Priced:
    schemes = meters.schemes_of(version)
    if version.plan_version_id is None:
        slug = slugs.get(version.integration_id, "") if version.integration_id is not None else ""
        label = f"{slug} · {version.tool}" if version.tool else slug
        return Priced(version.id, label, version.currency, schemes, is_own=True)
    offer = offers[version.plan_version_id]
    charge = next((one.label for one in offer.document.charges if one.key == version.charge), version.charge)
    is_prepaid = offer.document.kind == PREPAID
    label = f"{offer.document.name}: {charge}"
    return Priced(version.id, label, version.currency, schemes, is_prepaid=is_prepaid)


def _versions(session: Session, version_ids: Collection[UUID]) -> list[PriceVersion]:
    statement_ = select(PriceVersion).where(col(PriceVersion.id).in_(list(version_ids)))
    return list(session.exec(statement_))


def _taken(
    session: Session, organisation_id: UUID, periods: Iterable[Period], version_ids: Collection[UUID]
) -> Quantities:
    sums = [
        one
        for since, until in periods
        for one in used.sums(
            session, organisation_id, since=since, until=until, by=(used.VERSION,), versions=version_ids
        )
    ]
    return used.quantities(sums)


def _within(subscription: Subscription, month: Month) -> Period:
    ends_at: datetime = subscription.ends_at or month.ends_at
    return max(subscription.begins_at, month.begins_at), min(ends_at, month.ends_at)


def _is_there(subscription: Subscription, month: Month) -> bool:
    """Whether any of the month was spent on it; one that ended in its first moment was not."""
    ends_at: datetime = subscription.ends_at or month.ends_at
    return ends_at > month.begins_at and ends_at > subscription.begins_at
