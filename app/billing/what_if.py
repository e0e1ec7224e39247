"""What a month would have cost on another plan: one's own calls, priced as that plan would have priced each of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from app.billing import gathering, statement, used
from app.billing.bill import Line, Statement, Stay
from app.billing.months import Month
from app.core import db
from app.metering import billable
from app.metering.models import UsageEvent
from app.organisations.models import Organisation
from app.plans import metrics
from app.plans import queries as plans
from app.plans.document import CALLS_PER_MONTH, FREE, PREPAID
from app.plans.models import PriceVersion, Subscription
from app.plans.queries import Offer

_EVENTS_TABLE = db.metadata.tables[str(UsageEvent.__tablename__)]
_EVENTS = _EVENTS_TABLE.c


@dataclass(frozen=True, slots=True)
class Compared:
    """was: what the month cost. would: the same calls on the other plan for the whole month, as if it had let all of
    them through. calls: how many there were. priced: how many of them a plan that never bills would have refused,
    because they cost something; beyond: and how many more, because it allows fewer in a month.
    """

    was: Statement
    would: Statement
    currency: str
    calls: int = 0
    priced: int = 0
    beyond: int = 0

    @property
    def refused(self) -> int:
        """How many of the calls the other plan would have refused."""
        return self.priced + self.beyond

    @property
    def difference_minor(self) -> int:
        """What the other plan would have cost more; below zero for less."""
        return _subtotal(self.would, self.currency) - _subtotal(self.was, self.currency)


def compare(session: Session, organisation: Organisation, month: Month, offer: Offer, *, now: datetime) -> Compared:
    """The plan's fee counts for the whole month, and its prices for each call of it; what integrations charge by prices
    of their own stays where the plan has no price for them.
    """
    current = plans.subscription_at(session, organisation.id, min(now, month.ends_at))
    said = offer.document
    currency = (current.currency if current is not None else "") or next(iter(said.currencies), "usd")
    was = gathering.statement_of(session, organisation.id, month)
    charges = plans.prices_of(session, [offer.version.id], currency=currency)
    is_own = current is not None and current.plan_version_id == offer.version.id
    stays = (
        _lived(session, offer, organisation, month, currency)
        if is_own
        else _stays(offer, organisation, month, current, currency)
    )
    calls, with_a_price = _counted(session, organisation.id, month)
    priced = with_a_price if said.kind == FREE else 0
    most = said.allowances.get(CALLS_PER_MONTH, calls) if not is_own else calls
    beyond = max(0, calls - priced - most)
    if said.kind == FREE:
        would = statement.of_month(
            begins_at=month.begins_at, ends_at=month.ends_at, priced=[], quantities={}, stays=stays
        )
    else:
        would = repriced(session, organisation, month, offer, charges, stays=stays)
    return Compared(was, would, currency, calls=calls, priced=priced, beyond=beyond)


def repriced(
    session: Session,
    organisation: Organisation,
    month: Month,
    offer: Offer,
    charges: Sequence[PriceVersion],
    *,
    stays: Iterable[Stay],
) -> Statement:
    """The month's calls as this version would have priced them. charges: its prices in one currency; they, and the
    version, need not be kept anywhere yet.
    """
    own = _own_versions(session)
    quantities = _quantities(session, organisation.id, month, charges, own)
    versions = [*charges, *[one for one in own if one.id in quantities]]
    priced = gathering.priced(session, versions, {offer.version.id: offer})
    return statement.of_month(
        begins_at=month.begins_at,
        ends_at=month.ends_at,
        priced=priced,
        quantities=quantities,
        stays=stays,
        taken=quantities if offer.document.kind == PREPAID else {},
    )


def pairs(compared: Compared) -> list[tuple[str, Line | None, Line | None]]:
    """Line by line: (what it is, as it was, as it would be); lines of the same price stand side by side."""
    was = {_place(line): line for line in compared.was.lines}
    would = {_place(line): line for line in compared.would.lines}
    found: list[tuple[str, Line | None, Line | None]] = []
    found += [(line.description, line, would.get(place)) for place, line in was.items()]
    found += [(line.description, None, line) for place, line in would.items() if place not in was]
    return found


def _place(line: Line) -> str:
    return line.kind if line.fee is not None else line.key


def _own_versions(session: Session) -> list[PriceVersion]:
    statement_ = select(PriceVersion).where(col(PriceVersion.plan_version_id).is_(None))
    return list(session.exec(statement_.order_by(col(PriceVersion.effective_at), col(PriceVersion.id))))


def _quantities(
    session: Session, organisation_id: UUID, month: Month, charges: Sequence[PriceVersion], own: Sequence[PriceVersion]
) -> dict[UUID, dict[str, int]]:
    """By the price that would have held for each call: the plan's for its tool or integration, else the integration's
    own for the tool or in general, as it held then, else the plan's general one.
    """
    price = _price_of(charges, own)
    most = {version.id: version.max_per_call for version in charges if version.max_per_call}
    sums = [func.sum(billable.quantity(metric, most, place=price)) for metric in metrics.METRICS]
    statement_ = (
        sa.select(price, *sums)
        .where(*used.lived(organisation_id, since=month.begins_at, until=month.ends_at))
        .group_by(price)
    )
    return {
        row[0]: {metric: int(value or 0) for metric, value in zip(metrics.METRICS, row[1:], strict=True)}
        for row in session.execute(statement_)
        if row[0] is not None
    }


def _counted(session: Session, organisation_id: UUID, month: Month) -> tuple[int, int]:
    """How many calls of the month count, and how many of those integrations charge for by prices of their own."""
    own = _own_versions(session)
    counts = [func.count(), func.count(_price_of([], own)) if own else sa.literal(0)]
    used_ = used.lived(organisation_id, since=month.begins_at, until=month.ends_at)
    statement_ = sa.select(*counts).select_from(_EVENTS_TABLE).where(*used_, _EVENTS.units > 0)
    calls, priced = session.execute(statement_).one()
    return int(calls), int(priced)


def _price_of(charges: Sequence[PriceVersion], own: Sequence[PriceVersion]) -> ColumnElement[Any]:
    """The id of the price of each event, as SQL. Most specific first, and of an integration's own the latest first."""
    special = [one for one in charges if one.integration_id is not None]
    general: UUID | None = next((one.id for one in charges if one.integration_id is None), None)
    newest = list(reversed(own))
    by_plan = [*[one for one in special if one.tool], *[one for one in special if not one.tool]]
    by_itself = [*[one for one in newest if one.tool], *[one for one in newest if not one.tool]]
    was_own: ColumnElement[bool] = _EVENTS.price_version_id.in_([one.id for one in own])
    cases: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [
        *[(_holds(one), sa.literal(one.id, sa.Uuid())) for one in by_plan],
        *([(was_own, _EVENTS.price_version_id)] if own else []),  # the price that held when it was let in
        *[(_holds(one), sa.literal(one.id, sa.Uuid())) for one in by_itself],
    ]
    last = sa.literal(general, sa.Uuid())
    return sa.case(*cases, else_=last) if cases else last


