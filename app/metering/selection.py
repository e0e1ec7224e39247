"""Which calls are asked for and what they are split by: the same names in addresses, pages, files and queries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from app.core import clock, uuids
from app.integrations.models import Integration
from app.keys.models import LIVE, Key
from app.metering import models
from app.organisations.models import Organisation
from app.plans import queries as plans
from app.plans.models import Plan, PlanVersion

INTEGRATION, TOOL, KEY, MEMBER, ENVIRONMENT = "integration", "tool", "key", "member", "environment"
STATUS, ERROR, PLAN = "status", "error", "plan"
WORDS = {
    INTEGRATION: "Integration",
    TOOL: "Tool",
    KEY: "Key",
    MEMBER: "Member",
    ENVIRONMENT: "Environment",
    STATUS: "Status",
    ERROR: "Error class",
    PLAN: "Plan",
}
"""What calls can be filtered and split by."""
FAILED = "failed"
"""A status in addresses: any but “ok”."""
SERVICE = "service"
"""A member in addresses: keys that are nobody's own."""
NOBODYS = UUID(int=0)
"""What stands for an id in addresses that is none."""
NO_PLAN = "none"
NO_ERROR = "none"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an address asks for; "" for all. integration: a slug; tool: “slug/tool”; key: its id; member: a person's id
    or SERVICE; status: one of the ledger's or FAILED; error: a class or NO_ERROR; plan: a slug or NO_PLAN.
    """

    integration: str = ""
    tool: str = ""
    key: str = ""
    member: str = ""
    environment: str = ""
    status: str = ""
    error: str = ""
    plan: str = ""

    @property
    def said(self) -> dict[str, str]:
        """Those that are given, as they stand in an address."""
        return {name: value for name in WORDS if (value := getattr(self, name))}


ALL = Wanted()


@dataclass(frozen=True, slots=True)
class Stay:
    """On which plan an organisation was: from the hour of begins_at until the next one's. slug: NO_PLAN for none."""

    begins_at: datetime
    slug: str


def owner_of() -> Mapped[UUID | None]:
    """Whose a key is; NULL for a service's."""
    return col(Key.owner_id)


def stays_of(session: Session, organisation: Organisation) -> list[Stay]:
    """Oldest first, the first from the beginning of time. By whole hours, as totals are."""
    versions = dict(
        session.execute(select(PlanVersion.id, Plan.slug).join(Plan, col(Plan.id) == col(PlanVersion.plan_id))).all()
    )
    usual = plans.default(session, at=clock.now())
    default = usual.plan.slug if usual is not None else NO_PLAN
    found = [Stay(datetime.min.replace(tzinfo=UTC), default)]
    for one in plans.history(session, organisation.id):
        found.append(Stay(clock.hour_of(one.begins_at), versions.get(one.plan_version_id, NO_PLAN)))
        if one.ends_at is not None:
            found.append(Stay(clock.hour_of(one.ends_at), default))
    return found


def plan_at(moment: ColumnElement[datetime] | Mapped[datetime], stays: Sequence[Stay]) -> ColumnElement[str]:
    """The plan's slug at a moment, as SQL."""
    slug: ColumnElement[str] = sa.literal(stays[0].slug)
    for stay in stays[1:]:
        slug = sa.case((moment >= stay.begins_at, sa.literal(stay.slug)), else_=slug)
    return slug


def conditions(
    wanted: Wanted,
    columns: Any,  # noqa: ANN401  (whatever gives columns by their names)
    *,
    organisation: Organisation,
    moment: ColumnElement[datetime] | Mapped[datetime],
    stays: Sequence[Stay] = (),
) -> list[ColumnElement[bool]]:
    """On a table that has the ledger's names for its columns: hours, days, or the events themselves.

    stays: needed for a plan.
    """
    found = [columns["organisation_id"] == organisation.id]
    slug, _, tool = wanted.tool.partition("/")
    for one in {slug, wanted.integration} - {""}:
        found.append(columns["integration_id"].in_(sa.select(col(Integration.id)).where(col(Integration.slug) == one)))
    if wanted.tool:
        found.append(columns["tool"] == tool)
    if wanted.key:
        found.append(columns["key_id"] == (uuids.read(wanted.key) or NOBODYS))
    if wanted.member or wanted.environment:
        found.append(columns["key_id"].in_(_keys(wanted, organisation)))
    if wanted.status:
        is_ok = columns["status"] == models.OK
        found.append(~is_ok if wanted.status == FAILED else columns["status"] == wanted.status)
    if wanted.error:
        found.append(columns["error_class"] == ("" if wanted.error == NO_ERROR else wanted.error))
    if wanted.plan:
        found.append(plan_at(moment, stays) == wanted.plan)
    return found


def _keys(wanted: Wanted, organisation: Organisation) -> sa.Select[Any]:
    statement: sa.Select[Any] = sa.select(col(Key.id)).where(col(Key.organisation_id) == organisation.id)
    if wanted.member:
        is_its = (
            owner_of().is_(None) if wanted.member == SERVICE else owner_of() == (uuids.read(wanted.member) or NOBODYS)
        )
        statement = statement.where(is_its)
    return statement.where(col(Key.environment) == wanted.environment) if wanted.environment else statement


Columns = Callable[[Any], tuple[Any, ...]]
SPLITS: dict[str, Columns] = {
    INTEGRATION: lambda c: (c["integration_id"],),
    TOOL: lambda c: (c["integration_id"], c["tool"]),
    KEY: lambda c: (c["key_id"],),
    MEMBER: lambda _: (owner_of(),),
    ENVIRONMENT: lambda _: (col(Key.environment),),
    STATUS: lambda c: (c["status"],),
    ERROR: lambda c: (c["error_class"],),
    PLAN: lambda c: (c["plan"],),
}
"""The columns that make a group, of the totals beside their keys."""
OF_KEYS = frozenset({MEMBER, ENVIRONMENT})
ENVIRONMENTS = (LIVE, "test")
