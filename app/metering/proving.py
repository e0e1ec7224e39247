"""Looking at the whole ledger as it is at one moment, while gateways go on writing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from app.core import db
from app.metering import signing, verification
from app.metering.ledger import EVENTS
from app.metering.proof_models import SigningKey
from app.metering.verification import Finding

KEYS = db.metadata.tables[str(SigningKey.__tablename__)]


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment, however long it reads, and that can write nothing."""
    with engine.connect() as connection:
        is_sqlite = engine.dialect.name == "sqlite"
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.exec_driver_sql("BEGIN")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        try:
            yield connection
        finally:
            connection.rollback()
            if is_sqlite:
                connection.exec_driver_sql("PRAGMA query_only=OFF")


def keys_in(connection: Connection) -> dict[str, bytes]:
    """The public keys that the database holds, by id."""
    found = connection.execute(select(KEYS.c.id, KEYS.c.public))
    return {key_id: signing.decoded(public) for key_id, public in found}


def contradiction(connection: Connection, said: Mapping[str, Any]) -> str:
    """How the ledger contradicts what a genuine receipt says; "" when it does not."""
    event = connection.execute(select(EVENTS).where(EVENTS.c.id == said["id"])).mappings().first()
    if event is None:
        return "the ledger does not hold its call: it was dropped, or waits on a gateway's disk."
    facts = {name: event[name] for name in ("tool", "environment", "status", "units", "amount_nanos", "currency")}
    facts["organisation"], facts["key"] = str(event["organisation_id"]), str(event["key_id"])
    if said["month"] is None and facts["amount_nanos"] < said["amount_nanos"]:
        del facts["amount_nanos"]  # signed while the database was away, when only its ceiling was known
    differing = [name for name, value in facts.items() if said[name] != value]
    return f"the ledger says otherwise about: {', '.join(differing)}." if differing else ""


def prices_used(connection: Connection) -> set[UUID]:
    """The price versions by which any event was charged."""
    named = select(EVENTS.c.price_version_id).where(EVENTS.c.price_version_id.is_not(None)).distinct()
    return set(connection.execute(named).scalars())


def everything_wrong(
    connection: Connection,
    *,
    unsealed_before: datetime,
    organisation_ids: list[UUID] | None = None,
    keys: Mapping[str, bytes] | None = None,
) -> Iterator[Finding]:
    """What is wrong with the ledgers of these organisations, or of all.

    keys: public keys that were kept elsewhere; the database's own if left out.
    """
    known = keys if keys is not None else keys_in(connection)
    for organisation_id in verification.everybody(connection) if organisation_ids is None else organisation_ids:
        yield from verification.check(connection, organisation_id, keys=known, unsealed_before=unsealed_before)
