"""Checking that prices and plans are what they were when they were set."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from sqlalchemy import Connection, select

from app.core import db
from app.core.audit import AuditEntry
from app.plans import pricing, versions
from app.plans.models import Plan, PlanVersion, PriceVersion

ENTRIES = db.metadata.tables[str(AuditEntry.__tablename__)]
VERSIONS = db.metadata.tables[str(PriceVersion.__tablename__)]
PLAN_VERSIONS = db.metadata.tables[str(PlanVersion.__tablename__)]
PLANS = db.metadata.tables[str(Plan.__tablename__)]


def changed(connection: Connection) -> Iterator[PriceVersion]:
    """The versions that do not say what their digest was made of. The database refuses such changes, but whoever owns
    it can lift that.
    """
    for row in connection.execute(select(VERSIONS).order_by(VERSIONS.c.created_at)).mappings():
        version = PriceVersion(**row)
        if version.digest != pricing.digest_of(version):
            yield version


def changed_plans(connection: Connection) -> Iterator[PlanVersion]:
    """The same for versions of plans."""
    slugs = {row.id: row.slug for row in connection.execute(select(PLANS.c.id, PLANS.c.slug))}
    for row in connection.execute(select(PLAN_VERSIONS).order_by(PLAN_VERSIONS.c.created_at)).mappings():
        version = PlanVersion(**row)
        if version.digest != versions.digest_of(slugs.get(version.plan_id, ""), version):
            yield version


def gone(connection: Connection, *, used: Iterable[UUID]) -> list[UUID]:
    """The versions that were set (as the audit trail says) or used, and are there no more; sorted. used: by events."""
    set_ones = select(ENTRIES.c.subject_id).where(ENTRIES.c.action == "price.set", ENTRIES.c.subject_id.is_not(None))
    known = set(connection.execute(select(VERSIONS.c.id)).scalars())
    return sorted({*connection.execute(set_ones).scalars(), *used} - known)
