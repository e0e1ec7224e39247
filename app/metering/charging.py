"""What events cost whose price depends on what came before in the month: decided in the ledger's own transaction.

Tiers, packages and free units need a count that no two gateways may read at once. So the count moves by one upsert in
the transaction that writes the events, and each gets what it adds: the sum over a month is what the month's quantities
cost, to the nano-minor-unit. Calls that are free or cost the same each time never come here.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Dialect, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPICursor

from app.core import db
from app.limits.models import SPEND, LimitRule
from app.metering.entry import Entry
from app.metering.prepared import Prepared, PreparedStatement, text_of
from app.plans import metrics, prices, rating
from app.plans.models import PriceVersion, UsageCharge
from app.plans.rating import Scheme

CHARGES = db.metadata.tables[str(UsageCharge.__tablename__)]
RULES = db.metadata.tables[str(LimitRule.__tablename__)]
VERSIONS = db.metadata.tables[str(PriceVersion.__tablename__)]
_NAMES = ("organisation_id", "month_at", "price_version_id", "metric")

Place = tuple[str, str, str, str]
"""Whose, in which month, by which version, of which metric: as the database keeps them."""


class Counted(NamedTuple):
    """A version whose price depends on what came before. components: metric to scheme, and the most of one call."""

    components: Mapping[str, tuple[Scheme, int | None]]


class Charging:
    """For one connection. What a version says is asked once: it never changes. Nor does what a rule measures."""

    def __init__(self, dialect: Dialect, *, zone: str) -> None:
        """zone: how the database wants to be told that moments are in UTC."""
        make = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
        statement = make(CHARGES)
        added = {"quantity": CHARGES.c.quantity + statement.excluded.quantity}
        upsert = statement.on_conflict_do_update(index_elements=list(_NAMES), set_=added)
        self._add = Prepared(upsert, dialect, returning=("quantity",))
        wanted = VERSIONS.c.id == bindparam("id")
        columns = [VERSIONS.c[name] for name in ("scheme", "components", "max_per_call")]
        self._version = PreparedStatement(select(*columns).where(wanted), dialect)
        measure = select(RULES.c.measure).where(RULES.c.id == bindparam("rule_id"))
        self._measure = PreparedStatement(measure, dialect)
        self._zone = zone
        self._known: dict[UUID, Counted | None] = {}
        self._plain: set[int] = set()
        self._is_cap: dict[UUID, bool] = {}
        self.most: dict[int, Mapping[str, int]] = {}
        """Of versions met so far, by number: the most of each metric that one call is charged for, if it has such."""

    def run(self, cursor: DBAPICursor, entries: Sequence[Entry]) -> None:
        """Set the amounts of those events that need it, and what they settle of caps on spending."""
        plain = self._plain
        for entry in entries:
            version_id = entry.row["price_version_id"]
            # By its number, because a UUID's own hash costs several times as much, and every call comes by here.
            if version_id is None or version_id.int in plain:
                continue
            if self._counted(cursor, version_id) is not None:
                self._charge(cursor, entries)
                return

    def _charge(self, cursor: DBAPICursor, entries: Sequence[Entry]) -> None:
        charged: list[tuple[Entry, list[tuple[Place, int, Scheme]]]] = []
        sums: dict[Place, int] = {}
        for entry in entries:
            version_id = entry.row["price_version_id"]
            counted = self._counted(cursor, version_id) if version_id is not None else None
            if version_id is not None and counted is not None:
                parts = self._parts(entry, version_id, counted)
                charged.append((entry, parts))
                for place, quantity, _ in parts:
                    if quantity:
                        sums[place] = sums.get(place, 0) + quantity
        places = sorted(sums)
        totals = self._add.totals(cursor, [(*place, sums[place]) for place in places]) if places else []
        before = {place: total[0] - sums[place] for place, total in zip(places, totals, strict=True)}
        for entry, parts in charged:
            amount = 0
            for place, quantity, scheme in parts:
                if quantity:
                    amount += rating.change(before[place], quantity, scheme)
                    before[place] += quantity
            self._set(cursor, entry, amount)

    def _parts(self, entry: Entry, version_id: UUID, counted: Counted) -> list[tuple[Place, int, Scheme]]:
        row = entry.row
        month_at = f"{text_of(row['at'])[:7]}-01 00:00:00.000000{self._zone}"
        whose, version = row["organisation_id"].hex, version_id.hex
        return [
            ((whose, month_at, version, metric), metrics.billable(metric, row, most=most), scheme)
            for metric, (scheme, most) in counted.components.items()
        ]

    def _set(self, cursor: DBAPICursor, entry: Entry, amount: int) -> None:
        """The amount was its ceiling until now, and so was what it settles of caps."""
        entry.row["amount_nanos"] = amount
        if entry.settlements:
            entry.settlements = tuple(
                settlement._replace(used=amount) if self._is_of_cap(cursor, settlement.rule_id) else settlement
                for settlement in entry.settlements
            )

    def _counted(self, cursor: DBAPICursor, version_id: UUID) -> Counted | None:
        """None for a version by which each call costs the same, and for one that is not there."""
        if version_id not in self._known:
            found = self._version.first(cursor, {"id": version_id})
            if found is not None and (most := _read(found[2])):
                self.most[version_id.int] = most
            self._known[version_id] = _counted(*found) if found is not None else None
            if self._known[version_id] is None:
                self._plain.add(version_id.int)
        return self._known[version_id]

    def _is_of_cap(self, cursor: DBAPICursor, rule_id: UUID) -> bool:
        if rule_id not in self._is_cap:
            self._is_cap[rule_id] = self._measure.first(cursor, {"rule_id": rule_id}) == (SPEND,)
        return self._is_cap[rule_id]


def _counted(scheme: object, components: object, max_per_call: object) -> Counted | None:
    said, stored, most = _read(scheme), _read(components), _read(max_per_call)
    schemes = {metric: rating.from_json(one) for metric, one in (stored or {metrics.CALLS: said}).items()}
    if prices.is_plain(schemes):
        return None
    return Counted({metric: (one, most.get(metric)) for metric, one in schemes.items()})


def _read(stored: object) -> dict[str, Any]:
    """JSON as the driver gives it: SQLite's gives the text."""
    return cast(dict[str, Any], json.loads(stored) if isinstance(stored, str) else stored)
