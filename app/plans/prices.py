"""Prices as a gateway holds them in memory: what a call of a tool costs, known before it is made."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.plans.models import PriceVersion


@dataclass(frozen=True, slots=True)
class Price:
    """One version. tool: "" for all tools of the integration without a price of their own.

    nanos_per_unit: what one call costs. ceiling_nanos: the most that one call can cost, which is reserved before it is
    made; what is known only afterwards (tokens) settles at or below it.
    """

    version_id: UUID
    integration_id: UUID
    tool: str
    currency: str
    nanos_per_unit: int
    ceiling_nanos: int
    effective_at: datetime


class PriceBook:
    """All versions, by place. Changed by one thread while another reads; each reader makes one dictionary look-up."""

    def __init__(self) -> None:
        self._versions: dict[tuple[UUID, str], tuple[Price, ...]] = {}
        self._tools: dict[UUID, frozenset[str]] = {}
        self.version = 0
        """Grows with each change, so that whoever remembers a price can tell that it is out of date."""

    def put(self, prices: Iterable[Price], *, integration_ids: Iterable[UUID]) -> None:
        """Know all versions of these integrations anew."""
        by_place: dict[UUID, dict[str, list[Price]]] = {integration_id: {} for integration_id in integration_ids}
        for price in prices:
            by_place.setdefault(price.integration_id, {}).setdefault(price.tool, []).append(price)
        for integration_id, tools in by_place.items():
            for tool, versions in tools.items():
                ordered = sorted(versions, key=lambda price: (price.effective_at, str(price.version_id)))
                self._versions[integration_id, tool] = tuple(ordered)
            for tool in self._tools.get(integration_id, frozenset()) - tools.keys():
                del self._versions[integration_id, tool]
            self._tools[integration_id] = frozenset(tools)
        self.version += 1

    def price_of(self, integration_id: UUID, tool: str, at: datetime) -> tuple[Price | None, datetime | None]:
        """(what a call of `tool` costs at `at`: its own price, else its integration's, else None for free; the moment
        from which another may hold, None if that is not known yet).
        """
        own, own_until = _in_force(self._versions.get((integration_id, tool), ()), at)
        general, general_until = _in_force(self._versions.get((integration_id, ""), ()), at)
        until = min((moment for moment in (own_until, general_until) if moment is not None), default=None)
        return own or general, until


def _in_force(versions: tuple[Price, ...], at: datetime) -> tuple[Price | None, datetime | None]:
    found = None
    for price in versions:
        if price.effective_at > at:
            return found, price.effective_at
        found = price
    return found, None


def every(session: Session) -> list[Price]:
    """All versions of all prices, past and future ones included."""
    return _prices(session, None)


def among(session: Session, integration_ids: Iterable[UUID]) -> list[Price]:
    """All versions for these integrations."""
    return _prices(session, list(integration_ids))


def _prices(session: Session, integration_ids: list[UUID] | None) -> list[Price]:
    statement = select(
        col(PriceVersion.id),
        col(PriceVersion.integration_id),
        col(PriceVersion.tool),
        col(PriceVersion.currency),
        col(PriceVersion.nanos_per_unit),
        col(PriceVersion.nanos_per_unit),
        col(PriceVersion.effective_at),
    ).where(col(PriceVersion.plan_version_id).is_(None))
    if integration_ids is not None:
        statement = statement.where(col(PriceVersion.integration_id).in_(integration_ids))
    return [Price(*row) for row in session.execute(statement)]
