"""Telling the other gateways what this one has let pass, and hearing the same from them, a few times a second.

Nothing is written while this is the only process, or when nothing has changed. Between two exchanges each process
decides by what it knows: n processes together let pass at most what the rule says, and beyond it what n - 1 of them let
pass within one exchange (docs/adr/0010).
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from app.core import db
from app.limits.models import RateShare
from app.limits.rates import Gauge, Heard, Rates, Window
from app.plans import periods

SHARES = db.metadata.tables[str(RateShare.__tablename__)]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_S = periods.LENGTHS[periods.HOUR].total_seconds()


def exchange(engine: Engine, process_id: UUID, rates: Rates) -> Heard:
    """Tell what has changed, hear the others. Where that fails, what could not be told still counts as changed."""
    changed: list[Window | Gauge] = []
    with suppress(IndexError):
        while True:
            one = rates.changed.popleft()
            one.is_changed = False
            changed.append(one)
    try:
        with engine.begin() as connection:
            tell(connection, process_id, changed)
            return hear(connection, process_id)
    except SQLAlchemyError:
        for one in changed:
            one.is_changed = True
            if isinstance(one, Window):
                one.told = 0
            rates.changed.append(one)
        raise


def tell(connection: Connection, process_id: UUID, changed: Sequence[Window | Gauge]) -> None:
    """Write down what this process has let pass in the present windows, and its open streams."""
    told = [one.used if isinstance(one, Window) else one.open for one in changed]
    rows = [
        {
            "process_id": process_id,
            "rule_id": one.rule_id,
            "subject_id": one.subject_id,
            "window_at": _start_of(one),
            "used": used,
        }
        for one, used in zip(changed, told, strict=True)
    ]
    if rows:
        make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        statement = make(SHARES)
        names = ["process_id", "rule_id", "subject_id", "window_at"]
        connection.execute(
            statement.on_conflict_do_update(index_elements=names, set_={"used": statement.excluded.used}), rows
        )
    for one, used in zip(changed, told, strict=True):
        if isinstance(one, Window):
            one.told = used


def hear(connection: Connection, process_id: UUID) -> Heard:
    """What all others have told."""
    statement = select(SHARES.c.rule_id, SHARES.c.subject_id, SHARES.c.window_at, SHARES.c.used).where(
        SHARES.c.process_id != process_id
    )
    heard: Heard = {}
    for row in connection.execute(statement):
        windows = heard.setdefault((row.rule_id, row.subject_id), {})
        at = int(row.window_at.timestamp())
        windows[at] = windows.get(at, 0) + row.used
    return heard


def clear(connection: Connection, process_id: UUID, *, now: datetime) -> None:
    """Delete what this process has told and counts no more."""
    before = datetime.fromtimestamp(now.timestamp() - 2 * LONGEST_S, UTC)
    is_mine = SHARES.c.process_id == process_id
    connection.execute(delete(SHARES).where(is_mine, SHARES.c.window_at < before, SHARES.c.window_at > EPOCH))
    connection.execute(delete(SHARES).where(is_mine, SHARES.c.window_at == EPOCH, SHARES.c.used == 0))


def _start_of(one: Window | Gauge) -> datetime:
    return datetime.fromtimestamp(one.index * one.length_s, UTC) if isinstance(one, Window) else EPOCH
