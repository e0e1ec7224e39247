"""Ten million calls of a thousand organisations, put straight into the ledger's tables: events, hours and days.

Each organisation calls in one hour of eight, with three keys and two tools; the first of them is the one whose pages
are measured, and has as many calls as any other.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from app.core import clock, ids
from app.metering import ledger
from app.metering.entry import Entry
from app.metering.prepared import Prepared, Values
from app.metering.tally import Tally

ORGANISATIONS = 1_000
DAYS = 90
ONE_HOUR_OF = 8
TOOLS = ("echo", "search")
ENDS = (*[("ok", "")] * 17, ("tool_error", "unknown_tool"), ("timeout", "timeout"), ("upstream_error", "refused"))
_NEXT_DAY = 24

Owner = tuple[UUID, Sequence[UUID], UUID]
"""An organisation, its keys, and the integration that it calls."""


def fill(engine: Engine, owners: Sequence[Owner], calls: int, *, now: datetime) -> None:
    """About so many calls, spread over all of `owners` and 90 days."""
    chance = random.Random(5)
    hours = DAYS * 24
    each = calls / (hours * len(owners) / ONE_HOUR_OF)
    begins_at = clock.hour_of(now) - timedelta(hours=hours - 1)
    put = _to_postgresql if engine.dialect.name == "postgresql" else _to_sqlite
    zone = "+00" if engine.dialect.name == "postgresql" else ""

    def days() -> Iterator[Tally]:
        for day in range(0, hours, _NEXT_DAY):
            entries = []
            for hour in range(day, min(day + _NEXT_DAY, hours)):
                at = begins_at + timedelta(hours=hour)
                for number in range(hour % ONE_HOUR_OF, len(owners), ONE_HOUR_OF):
                    count = int(each) + (chance.random() < each % 1)
                    entries += [Entry(_row(owners[number], at, chance)) for _ in range(count)]
            yield Tally(entries, zone=zone)

    put(engine, days())


def _row(owner: Owner, at: datetime, chance: random.Random) -> Any:  # noqa: ANN401  (an EventRow)
    moment = at + timedelta(microseconds=int(chance.random() * 3_599_000_000))
    roll = chance.getrandbits(30)
    status, error = ENDS[roll % len(ENDS)]
    is_ok = status == "ok"
    return {
        "id": f"{ids.lowest_receipt(moment)}{roll:08X}{chance.getrandbits(32):08X}",
        "request_id": "req_",
        "at": moment,
        "organisation_id": owner[0],
        "key_id": owner[1][roll % len(owner[1])],
        "integration_id": owner[2],
        "tool": TOOLS[(roll >> 5) % len(TOOLS)],
        "status": status,
        "error_class": error,
        "units": int(is_ok),
        "http_status": 200,
        "duration_us": 2_000 + (roll >> 8) % 90_000,
        "upstream_us": 2_000,
        "bytes_in": 300,
        "bytes_out": roll % 4_000,
        "protocol_version": "2025-11-25",
        "credential": "key",
        "environment": "live",
        "tool_version": "",
        "policy_version": 1,
        "rules": "",
        "tokens_in": 0,
        "tokens_out": 0,
        "price_version_id": None,
        "amount_nanos": 250_000_000 if is_ok else 0,
        "currency": "usd",
        "idempotency_digest": "",
    }


def _to_sqlite(engine: Engine, parts: Iterable[Tally]) -> None:
    """Without the trigger that looks each event up first, and with the index made at the end."""
    trigger, index = "usage_event_refuses_replace", "ix_usage_event_organisation_id_id"
    with engine.begin() as connection:
        named = text("SELECT sql FROM sqlite_master WHERE name = :name")
        made = [connection.execute(named, {"name": name}).scalar_one() for name in (trigger, index)]
        connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text(f"DROP INDEX {index}"))
    inserts = ledger.INSERTS["sqlite"]
    days = Prepared(inserts.days, engine.dialect)
    texts = [_plain(ledger.EVENTS.name, len(ledger.EVENTS.c)), _plain(ledger.HOURS.name, len(ledger.HOURS.c))]
    connection = engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    columns = [",".join(column.name for column in table.columns) for table in (ledger.EVENTS, ledger.HOURS)]
    for tally in parts:
        for sql, names, rows in zip(texts, columns, (tally.events, tally.hours), strict=True):
            cursor.executemany(sql.format(columns=names), rows)
        days.run(cursor, tally.days)
        connection.commit()
    cursor.execute("PRAGMA synchronous=FULL")
    connection.close()
    with engine.begin() as again:
        for sql in reversed(made):
            again.execute(text(sql.replace(":", "\\:")))
        again.execute(text("ANALYZE"))


def _plain(table: str, width: int) -> str:
    return f"INSERT INTO {table} ({{columns}}) VALUES ({','.join('?' * width)})"


def _to_postgresql(engine: Engine, parts: Iterable[Tally]) -> None:
    days = Prepared(ledger.INSERTS["postgresql"].days, engine.dialect)
    connection = engine.raw_connection()
    cursor: Any = connection.cursor()
    cursor.execute("SET statement_timeout = 0")
    cursor.execute("DROP INDEX ix_usage_event_organisation_id_id")
    for tally in parts:
        _copy(cursor, ledger.EVENTS, tally.events)
        _copy(cursor, ledger.HOURS, tally.hours)
        days.run(cursor, tally.days)
        connection.commit()
    cursor.execute("CREATE INDEX ix_usage_event_organisation_id_id ON usage_event (organisation_id, id)")
    connection.commit()
    connection.close()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as again:
        again.execute(text("SET statement_timeout = 0"))
        again.execute(text("VACUUM ANALYZE"))


def _copy(cursor: Any, table: Any, rows: Sequence[Values]) -> None:  # noqa: ANN401  (psycopg's own)
    names = ",".join(column.name for column in table.columns)
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        lines = ["\t".join(["\\N" if value is None else str(value) for value in row]) for row in rows]
        copy.write("\n".join(lines) + "\n")
