"""Prices as a gateway holds them in memory: what a call of a tool costs an organisation, known before it is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.plans import rating
from app.plans.metrics import CALLS
from app.plans.models import PriceVersion
from app.plans.rating import PER_UNIT, Scheme
from app.plans.stretches import Stretch


@dataclass(frozen=True, slots=True)
class Price:
    """One version. integration_id: None for all of them. tool: "" for all tools without a price of their own.

    nanos_per_unit: what one call costs, where that is all that counts; else 0. ceiling_nanos: the most that one call
    can cost, which is reserved before it is made; what is known only afterwards settles at or below it.
    """

    version_id: UUID
    integration_id: UUID | None
    tool: str
    currency: str
    nanos_per_unit: int
    ceiling_nanos: int
    effective_at: datetime
    plan_version_id: UUID | None = None


class Found(NamedTuple):
    """What a call costs. price: None for nothing. currency: what the organisation pays in, "" for the installation's.
    until: the moment from which another price may hold, None if that is not known yet.
    """

    price: Price | None
    currency: str
    until: datetime | None


NO_PRICE = Found(None, "", None)
"""Of what is no call of a tool."""

Place = tuple[UUID | None, str]
"""(integration, tool) that a price is for: None and "" are for all."""

_Dated = TypeVar("_Dated", Price, Stretch)


class PriceBook:
    """All versions, by place, and who is on which plan. Changed by one thread while another reads; each change replaces
    what readers hold on to.

    Of the prices that select a call, the most specific one holds, and no other: the plan's for the tool, the plan's for
    the integration, the integration's own for the tool, its own for all of it, and the plan's for everything.
    """

    def __init__(self) -> None:
        self._versions: dict[tuple[UUID, str], tuple[Price, ...]] = {}
        self._tools: dict[UUID, frozenset[str]] = {}
        self._plans: dict[tuple[UUID, str], dict[Place, Price]] = {}
        self._stretches: dict[UUID, tuple[Stretch, ...]] = {}
        self._usual: tuple[Stretch, ...] = ()
        self.version = 0
        """Grows with each change, so that whoever remembers a price can tell that it is out of date."""

    def put(self, prices: Iterable[Price], *, integration_ids: Iterable[UUID]) -> None:
        """Know all own versions of these integrations anew."""
        by_place: dict[UUID, dict[str, list[Price]]] = {integration_id: {} for integration_id in integration_ids}
        for price in prices:
            if price.integration_id is not None and price.plan_version_id is None:
                by_place.setdefault(price.integration_id, {}).setdefault(price.tool, []).append(price)
        for integration_id, tools in by_place.items():
            for tool, versions in tools.items():
                ordered = sorted(versions, key=lambda price: (price.effective_at, str(price.version_id)))
                self._versions[integration_id, tool] = tuple(ordered)
            for tool in self._tools.get(integration_id, frozenset()) - tools.keys():
                del self._versions[integration_id, tool]
            self._tools[integration_id] = frozenset(tools)
        self.version += 1

    def put_plans(self, prices: Iterable[Price], *, usual: Iterable[Stretch]) -> None:
        """Know these prices of plans; versions are never changed, so that none is ever forgotten. usual: the default
        plan, for organisations without a subscription.
        """
        fresh: dict[tuple[UUID, str], dict[Place, Price]] = {}
        for price in prices:
            if price.plan_version_id is not None:
                fresh.setdefault((price.plan_version_id, price.currency), {})[price.integration_id, price.tool] = price
        self._plans = {**self._plans, **fresh}
        self._usual = tuple(usual)
        self.version += 1

    def put_subscriptions(self, stretches: Mapping[UUID, tuple[Stretch, ...]]) -> None:
        """Know anew what these organisations are on."""
        for organisation_id, theirs in stretches.items():
            if theirs:
                self._stretches[organisation_id] = theirs
            else:
                self._stretches.pop(organisation_id, None)
        self.version += 1

    def price_of(self, organisation_id: UUID, integration_id: UUID, tool: str, at: datetime) -> Found:
        """What a call of `tool` costs the organisation at `at`."""
        stretch, currency, until = self._stretch_at(organisation_id, at)
        own, own_until = _in_force(self._versions.get((integration_id, tool), ()), at)
        general, general_until = _in_force(self._versions.get((integration_id, ""), ()), at)
        until = min((moment for moment in (until, own_until, general_until) if moment is not None), default=None)
        chosen = stretch.plan_version_id if stretch is not None else None
        plan = self._plans.get((chosen, currency), {}) if chosen is not None else {}
        price = plan.get((integration_id, tool)) or plan.get((integration_id, "")) or own or general
        return Found(price or plan.get((None, "")), currency, until)

    def _stretch_at(self, organisation_id: UUID, at: datetime) -> tuple[Stretch | None, str, datetime | None]:
        """What it is on, what it pays in, and until when that is so."""
        theirs, theirs_until = _in_force(self._stretches.get(organisation_id, ()), at)
        if theirs is not None and theirs.plan_version_id is not None:
            return theirs, theirs.currency, theirs_until
        usual, usual_until = _in_force(self._usual, at)
        until = min((moment for moment in (theirs_until, usual_until) if moment is not None), default=None)
        return usual, theirs.currency if theirs is not None else "", until


def _in_force(versions: tuple[_Dated, ...], at: datetime) -> tuple[_Dated | None, datetime | None]:
    found = None
    for version in versions:
        if version.effective_at > at:
            return found, version.effective_at
        found = version
    return found, None


def every(session: Session) -> list[Price]:
    """All versions of all prices, past and future ones and those of plans included."""
    return _prices(session, None, None)


def among(session: Session, integration_ids: Iterable[UUID]) -> list[Price]:
    """All own versions of these integrations."""
    return _prices(session, list(integration_ids), None)


def of_plans(session: Session, version_ids: Iterable[UUID]) -> list[Price]:
    """All prices of these versions of plans."""
    return _prices(session, None, list(version_ids))


def components_of(version: PriceVersion) -> dict[str, Scheme]:
    """Metric to scheme, of any version."""
    stored = version.components or {CALLS: version.scheme}
    return {metric: rating.from_json(scheme) for metric, scheme in stored.items()}


def is_plain(components: Mapping[str, Scheme]) -> bool:
    """Whether each call costs the same, whatever came before and whatever it does."""
    calls = components.get(CALLS, Scheme())
    return set(components) == {CALLS} and calls == Scheme(PER_UNIT, nanos=calls.nanos)


def ceiling_of(version: PriceVersion) -> int:
    """The most that one call can cost, in nano-minor-units."""
    return sum(
        rating.ceiling(1 if metric == CALLS else version.max_per_call.get(metric, 0), scheme)
        for metric, scheme in components_of(version).items()
    )


def _prices(session: Session, integration_ids: list[UUID] | None, version_ids: list[UUID] | None) -> list[Price]:
    statement = select(PriceVersion)
    if integration_ids is not None:
        statement = statement.where(
            col(PriceVersion.integration_id).in_(integration_ids), col(PriceVersion.plan_version_id).is_(None)
        )
    if version_ids is not None:
        statement = statement.where(col(PriceVersion.plan_version_id).in_(version_ids))
    return [
        Price(
            version.id,
            version.integration_id,
            version.tool,
            version.currency,
            version.nanos_per_unit,
            ceiling_of(version) if version.components else version.nanos_per_unit,
            version.effective_at,
            version.plan_version_id,
        )
        for version in session.execute(statement).scalars()
    ]