def _holds(version: PriceVersion) -> ColumnElement[bool]:
    conditions = [_EVENTS.integration_id == version.integration_id]
    if version.tool:
        conditions.append(_EVENTS.tool == version.tool)
    if version.plan_version_id is None:
        conditions.append(_EVENTS.at >= version.effective_at)
    return sa.and_(*conditions)


def _lived(session: Session, offer: Offer, organisation: Organisation, month: Month, currency: str) -> Iterable[Stay]:
    """Whoever is on the plan pays what they pay, with the seats that they had at each time."""
    return [
        gathering.stay_of(one, offer)
        for one in gathering.subscriptions_in(session, organisation.id, month)
        if one.plan_version_id == offer.version.id and one.interval and one.currency == currency
    ]


def _stays(
    offer: Offer, organisation: Organisation, month: Month, current: Subscription | None, currency: str
) -> Iterable[Stay]:
    """On the plan for the whole month, with as many seats as now; by the month where it can be paid so."""
    said = offer.document
    if not said.intervals:
        return []
    seats = min(max(current.seats if current is not None else 0, said.seats_included), said.seats_most)
    made = Subscription(
        organisation_id=organisation.id,
        plan_version_id=offer.version.id,
        currency=currency,
        interval=said.intervals[0],
        seats=seats,
        state="active",
        begins_at=month.begins_at,
        anchor_at=month.begins_at,
        created_at=month.begins_at,
    )
    return [gathering.stay_of(made, offer)]


def _subtotal(made: Statement, currency: str) -> int:
    return sum(total.subtotal_minor for total in made.totals if total.currency == currency)
