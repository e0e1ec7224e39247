"""Everything of one organisation in one ZIP: a file of JSON lines for each kind of thing, and one that explains them.

Rows come as they are in the database, a page at a time, without what would open anything: digests of secrets, sealed
secrets. Nothing of what other organisations have, and nothing of people but name, address and role.
"""

import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import IO, Any

from sqlalchemy import Table, select
from sqlmodel import Session

from app.accounts.models import Person
from app.core import db, moments
from app.organisations import members
from app.organisations.models import Organisation

PAGE = 2_000
TABLES = {
    "organisation": "what it is called and since when",
    "former_slug": "slugs that it had",
    "invitation": "whom it invited",
    "api_key": "its keys, revoked ones included; never a secret",
    "admin_key": "its admin keys, revoked ones included; never a secret",
    "leak_find": "where its keys were found in public, and what was done",
    "leak_policy": "what it wants done then",
    "leak_drill": "drills of that",
    "limit_rule": "caps and limits, in force and past",
    "alert_setting": "at which shares of a limit it is warned",
    "limit_alert": "warnings that were sent",
    "use_alert_setting": "which use it calls unusual",
    "use_alert": "unusual use that it was told of",
    "webhook_endpoint": "addresses that are told of events",
    "installation": "integrations that are installed for it alone",
    "subscription": "the plans that it was on, and since when",
    "billing_account": "what is known of it as a customer of Stripe",
    "invoice": "its invoices",
    "credit_note": "what was taken back of them",
    "credit_grant": "prepaid credit that it bought or was given",
    "credit_payment": "payments for credit",
    "auto_top_up": "how credit tops itself up",
    "usage_event": "every metered call",
    "usage_hour": "the same, in hourly totals",
    "usage_month": "and in monthly ones",
    "audit_entry": "who changed what, and when",
}
"""What is in it, by the tables that hold it."""
HIDDEN = frozenset({"digest", "token_digest", "secret", "former", "former_until", "idempotency_digest"})
MEMBERS = "members"


def write(session: Session, *, organisation: Organisation, out: IO[bytes], now: datetime) -> None:
    """Write the ZIP to `out`. Nothing is ever there twice, so its size is bounded by the disk alone."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        with made.open("README.txt", "w") as file:
            file.write(_words(organisation, now).encode())
        _put(made, MEMBERS, _members(session, organisation))
        for name in TABLES:
            _put(made, name, _rows(session, db.metadata.tables[name], organisation))


def _put(made: zipfile.ZipFile, name: str, lines: Iterator[dict[str, Any]]) -> None:
    with made.open(f"{name}.jsonl", "w", force_zip64=True) as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False, default=_plain).encode() + b"\n")


def _rows(session: Session, table: Table, organisation: Organisation) -> Iterator[dict[str, Any]]:
    owner = table.c.id if table.name == "organisation" else table.c.organisation_id
    columns = [column for column in table.columns if column.name not in HIDDEN]
    statement = select(*columns).where(owner == organisation.id).order_by(*table.primary_key.columns)
    for row in session.execute(statement.execution_options(yield_per=PAGE)).mappings():
        yield dict(row)


def _members(session: Session, organisation: Organisation) -> Iterator[dict[str, Any]]:
    offset = 0
    while page := members.of(session, organisation, limit=PAGE, offset=offset):
        yield from (_member(one.person, one.membership.role, one.membership.joined_at) for one in page)
        offset += PAGE


def _member(person: Person, role: str, joined_at: datetime) -> dict[str, Any]:
    return {"id": person.id, "name": person.name, "email": person.email, "role": role, "joined_at": joined_at}


def _words(organisation: Organisation, now: datetime) -> str:
    kinds = {MEMBERS: "the people who belong to it", **TABLES}
    return (
        f"Everything of “{organisation.name}” ({organisation.id}) on {moments.words(now)}.\n\n"
        "Each file has one JSON object to the line. Moments are UTC (ISO 8601). Amounts called “nanos” are in 1e-9 of\n"
        "the currency's smallest unit, all others in that unit. No secret is in it.\n\n"
        + "".join(f"{name}.jsonl: {said}\n" for name, said in kinds.items())
    )


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
