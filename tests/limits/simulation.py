"""Gateways as far as leases are concerned: what each holds, and the calls it has let in. No threads, no time."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import func, select

from app.limits import leases
from app.limits.holds import CounterKey, Settlement
from app.limits.leases import NotRegistered, Want
from app.limits.settling import COUNTERS, LEASES, Overrun, Settler

NOW = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
MONTH_AT = datetime(2026, 11, 1, tzinfo=UTC)


class Simulated:
    """One gateway process: calls that come in, are answered, fail; and the process itself, which may die."""

    def __init__(self, engine):
        self.engine = engine
        self.settler = Settler(engine.dialect)
        self.begin()

    def begin(self):
        self.id = uuid4()
        self.total = {}
        self.in_flight = []
        with self.engine.begin() as connection:
            leases.register(connection, self.id, now=NOW)

    def free(self, key):
        return self.total.get(key, 0) - sum(call.held for call in self.in_flight if call_key(call) == key)

    def admit(self, key, amounts, *, ahead=0, living=1):
        """Let in as many calls as the lease allows; gives how many."""
        with self.engine.begin() as connection:
            want = Want(key, tuple(amounts), ahead, unit=max(amounts))
            grant = leases.acquire(connection, self.id, [want], living=living, now=NOW)[key]
        self.total[key] = self.total.get(key, 0) + grant.granted
        admitted = 0
        for amount in amounts:
            if self.free(key) >= amount:
                self.in_flight.append(Settlement(*key, self.id, amount, amount))
                admitted += 1
        return admitted

    def answer(self, call, *, used=None, is_owed=False):
        """A call is written down; gives what was charged: 0 when its answer had to be withheld."""
        used = call.held if used is None else used
        self.in_flight.remove(call)
        settlement = call._replace(held=min(used, call.held), used=used)
        if not settle(self.engine, self.settler, settlement, is_owed=is_owed):
            return 0
        if call.process_id == self.id:
            self.total[call_key(call)] -= settlement.held
        return used

    def fail(self, call):
        """It cost nothing: what it held stays in the lease."""
        self.in_flight.remove(call)

    def give_back(self, key):
        amount = self.free(key)
        if amount > 0:
            with self.engine.begin() as connection:
                leases.give_back(connection, self.id, {key: amount}, now=NOW)
            self.total[key] -= amount

    def is_registered(self):
        try:
            with self.engine.begin() as connection:
                leases.beat(connection, self.id, now=NOW)
        except NotRegistered:
            return False
        return True

    def reap(self):
        """Somebody else took it for dead. What it believes to hold is no longer so."""
        with self.engine.begin() as connection:
            leases.retire(connection, self.id, seen_at=leases.processes(connection).get(self.id, NOW))


def call_key(call):
    return CounterKey(*call[:3])


def settle(engine, settler, settlement, *, is_owed=False):
    """In a transaction of the driver's, as the ledger does it; gives whether it was charged."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        settler.run(cursor, [] if is_owed else [settlement], [settlement] if is_owed else [])
        connection.commit()
    except Overrun:
        connection.rollback()
        return False
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.close()
    return True


def counters(engine):
    """key → (most, spent, reserved, what leases add up to)."""
    with engine.connect() as connection:
        held = {
            CounterKey(*row[:3]): int(row[3])
            for row in connection.execute(
                select(LEASES.c.rule_id, LEASES.c.subject_id, LEASES.c.period_at, func.sum(LEASES.c.held)).group_by(
                    LEASES.c.rule_id, LEASES.c.subject_id, LEASES.c.period_at
                )
            )
        }
        return {
            (key := CounterKey(row.rule_id, row.subject_id, row.period_at)): (
                row.most,
                row.spent,
                row.reserved,
                held.get(key, 0),
            )
            for row in connection.execute(select(COUNTERS))
        }
