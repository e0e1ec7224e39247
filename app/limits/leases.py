"""Leases in the database: a process takes a part of a counter in advance, uses it without asking, returns the rest.

At every instant and for every counter: reserved is the sum of its leases, and spent + reserved does not pass `most`.
Each function runs in the caller's transaction and locks the process's own row first, then counters in sorted order,
each before its leases: that order is the same everywhere, so nobody waits in a circle.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Insert, Row, delete, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core import db
from app.limits import usage
from app.limits.holds import CounterKey
from app.limits.models import GatewayProcess, LimitRule, RateShare
from app.limits.settling import COUNTERS, LEASES
from app.plans import periods

PROCESSES = db.metadata.tables[str(GatewayProcess.__tablename__)]
RULES = db.metadata.tables[str(LimitRule.__tablename__)]
SHARES = db.metadata.tables[str(RateShare.__tablename__)]

FAR = 500
"""Calls that must be left for each living process before any of them takes more than it needs now."""
SHARE = 8
"""What one process takes in advance is at most this part of an equal share of what is left."""


class NotRegistered(Exception):
    """This process was taken for dead: what it held has been given to others, and it needs a new name."""


@dataclass(frozen=True, slots=True)
class Want:
    """needs: what each waiting call would reserve, in the order in which they came. ahead: what would be good to have
    beyond that, when there is plenty. unit: what a call reserves.
    """

    key: CounterKey
    needs: tuple[int, ...] = ()
    ahead: int = 0
    unit: int = 1


@dataclass(frozen=True, slots=True)
class Grant:
    """granted: what this process may use now in addition. left: what nobody has spent or reserved after that.

    is_tight: so little is left that nobody should hold what it does not use. is_ruled: False when the rule is gone, so
    that nothing limits these calls any more.
    """

    granted: int
    left: int
    most: int
    is_tight: bool
    is_ruled: bool = True


def register(connection: Connection, process_id: UUID, *, now: datetime) -> None:
    """A gateway begins."""
    connection.execute(insert(PROCESSES).values(id=process_id, started_at=now, seen_at=now))


def beat(connection: Connection, process_id: UUID, *, now: datetime) -> None:
    """A sign of life; locks the process's row until the transaction ends. Raises NotRegistered."""
    seen = connection.execute(update(PROCESSES).where(PROCESSES.c.id == process_id).values(seen_at=now))
    if not seen.rowcount:
        raise NotRegistered


def processes(connection: Connection) -> dict[UUID, datetime]:
    """All that are registered, with their last sign of life."""
    return {row.id: row.seen_at for row in connection.execute(select(PROCESSES.c.id, PROCESSES.c.seen_at))}


def acquire(
    connection: Connection, process_id: UUID, wants: Iterable[Want], *, living: int, now: datetime
) -> dict[CounterKey, Grant]:
    """Reserve what is wanted as far as it is left. living: how many gateways run. Raises NotRegistered."""
    beat(connection, process_id, now=now)
    return {
        want.key: _acquire(connection, process_id, want, living=living) for want in sorted(wants, key=lambda w: w.key)
    }


def give_back(connection: Connection, process_id: UUID, amounts: Mapping[CounterKey, int], *, now: datetime) -> None:
    """Return parts of leases that this process holds and will not use. Raises NotRegistered."""
    beat(connection, process_id, now=now)
    for key in sorted(amounts):
        _lock(connection, key)
        _move(connection, process_id, key, -amounts[key])


def reconcile(connection: Connection, process_id: UUID, known: Mapping[CounterKey, int], *, now: datetime) -> int:
    """Return what the database holds for this process and the process does not know of (a commit whose outcome was
    lost). known: what it counts on for each counter, read before this began. Gives how much. Raises NotRegistered.
    """
    beat(connection, process_id, now=now)
    returned = 0
    for key in sorted(_leases_of(connection, process_id)):
        _lock(connection, key)
        excess = _held(connection, process_id, key) - known.get(key, 0)
        if excess > 0:
            _move(connection, process_id, key, -excess)
            returned += excess
    return returned


def retire(connection: Connection, process_id: UUID, *, seen_at: datetime | None = None) -> int | None:
    """A gateway ends, or was found dead: all that it holds is given back. Gives how many leases.

    seen_at: of one found dead; None is returned, and nothing done, if it has shown life since.
    """
    whose = PROCESSES.c.id == process_id
    gone = connection.execute(delete(PROCESSES).where(whose, *([PROCESSES.c.seen_at == seen_at] if seen_at else [])))
    if seen_at is not None and not gone.rowcount:
        return None
    keys = sorted(_leases_of(connection, process_id))
    for key in keys:
        _lock(connection, key)
        _move(connection, process_id, key, -_held(connection, process_id, key))
    connection.execute(delete(LEASES).where(LEASES.c.process_id == process_id))
    connection.execute(delete(SHARES).where(SHARES.c.process_id == process_id))
    return len(keys)


