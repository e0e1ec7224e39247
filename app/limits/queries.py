"""Looking limits up, and checking what was counted against the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.keys.models import Key
from app.limits import usage
from app.limits.holds import CounterKey
from app.limits.models import LimitRule
from app.limits.rules import KEY, Rule
from app.limits.settling import COUNTERS, LEASES
from app.organisations.models import Organisation


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter beside what the ledger says. in_ledger: before its rule was there, and held against it since. leased:
    what all processes together hold of it.
    """

    key: CounterKey
    most: int
    spent: int
    reserved: int
    in_ledger: int
    leased: int

    @property
    def agrees(self) -> bool:
        """True whenever no call is under way."""
        return self.spent == self.in_ledger and self.reserved == self.leased


def rules_of(session: Session, organisation: Organisation | None = None) -> list[LimitRule]:
    """All rules, or those of one organisation: oldest first."""
    statement = select(LimitRule).order_by(col(LimitRule.created_at), col(LimitRule.id))
    if organisation is not None:
        statement = statement.where(LimitRule.organisation_id == organisation.id)
    return list(session.exec(statement))


def whose(session: Session, rule: Rule) -> str:
    """For whom a rule holds, for whoever looks after limits: “for the key “ci” (pst_live_AbCdEfGh…) of acme”."""
    if rule.key_id is not None:
        key = session.get_one(Key, rule.key_id)
        owner = session.get_one(Organisation, key.organisation_id)
        return f"for the key “{key.name}” ({key.hint}) of {owner.slug}"
    if rule.organisation_id is not None:
        place = session.get_one(Organisation, rule.organisation_id).slug
        return f"for each key of {place}" if rule.per == KEY else f"for {place}"
    if rule.per:
        return f"for each {rule.per} of the whole installation"
    return "for the whole installation, all callers together"


def by_short_id(session: Session, short_id: str) -> LimitRule:
    """The rule whose id begins so. Raises NotFound unless there is exactly one."""
    found = [rule for rule in rules_of(session) if short_id and str(rule.id).startswith(short_id.lower())]
    if len(found) != 1:
        raise NotFound(f"There is no limit “{short_id}”. `postern limit list` shows them all.")
    return found[0]


def like(
    session: Session, selection: Mapping[str, object], *, measure: str, period: str, set_by: str
) -> LimitRule | None:
    """The rule for the very same calls, if there is one."""
    statement = select(LimitRule).where(
        LimitRule.measure == measure, LimitRule.period == period, LimitRule.set_by == set_by
    )
    for name, value in selection.items():
        column = LimitRule.__table__.c[name]  # type: ignore[attr-defined]  # SQLModel does not tell of it
        statement = statement.where(column.is_(None) if value is None else column == value)
    return session.exec(statement).first()


def recount(connection: Connection) -> Iterator[Counted]:
    """Every counter whose rule exists, beside what the ledger says. For `verify`: one sum over events for each."""
    rules = {row.id: row for row in connection.execute(select_columns(usage.RULES))}
    for row in connection.execute(select_columns(COUNTERS)).all():
        rule = rules.get(row.rule_id)
        if rule is None:
            continue
        key = CounterKey(row.rule_id, row.subject_id, row.period_at)
        counted = usage.counted_of(connection, key, measure=rule.measure, period=rule.period)
        yield Counted(key, row.most, row.spent, row.reserved, row.before + counted, _leased(connection, key))


def _leased(connection: Connection, key: CounterKey) -> int:
    mine = [LEASES.c[name] == value for name, value in key._asdict().items()]
    return int(connection.execute(select_columns(func.coalesce(func.sum(LEASES.c.held), 0)).where(*mine)).scalar_one())
