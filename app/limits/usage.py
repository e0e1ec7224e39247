"""What the ledger says was used of a rule in a period: to begin a counter with, and to check one against.

The ledger belongs to a higher domain (metering), so its tables are spoken of by their names only.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    String,
    TableClause,
    Uuid,
    cast,
    column,
    func,
    literal,
    select,
    table,
)

from app.core import db
from app.core.db import UtcDateTime
from app.limits.holds import CounterKey
from app.limits.models import SPEND, LimitRule
from app.plans import periods

_IDS = ("organisation_id", "key_id", "integration_id")


def _table(name: str, *own: ColumnClause[Any]) -> TableClause:
    who = [column(name, Uuid()) for name in _IDS]
    return table(
        name,
        *own,
        *who,
        column("tool", String()),
        column("units", BigInteger()),
        column("amount_nanos", BigInteger()),
    )


HOURS = _table("usage_hour", column("hour_at", UtcDateTime()))
EVENTS = _table("usage_event", column("at", UtcDateTime()), column("rules", String()))
RULES = db.metadata.tables[str(LimitRule.__tablename__)]


def short_id(rule_id: object) -> str:
    """By which an event names a rule that it was held against."""
    return str(rule_id)[:8]


def used_of(connection: Connection, key: CounterKey) -> int:
    """What calls that the rule selects have used in the period, whether or not they were held against it."""
    rule = connection.execute(select(RULES).where(RULES.c.id == key.rule_id)).one_or_none()
    if rule is None:
        return 0
    conditions = [HOURS.c.hour_at >= key.period_at, HOURS.c.hour_at < periods.end_of(rule.period, key.period_at)]
    conditions += _selected(HOURS, rule, key)
    return _sum(connection, HOURS, rule.measure, conditions)


def counted_of(connection: Connection, key: CounterKey, *, measure: str, period: str) -> int:
    """What events that were held against the rule have used in the period."""
    rule = connection.execute(select(RULES).where(RULES.c.id == key.rule_id)).one_or_none()
    conditions = [EVENTS.c.at >= key.period_at, EVENTS.c.at < periods.end_of(period, key.period_at)]
    conditions.append((literal(" ") + EVENTS.c.rules + literal(" ")).contains(f" {short_id(key.rule_id)} "))
    if rule is not None:
        conditions += _selected(EVENTS, rule, key)
    return _sum(connection, EVENTS, measure, conditions)


def spent_against(key: CounterKey, organisation_id: UUID) -> ScalarSelect[int]:
    """What an organisation's calls that were held against the rule have cost, ever: to be asked with its counter."""
    is_named = (literal(" ") + EVENTS.c.rules + literal(" ")).contains(f" {short_id(key.rule_id)} ")
    total = cast(func.coalesce(func.sum(EVENTS.c.amount_nanos), 0), BigInteger())
    return select(total).where(EVENTS.c.organisation_id == organisation_id, is_named).scalar_subquery()


def spent_beside(connection: Connection, key: CounterKey, *, organisation_id: UUID, since: datetime) -> int:
    """What an organisation's calls have cost from `since` on without being held against the rule."""
    conditions = [EVENTS.c.organisation_id == organisation_id, EVENTS.c.at >= since]
    conditions.append(~(literal(" ") + EVENTS.c.rules + literal(" ")).contains(f" {short_id(key.rule_id)} "))
    return _sum(connection, EVENTS, SPEND, conditions)


def _sum(connection: Connection, rows: TableClause, measure: str, conditions: list[ColumnElement[bool]]) -> int:
    used = rows.c.amount_nanos if measure == SPEND else rows.c.units
    total = cast(func.coalesce(func.sum(used), 0), BigInteger())
    return int(connection.execute(select(total).where(*conditions)).scalar_one())


def _selected(rows: TableClause, rule: Row[Any], key: CounterKey) -> list[ColumnElement[bool]]:
    found = [rows.c[name] == rule._mapping[name] for name in _IDS if rule._mapping[name] is not None]
    if rule.tool:
        found.append(rows.c.tool == rule.tool)
    if rule.per:
        found.append(rows.c[f"{rule.per}_id"] == key.subject_id)
    return found
