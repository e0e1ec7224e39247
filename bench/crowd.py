"""Ten million calls of a thousand organisations, put straight into the ledger's tables: events and their totals.

The first organisation makes a tenth of all calls, with twenty keys and five tools, in every hour; it is the one whose
pages are measured. Each of the others calls in one hour of eight, with three keys. A few hours are made up call by call
as gateways write them (app/metering/tally.py); the database repeats them for everybody, at other times.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine, Table, text

from app.core import clock, ids
from app.metering import buckets, facets, ledger, models
from app.metering.entry import Entry
from app.metering.prepared import text_of
from app.metering.tally import Tally

ORGANISATIONS = 1_000
DAYS = 90
ONE_HOUR_OF = 8
SHARE_OF_FIRST = 10
TOOLS = ("echo", "search", "summarise", "translate", "large")
ENDS = (*[("ok", "")] * 17, ("tool_error", "unknown_tool"), ("timeout", "timeout"), ("upstream_error", "refused"))
NANOS = 250_000_000
"""What each call that went well costs, by the price that they are charged by."""
VARIANTS = 64
"""Hours that are made up, for each of the two kinds of organisation."""
_MINUTES = 60
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_TABLES = """
CREATE TEMPORARY TABLE crowd_event AS SELECT *, 0 AS slot FROM usage_event WHERE 1 = 0;
CREATE TEMPORARY TABLE crowd_hour AS SELECT * FROM usage_hour WHERE 1 = 0;
CREATE TEMPORARY TABLE crowd_facet AS SELECT * FROM usage_facet WHERE 1 = 0;
CREATE TEMPORARY TABLE crowd_price AS SELECT * FROM usage_day_price WHERE 1 = 0;
CREATE TEMPORARY TABLE crowd_key AS SELECT organisation_id, key_id AS part, key_id FROM usage_hour WHERE 1 = 0;
CREATE TEMPORARY TABLE crowd_minute AS SELECT hour_at, 0 AS slot, hour_at AS at, tool AS receipt FROM usage_hour
    WHERE 1 = 0;
CREATE TEMPORARY TABLE crowd_turn AS SELECT day_at, day_at AS hour_at, organisation_id AS variant, organisation_id,
    integration_id, tool AS mark FROM usage_day WHERE 1 = 0;
