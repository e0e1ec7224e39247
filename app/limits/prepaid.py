"""Credit as a limit: an organisation on a prepaid plan may spend, ever, what was credited to it.

The counter is there before the rule is, and stays when the organisation leaves the plan; so what was used stays used,
and nothing that was paid by other means counts. Whoever changes it takes the change feed's lock first, then the
counter's, here as everywhere.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from app.core import changes
from app.limits import usage
from app.limits.holds import CounterKey
from app.limits.models import SHARED, SPEND, WALLET, LimitRule
from app.limits.settling import COUNTERS
from app.plans import periods


class Held(NamedTuple):
    """A counter, locked until the transaction ends; nano-minor-units."""

    most: int
    spent: int
    reserved: int

    @property
    def room(self) -> int:
        """What nobody has used, and no call under way may use."""
        return self.most - self.spent - self.reserved


class Counted(NamedTuple):
    """most, spent: what the counter says. ledger: what it should say was spent: the sum of calls that were held against
    it, and what was taken for calls before there was a rule.
    """

    most: int
    spent: int
    ledger: int


def counter_of(organisation_id: UUID, currency: str) -> CounterKey:
    """The one counter of an organisation's credit in a currency."""
    return CounterKey(uuid5(organisation_id, f"wallet {currency}"), SHARED, periods.BEGINNING)


def spent(session: Session, organisation_id: UUID, currency: str) -> int:
    """What calls have used of the credit so far, whether or not grants know of it yet."""
    where = [COUNTERS.c[name] == value for name, value in counter_of(organisation_id, currency)._asdict().items()]
    return session.execute(COUNTERS.select().with_only_columns(COUNTERS.c.spent).where(*where)).scalar() or 0


def held(session: Session, organisation_id: UUID, currency: str) -> int:
    """What is reserved of the credit: by calls under way, and by gateways a little ahead of them."""
    where = [COUNTERS.c[name] == value for name, value in counter_of(organisation_id, currency)._asdict().items()]
    return session.execute(COUNTERS.select().with_only_columns(COUNTERS.c.reserved).where(*where)).scalar() or 0


def ruled(session: Session, organisation_id: UUID, currency: str) -> int | None:
    """What the rule allows; None while the organisation is on no prepaid plan in that currency."""
    rule = session.get(LimitRule, counter_of(organisation_id, currency).rule_id, populate_existing=True)
    return rule.most if rule is not None else None


def counted(session: Session, organisation_id: UUID, currency: str) -> Counted:
    """The counter beside the ledger, both of one moment; zeros where there is none yet."""
    key = counter_of(organisation_id, currency)
    where = [COUNTERS.c[name] == value for name, value in key._asdict().items()]
    columns = (COUNTERS.c.most, COUNTERS.c.spent, COUNTERS.c.before, usage.spent_against(key, organisation_id))
    row = session.execute(COUNTERS.select().with_only_columns(*columns).where(*where)).one_or_none()
    return Counted(row[0], row[1], row[2] + row[3]) if row is not None else Counted(0, 0, 0)


def left(session: Session, rule_ids: Collection[UUID]) -> dict[UUID, int]:
    """What nobody has used yet of each of these counters (`counter_of`), though calls under way may hold it."""
    where = (COUNTERS.c.rule_id.in_(rule_ids), COUNTERS.c.period_at == periods.BEGINNING)
    rows = session.execute(COUNTERS.select().where(*where)).all()
    return {row.rule_id: row.most - row.spent for row in rows}


def hold(session: Session, organisation_id: UUID, currency: str) -> Held:
    """Lock the counter, made if it is not there yet: until the commit no gateway takes or settles anything of it."""
    key = counter_of(organisation_id, currency)._asdict()
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    fresh = make(COUNTERS).values(**key, most=0, spent=0, reserved=0, before=0)
    session.execute(fresh.on_conflict_do_nothing(index_elements=list(key)))
    where = [COUNTERS.c[name] == value for name, value in key.items()]
    columns = (COUNTERS.c.most, COUNTERS.c.spent, COUNTERS.c.reserved)
    return Held(*session.execute(update(COUNTERS).where(*where).values(most=COUNTERS.c.most).returning(*columns)).one())


def announce(session: Session, organisation_id: UUID, currency: str, *, now: datetime) -> None:
    """Have gateways look at the rule again when this is committed. Before `hold`, for the order of locks."""
    changes.record(session, kind="limit", subject_id=counter_of(organisation_id, currency).rule_id, now=now)


def allow(session: Session, organisation_id: UUID, currency: str, most: int) -> None:
    """So much may be spent, ever. The counter is held."""
    key = counter_of(organisation_id, currency)
    where = [COUNTERS.c[name] == value for name, value in key._asdict().items()]
    session.execute(update(COUNTERS).where(*where).values(most=most))
    rule = session.get(LimitRule, key.rule_id, populate_existing=True)
    if rule is not None:
        rule.most = most
        session.add(rule)
    session.flush()


def follow(
    session: Session, organisation_id: UUID, *, currency: str, since: datetime | None = None, now: datetime
) -> None:
    """Let the organisation spend its credit in `currency` and no more; "" when it is on no prepaid plan.

    since: when that plan began. What calls have cost from then until this was said is taken from credit, as far as it
    goes.
    """
    statement = select(LimitRule).where(LimitRule.organisation_id == organisation_id, LimitRule.set_by == WALLET)
    wanted = counter_of(organisation_id, currency).rule_id if currency else None
    there = set()
    for rule in session.exec(statement).all():
        there.add(rule.id)
        if rule.id != wanted:
            changes.record(session, kind="limit", subject_id=rule.id, now=now)
            session.delete(rule)
    if wanted is not None and wanted not in there:
        announce(session, organisation_id, currency, now=now)
        held = hold(session, organisation_id, currency)
        if since is not None:
            _catch_up(session, organisation_id, currency, held, since)
        session.add(
            LimitRule(
                id=wanted,
                name="prepaid-credit",
                organisation_id=organisation_id,
                measure=SPEND,
                period=periods.EVER,
                most=held.most,
                set_by=WALLET,
                created_at=now,
            )
        )
    session.flush()


def _catch_up(session: Session, organisation_id: UUID, currency: str, held: Held, since: datetime) -> None:
    key = counter_of(organisation_id, currency)
    missed = usage.spent_beside(session.connection(), key, organisation_id=organisation_id, since=since)
    amount = max(0, min(missed, held.room))
    where = [COUNTERS.c[name] == value for name, value in key._asdict().items()]
    more = {"spent": COUNTERS.c.spent + amount, "before": COUNTERS.c.before + amount}
    session.execute(update(COUNTERS).where(*where).values(**more))