def forget(connection: Connection, *, before: datetime) -> int:
    """Delete empty leases of periods that began before `before`, and of processes that are gone. Gives how many."""
    is_over = LEASES.c.period_at < before
    return int(connection.execute(delete(LEASES).where(is_over, LEASES.c.held == 0)).rowcount)


def _acquire(connection: Connection, process_id: UUID, want: Want, *, living: int) -> Grant:
    counter = _opened(connection, want.key)
    if counter is None:
        return Grant(0, 0, 0, is_tight=False, is_ruled=False)
    left = counter.most - counter.spent - counter.reserved
    granted = fitting(want.needs, left)
    is_tight = left - granted <= FAR * want.unit * living
    if not is_tight:
        granted += min(want.ahead, (left - granted) // (SHARE * living))
    if granted:
        _move(connection, process_id, want.key, granted)
    return Grant(granted, left - granted, counter.most, is_tight)


def fitting(needs: Iterable[int], left: int) -> int:
    """How much of `left` goes to those who need it: first come, first served, and who needs too much is passed over."""
    granted = 0
    for need in needs:
        if granted + need <= left:
            granted += need
    return granted


def _opened(connection: Connection, key: CounterKey) -> Row[tuple[int, int, int]] | None:
    """(most, spent, reserved) of the counter, locked, with `most` as the rule says now; made if it is not there yet.
    None when the rule is gone.
    """
    columns = (COUNTERS.c.most, COUNTERS.c.spent, COUNTERS.c.reserved)
    if key.period_at == periods.BEGINNING:
        _lock(connection, key)  # first, so that PostgreSQL does not go by what the rule said before whoever held it
    found = connection.execute(
        update(COUNTERS)
        .where(*_is(key), RULES.c.id == COUNTERS.c.rule_id)
        .values(most=RULES.c.most)
        .returning(*columns)
    ).one_or_none()
    return found or connection.execute(_insert_counter(connection, key).returning(*columns)).one_or_none()


def _insert_counter(connection: Connection, key: CounterKey) -> Insert:
    """It begins with what was used in the period before anybody counted."""
    before = usage.used_of(connection, key)
    names = ["rule_id", "subject_id", "period_at", "most", "spent", "reserved", "before"]
    values = select(
        RULES.c.id,
        literal(key.subject_id, COUNTERS.c.subject_id.type),
        literal(key.period_at, COUNTERS.c.period_at.type),
        RULES.c.most,
        literal(before, COUNTERS.c.spent.type),
        literal(0, COUNTERS.c.reserved.type),
        literal(before, COUNTERS.c.before.type),
    ).where(RULES.c.id == key.rule_id)
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(COUNTERS).from_select(names, values)
    return statement.on_conflict_do_update(index_elements=names[:3], set_={"most": statement.excluded.most})


def _lock(connection: Connection, key: CounterKey) -> None:
    connection.execute(update(COUNTERS).where(*_is(key)).values(spent=COUNTERS.c.spent))


def _move(connection: Connection, process_id: UUID, key: CounterKey, amount: int) -> None:
    """Reserve so much more for the process, or less. The counter is locked."""
    connection.execute(update(COUNTERS).where(*_is(key)).values(reserved=COUNTERS.c.reserved + amount))
    if amount > 0:
        make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        statement = make(LEASES).values(**key._asdict(), process_id=process_id, held=amount)
        added = {"held": LEASES.c.held + statement.excluded.held}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["process_id", "rule_id", "subject_id", "period_at"], set_=added
            )
        )
    else:
        connection.execute(update(LEASES).where(*_is_lease(process_id, key)).values(held=LEASES.c.held + amount))


def _held(connection: Connection, process_id: UUID, key: CounterKey) -> int:
    held = connection.execute(select(LEASES.c.held).where(*_is_lease(process_id, key))).scalar()
    return held or 0


def _leases_of(connection: Connection, process_id: UUID) -> list[CounterKey]:
    columns = (LEASES.c.rule_id, LEASES.c.subject_id, LEASES.c.period_at)
    return [CounterKey(*row) for row in connection.execute(select(*columns).where(LEASES.c.process_id == process_id))]


def _is(key: CounterKey) -> Sequence[ColumnElement[bool]]:
    return [COUNTERS.c[name] == value for name, value in key._asdict().items()]


def _is_lease(process_id: UUID, key: CounterKey) -> Sequence[ColumnElement[bool]]:
    mine = LEASES.c.process_id == process_id
    return [mine, *[LEASES.c[name] == value for name, value in key._asdict().items()]]
