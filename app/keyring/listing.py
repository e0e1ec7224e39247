"""The list of an organisation's keys: what is asked of it in the address, and what each row shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, func
from sqlmodel import Session, col, select

from app.core import uuids
from app.keys import lifetimes, models, owners, rotation
from app.keys.models import Key, KeySecret
from app.limits import models as limits
from app.limits.models import LimitRule
from app.metering import by_key
from app.metering.by_key import KeyDay
from app.metering.facets import BY_KEY
from app.metering.models import UsageFacet
from app.organisations.models import Organisation
from app.plans import periods
from app.web import charts
from app.web.charts import Sparkline

Condition = SQLColumnExpression[bool]

SPARK_DAYS = 14
EXPIRING = "expiring"
ROTATING = "rotating"
STATES = {
    models.LIVE: "Live",
    EXPIRING: "Expires soon",
    ROTATING: "Rotating",
    models.DISABLED: "Disabled",
    models.EXPIRED: "Expired",
    models.REVOKED: "Revoked",
}
"""With what they are called. A key that expires soon or is being rotated is live, too."""
TONES = {
    models.LIVE: "ok",
    EXPIRING: "warn",
    ROTATING: "ok",
    models.DISABLED: "warn",
    models.EXPIRED: "danger",
    models.REVOKED: "danger",
}
SERVICES = "services"
"""As an owner: keys that are no person's."""
SORTS = {"name": "Name", "created": "Created", "used": "Last used", "spend": "Spent", "expires": "Expires"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address says. state, environment: "" for any. owner: "", SERVICES or a person's id. sort: of SORTS, with
    “-” before it for the largest or newest first.
    """

    q: str = ""
    state: str = ""
    environment: str = ""
    owner: str = ""
    sort: str = "-created"

    @classmethod
    def of(cls, args: Mapping[str, str]) -> "Asked":
        """What makes no sense is left out."""
        sort, owner = args.get("sort", ""), args.get("owner", "")
        return cls(
            q=args.get("q", "").strip()[:80],
            state=args.get("state", "") if args.get("state") in STATES else "",
            environment=args.get("environment", "") if args.get("environment") in ("live", "test") else "",
            owner=owner if owner == SERVICES or uuids.read(owner) else "",
            sort=sort if sort.removeprefix("-") in SORTS else "-created",
        )

    def link(self, **other: str) -> dict[str, str]:
        """The same with something changed, for an address: only what is not as usual."""
        said = {"q": self.q, "state": self.state, "environment": self.environment, "owner": self.owner}
        said["sort"] = self.sort if self.sort != "-created" else ""
        return {name: value for name, value in (said | other).items() if value}

    @property
    def is_narrowed(self) -> bool:
        """Whether keys may be missing from the list because of it."""
        return bool(self.q or self.state or self.environment or self.owner)


@dataclass(frozen=True, slots=True)
class Row:
    """A key in the list. state: of STATES. spent_nanos: this month; cap_nanos: of the key's own lowest cap on a month,
    None without one. calls: in the days of `spark`.
    """

    key: Key
    state: str
    owner: str
    spent_nanos: int
    cap_nanos: int | None
    calls: int
    spark: Sparkline

    @property
    def percent(self) -> int:
        """Of the cap that is used; 0 without one."""
        return (
            min(100 * self.spent_nanos // self.cap_nanos, 999) if self.cap_nanos else 100 if self.cap_nanos == 0 else 0
        )


def keys(
    session: Session, organisation: Organisation, asked: Asked, *, now: datetime, limit: int, offset: int
) -> list[Key]:
    """The keys that fit, in the order asked for."""
    statement = sa.select(Key).where(col(Key.organisation_id) == organisation.id, col(Key.deleted_at).is_(None))
    statement = statement.where(*conditions(asked, now))
    ordered = _ordered(statement, organisation, asked.sort, now)
    return list(session.execute(ordered.limit(limit).offset(offset)).scalars())


def rows(session: Session, organisation: Organisation, found: Sequence[Key], *, now: datetime) -> list[Row]:
    """One query for each kind of thing, however many keys there are."""
    ids = [key.id for key in found]
    tomorrow = periods.end_of(periods.DAY, periods.start_of(periods.DAY, now))
    month_at = periods.start_of(periods.MONTH, now)
    since = min(month_at, tomorrow - timedelta(days=SPARK_DAYS))
    days = by_key.days_of(session, organisation, ids, since=since, until=tomorrow)
    names, caps = owners.names_of(session, found), _caps(session, ids)
    rotating = rotation.rotating(session, ids, now=now)
    return [
        _row(
            key,
            days[key.id],
            month_at=month_at,
            owner=names[key.id],
            cap=caps.get(key.id),
            is_rotating=key.id in rotating,
            now=now,
        )
        for key in found
    ]


def state_of(key: Key, *, is_rotating: bool, now: datetime) -> str:
    """Of STATES, the one that matters most."""
    state = key.state_at(now)
    if state != models.LIVE:
        return state
    if key.expires_at is not None and key.expires_at <= now + lifetimes.SOON:
        return EXPIRING
    return ROTATING if is_rotating else state


def _row(
    key: Key, days: list[KeyDay], *, month_at: datetime, owner: str, cap: int | None, is_rotating: bool, now: datetime
) -> Row:
    lately = [day.calls for day in days[-SPARK_DAYS:]]
    return Row(
        key=key,
        state=state_of(key, is_rotating=is_rotating, now=now),
        owner=owner,
        spent_nanos=sum(day.amount_nanos for day in days if day.day >= month_at.date()),
        cap_nanos=cap,
        calls=sum(lately),
        spark=charts.sparkline(lately),
    )


def _caps(session: Session, key_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The lowest cap on a month of each key that has one of its own."""
    statement = (
        select(LimitRule.key_id, func.min(LimitRule.most))
        .where(col(LimitRule.key_id).in_(key_ids), LimitRule.measure == limits.SPEND)
        .where(LimitRule.period == periods.MONTH, col(LimitRule.integration_id).is_(None))
        .group_by(col(LimitRule.key_id))
    )
    return {key_id: int(most) for key_id, most in session.exec(statement) if key_id is not None} if key_ids else {}


def conditions(asked: Asked, now: datetime) -> list[Condition]:
    """What a key has to be to be in the list."""
    found: list[Condition] = []
    if asked.q:
        said = asked.q.partition("…")[0].lower()
        like = f"%{said.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
        places = (func.lower(Key.name), func.lower(Key.prefix), func.lower(Key.service))
        found.append(sa.or_(*[place.like(like, escape="!") for place in places]))
    if asked.environment:
        found.append(col(Key.environment) == asked.environment)
    if asked.owner:
        found.append(col(Key.owner_id).is_(None) if asked.owner == SERVICES else col(Key.owner_id) == UUID(asked.owner))
    return found + (_in_state(asked.state, now) if asked.state else [])


def _in_state(state: str, now: datetime) -> list[Condition]:
    is_revoked, is_over = col(Key.revoked_at).is_not(None), col(Key.expires_at) <= now
    if state == models.REVOKED:
        return [is_revoked]
    lives_on: list[Condition] = [~is_revoked, sa.or_(col(Key.expires_at).is_(None), col(Key.expires_at) > now)]
    if state == models.EXPIRED:
        return [~is_revoked, is_over]
    if state == models.DISABLED:
        return [*lives_on, ~col(Key.is_enabled)]
    live: list[Condition] = [*lives_on, col(Key.is_enabled)]
    if state == EXPIRING:
        live.append(col(Key.expires_at) <= now + lifetimes.SOON)
    if state == ROTATING:
        live.append(_has_earlier(now))
    return live


def _has_earlier(now: datetime) -> ColumnElement[bool]:
    return sa.exists().where(
        col(KeySecret.key_id) == col(Key.id),
        col(KeySecret.ended_at).is_(None),
        sa.or_(col(KeySecret.retires_at).is_(None), col(KeySecret.retires_at) > now),
    )


def _ordered(statement: Select[Any], organisation: Organisation, sort: str, now: datetime) -> Select[Any]:
    """Revoked keys last, whatever the order; what has nothing to sort by comes after what has."""
    name, is_down = sort.removeprefix("-"), sort.startswith("-")
    column: SQLColumnExpression[Any]
    if name == "spend":
        statement, column = _with_spend(statement, organisation, now)
    else:
        columns: dict[str, SQLColumnExpression[Any]] = {
            "name": func.lower(Key.name),
            "used": col(Key.last_used_at),
            "expires": col(Key.expires_at),
        }
        column = columns.get(name, col(Key.created_at))
    first = [col(Key.revoked_at).is_not(None)] if name != "name" else []
    ordered: Select[Any] = statement.order_by(
        *first, column.is_(None), column.desc() if is_down else column, col(Key.id)
    )
    return ordered


def _with_spend(
    statement: Select[Any], organisation: Organisation, now: datetime
) -> tuple[Select[Any], ColumnElement[Any]]:
    spent = (
        sa.select(col(UsageFacet.key_id), func.sum(UsageFacet.amount_nanos).label("nanos"))
        .where(col(UsageFacet.organisation_id) == organisation.id, col(UsageFacet.kind) == BY_KEY)
        .where(col(UsageFacet.day_at) >= periods.start_of(periods.MONTH, now))
        .group_by(col(UsageFacet.key_id))
        .subquery()
    )
    return statement.outerjoin(spent, spent.c.key_id == col(Key.id)), func.coalesce(spent.c.nanos, 0)