CREATE INDEX crowd_event_variant ON crowd_event (organisation_id);
CREATE INDEX crowd_hour_variant ON crowd_hour (organisation_id);
CREATE INDEX crowd_facet_variant ON crowd_facet (organisation_id);
CREATE INDEX crowd_price_variant ON crowd_price (organisation_id);
CREATE INDEX crowd_key_part ON crowd_key (organisation_id, part);
CREATE INDEX crowd_minute_slot ON crowd_minute (hour_at, slot);
CREATE INDEX crowd_turn_day ON crowd_turn (day_at);
"""
"""event, hour, facet, price: those made up; their organisation is the number of the variant, and their keys are numbers
from 1 on (`part`; 0 is nobody's). turn: who makes which of them when; mark: what tells their receipts apart.
"""
_WHOSE = {"organisation_id": "w.organisation_id", "key_id": "k.key_id", "integration_id": "w.integration_id"}


class Owner(NamedTuple):
    """An organisation, its keys, and the integration that it calls."""

    organisation_id: UUID
    keys: Sequence[UUID]
    integration_id: UUID


def fill(engine: Engine, owners: Sequence[Owner], calls: int, *, version_id: UUID, now: datetime) -> None:
    """About so many calls, spread over all of `owners` and 90 days. version_id: of the price."""
    zone = "+00" if engine.dialect.name == "postgresql" else ""
    hours = [clock.hour_of(now) - timedelta(hours=back) for back in reversed(range(DAYS * 24))]
    with engine.connect() as connection:
        put = _Put(connection, zone)
        indexes = _prepare(connection)
        for statement in _TABLES.split(";\n"):
            if statement.strip():
                connection.execute(text(statement))
        of_first = calls / SHARE_OF_FIRST / len(hours)
        of_others = (calls - calls / SHARE_OF_FIRST) / (len(hours) * (len(owners) - 1) / ONE_HOUR_OF)
        put.variants(0, of_first, _Calls(len(owners[0].keys), TOOLS, version_id))
        put.variants(VARIANTS, of_others, _Calls(len(owners[1].keys), TOOLS[:2], version_id))
        put.rows("crowd_key", _keys(owners))
        put.rows("crowd_minute", _minutes(hours, zone))
        put.rows("crowd_turn", _turns(owners, hours, zone))
        for day in sorted({clock.day_of(hour) for hour in hours}):
            put.repeat_day(text_of(day) + zone)
            connection.connection.commit()  # what the driver did, which SQLAlchemy has not seen
        _finish(connection, indexes)


class _Put:
    """Writes on one connection, by its driver: rows as Tally makes them."""

    def __init__(self, connection: Connection, zone: str) -> None:
        self._cursor: Any = connection.connection.cursor()
        self._zone = zone
        self._mark = "%s" if connection.dialect.name == "postgresql" else "?"
        self._days = [statement.replace("@", self._mark) for statement in _repeating()]

    def rows(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        found = list(rows)
        values = ", ".join([self._mark] * len(found[0])) if found else ""
        if found:
            self._cursor.executemany(f"INSERT INTO {table} VALUES ({values})", found)

    def variants(self, first: int, count: float, calls: "_Calls") -> None:
        """VARIANTS hours of `count` calls each, give or take one, from number `first` on."""
        chance = random.Random(5 + first)
        for number in range(first, first + VARIANTS):
            size = int(count) + (chance.random() < count % 1)
            rows = [_row(number, at, calls, chance) for at in range(size)]
            tally = Tally([Entry(row) for row in rows], zone=self._zone)
            self.rows("crowd_event", [(*one, row["at"].minute) for one, row in zip(tally.events, rows, strict=True)])
            self.rows("crowd_hour", tally.hours)
            self.rows("crowd_facet", tally.facets)
            self.rows("crowd_price", tally.day_prices)

    def repeat_day(self, day_at: str) -> None:
        for statement in self._days:
            self._cursor.execute(statement, (day_at,))


class _Calls(NamedTuple):
    """What an organisation chooses from."""

    keys: int
    tools: Sequence[str]
    version_id: UUID


def _row(variant: int, number: int, calls: _Calls, chance: random.Random) -> Any:  # noqa: ANN401  (an EventRow)
    roll = chance.getrandbits(30)
    status, error = ENDS[roll % len(ENDS)]
    is_ok = status == "ok"
    return {
        "id": f"{number:08X}",
        "request_id": "req_",
        "at": _BEGINNING + timedelta(minutes=chance.randrange(_MINUTES)),
        "organisation_id": UUID(int=variant),
        "key_id": UUID(int=1 + chance.randrange(calls.keys)),
        "integration_id": UUID(int=1),
        "tool": calls.tools[chance.randrange(len(calls.tools))],
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
        "price_version_id": calls.version_id,
        "amount_nanos": NANOS if is_ok else 0,
        "currency": "usd",
        "idempotency_digest": "",
    }


def _keys(owners: Sequence[Owner]) -> Iterator[tuple[str, str, str]]:
    for owner in owners:
        for number, key_id in enumerate((facets.NOBODY, *owner.keys)):
            yield owner.organisation_id.hex, UUID(int=number).hex, key_id.hex


def _minutes(hours: Sequence[datetime], zone: str) -> Iterator[tuple[str, int, str, str]]:
    for hour in hours:
        for slot in range(_MINUTES):
            at = hour + timedelta(minutes=slot)
            yield text_of(hour) + zone, slot, text_of(at) + zone, ids.lowest_receipt(at)


def _turns(owners: Sequence[Owner], hours: Sequence[datetime], zone: str) -> Iterator[tuple[str, ...]]:
    """The first owner in every hour, of the others each in one of eight."""
    chance = random.Random(7)
    for count, hour in enumerate(hours):
        day_at, hour_at = text_of(clock.day_of(hour)) + zone, text_of(hour) + zone
        for number in (0, *range(1 + count % ONE_HOUR_OF, len(owners), ONE_HOUR_OF)):
            owner, variant = owners[number], chance.randrange(VARIANTS) + (VARIANTS if number else 0)
            yield (
                *(day_at, hour_at, UUID(int=variant).hex),
                *(owner.organisation_id.hex, owner.integration_id.hex, f"{number:08X}"),
            )


def _repeating() -> list[str]:
    """One statement for each table: what all those who have a turn on the day `@` write."""
    of_event = {**_WHOSE, "id": "m.receipt || w.mark || e.id", "at": "m.at"}
    of_hour = {**_WHOSE, "hour_at": "w.hour_at"}
    of_day = {**_WHOSE, "day_at": "w.day_at"}
    of_facet = {
        **of_day,
        "integration_id": "CASE WHEN e.kind = 'tool' THEN w.integration_id ELSE e.integration_id END",
    }
    minute = ("crowd_minute m", "m.hour_at = w.hour_at AND m.slot = e.slot")
    sums = (*models.SUMS, *buckets.NAMES)
    return [
        _insert(ledger.EVENTS, of_event, "crowd_event", minute),
        _insert(ledger.HOURS, of_hour, "crowd_hour"),
        _insert(ledger.DAYS, of_day, "crowd_hour", sums=sums),
        _insert(ledger.DAY_PRICES, of_day, "crowd_price", sums=ledger.PRICE_SUMS),
        _insert(ledger.FACETS, of_facet, "crowd_facet", sums=sums),
    ]


def _insert(table: Table, said: dict[str, str], of: str, *more: tuple[str, str], sums: Sequence[str] = ()) -> str:
    """said: column to its value, where that is not the one of the row `e` that is repeated. sums: to be added up."""
    values = {column.name: said.get(column.name, f"e.{column.name}") for column in table.columns}
    where = ["w.day_at = @", "e.organisation_id = w.variant"]
    where += ["k.organisation_id = w.organisation_id", "k.part = e.key_id", *[on for _, on in more]]
    tables = ["crowd_turn w", f"{of} e", "crowd_key k", *[name for name, _ in more]]
    place = [value for name, value in values.items() if name not in sums]
    return (
        f"INSERT INTO {table.name} ({', '.join(values)}) "
        f"SELECT {', '.join(f'sum({value})' if name in sums else value for name, value in values.items())} "
        f"FROM {' CROSS JOIN '.join(tables)} WHERE {' AND '.join(where)}"
        + (f" GROUP BY {', '.join(place)}" if sums else "")
    )


def _prepare(connection: Connection) -> list[str]:
    """Take away what is made again when all is there: an index, and the trigger that looks each event up first. Gives
    the statements that make them.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("DROP INDEX ix_usage_event_organisation_id_id"))
        return ["CREATE INDEX ix_usage_event_organisation_id_id ON usage_event (organisation_id, id)"]
    names = {"TRIGGER": "usage_event_refuses_replace", "INDEX": "ix_usage_event_organisation_id_id"}
    named = text("SELECT sql FROM sqlite_master WHERE name = :name")
    found = [connection.execute(named, {"name": name}).scalar_one() for name in names.values()]
    for kind, name in names.items():
        connection.execute(text(f"DROP {kind} {name}"))
    connection.commit()
    connection.execute(text("PRAGMA synchronous=OFF"))
    connection.execute(text("PRAGMA cache_size=-500000"))
    return list(reversed(found))


def _finish(connection: Connection, made_again: Sequence[str]) -> None:
    for statement in made_again:
        connection.exec_driver_sql(statement)
    connection.commit()
    connection.invalidate()  # its settings were for this alone
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as again:
        if again.dialect.name == "postgresql":
            again.execute(text("SET statement_timeout = 0"))
        again.execute(text("VACUUM ANALYZE" if again.dialect.name == "postgresql" else "ANALYZE"))
