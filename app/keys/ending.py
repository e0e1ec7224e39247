"""Mail before something stops by itself: a key that expires, and an earlier secret that ends while it is still used.

Each stage is told once, because a mail's key says what ends, when, and which stage it is. Nobody is told of a stage
that had begun before the thing was made: who makes a key for a day knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from app.core import mail
from app.keys import seen
from app.keys.models import Key, KeySecret
from app.keys.seen_models import SecretUse
from app.keys.terms import in_words
from app.organisations import queries as organisations
from app.organisations.models import Organisation

TEMPLATE = "key_ending"
STAGES = (timedelta(days=14), timedelta(days=3), timedelta(days=1))
"""So long before a key expires."""
SECRET_STAGES = (timedelta(days=1), timedelta(hours=2))
"""So long before an earlier secret ends: most overlaps are a day or a week."""
LATELY = timedelta(days=1)
"""A stage that began longer ago is left to the next one. For secrets: what was used since then is still used."""


@dataclass(frozen=True, slots=True)
class Ending:
    """title: a sentence without full stop. what: the name of a row of it, with its hint. used: when it was last, and by
    whom. path, label: where it is prevented. stage: for the mail's key.
    """

    id: UUID
    organisation: Organisation
    title: str
    what: str
    ends_at: datetime
    used: str
    consequence: str
    path: str
    label: str
    stage: timedelta


def tell_due(session: Session, *, now: datetime) -> int:
    """Queue what is due; gives how many mails. Harmless however often it is asked for; for the worker."""
    return _tell_keys(session, now=now) + _tell_secrets(session, now=now)


def tell(session: Session, one: Ending, *, to: Sequence[str], now: datetime) -> int:
    """One ending, to each address once; gives to how many."""
    context: dict[str, mail.Words] = {
        "title": one.title,
        "organisation": one.organisation.name,
        "what": one.what,
        "ends": in_words(one.ends_at),
        "used": one.used,
        "consequence": one.consequence,
        "path": one.path,
        "label": one.label,
    }
    key = f"ending:{one.id}:{one.ends_at:%Y-%m-%dT%H:%M:%S}:{one.stage // timedelta(hours=1)}h"
    return sum(
        mail.queue(
            session,
            to=address,
            template=TEMPLATE,
            context=context,
            key=key,
            now=now,
            organisation_id=one.organisation.id,
        )
        for address in to
    )


def is_due(ends_at: Mapped[datetime | None], *, now: datetime) -> ColumnElement[bool]:
    """Whether one of STAGES began lately."""
    return or_(*[and_(ends_at > now + one - LATELY, ends_at <= now + one) for one in STAGES])


def stage_of(
    ends_at: datetime, *, made_at: datetime, now: datetime, stages: Sequence[timedelta] = STAGES
) -> timedelta | None:
    """The last stage that has begun since it was made; None before the first and once it is over."""
    begun = [one for one in stages if made_at < ends_at - one <= now < ends_at]
    return min(begun, default=None)


def within(stage: timedelta) -> str:
    """“in 14 days”, “within a day”, “within 2 hours”."""
    if stage >= timedelta(days=2):
        return f"in {stage.days} days"
    return "within a day" if stage == timedelta(days=1) else f"within {stage // timedelta(hours=1)} hours"


def _tell_keys(session: Session, *, now: datetime) -> int:
    statement = (
        select(Key, Organisation)
        .where(Organisation.id == Key.organisation_id, col(Organisation.closes_at).is_(None))
        .where(col(Key.revoked_at).is_(None), col(Key.deleted_at).is_(None), col(Key.is_enabled))
        .where(is_due(col(Key.expires_at), now=now))
        .order_by(col(Key.id))
    )
    told = 0
    for key, organisation in session.exec(statement).all():
        ends_at = key.expires_at
        stage = stage_of(ends_at, made_at=key.secret_made_at, now=now) if ends_at is not None else None
        if ends_at is not None and stage is not None:
            told += tell(session, _of_key(key, organisation, ends_at, stage), to=_concerned(session, key), now=now)
    return told


def _of_key(key: Key, organisation: Organisation, ends_at: datetime, stage: timedelta) -> Ending:
    return Ending(
        id=key.id,
        organisation=organisation,
        title=f"The key “{key.name}” expires {within(stage)}",
        what=f"{key.name} ({key.hint})",
        ends_at=ends_at,
        used=_used(key.last_used_at, key.last_address, key.last_client),
        consequence="From then on every call with it is refused. Move its expiry, or give it a new secret that lives "
        "longer and works beside the old one until your programs have it.",
        path=f"/keys/{key.id}/",
        label="Open the key",
        stage=stage,
    )


def _tell_secrets(session: Session, *, now: datetime) -> int:
    statement = (
        select(KeySecret, Key, Organisation)
        .where(Key.id == KeySecret.key_id, Organisation.id == Key.organisation_id)
        .where(col(KeySecret.ended_at).is_(None), col(Organisation.closes_at).is_(None))
        .where(col(Key.revoked_at).is_(None), col(Key.is_enabled))
        .where(col(KeySecret.retires_at) > now, col(KeySecret.retires_at) <= now + max(SECRET_STAGES))
        .order_by(col(KeySecret.id))
    )
    told = 0
    for secret, key, organisation in session.exec(statement).all():
        ends_at = secret.retires_at
        if ends_at is None:
            continue
        stage = stage_of(ends_at, made_at=secret.replaced_at, now=now, stages=SECRET_STAGES)
        use = seen.last_uses_of(session, key.id).get(seen.secret_id(secret.digest))
        if stage is not None and use is not None and use.last_at > max(secret.replaced_at, now - LATELY):
            about = _of_secret(secret, key, organisation, ends_at, used=use, stage=stage)
            told += tell(session, about, to=_concerned(session, key), now=now)
    return told


def _of_secret(
    secret: KeySecret, key: Key, organisation: Organisation, ends_at: datetime, *, used: SecretUse, stage: timedelta
) -> Ending:
    return Ending(
        id=secret.id,
        organisation=organisation,
        title=f"An earlier secret of “{key.name}” is still used and ends {within(stage)}",
        what=f"{key.name}, the secret {secret.hint}",
        ends_at=ends_at,
        used=_used(used.last_at, used.address, used.client),
        consequence="Some program still calls with the secret from before the key was rotated. From then on its calls "
        "are refused: give it the new secret before.",
        path=f"/keys/{key.id}/",
        label="See who still uses it",
        stage=stage,
    )


def _used(at: datetime | None, address: str, client: str) -> str:
    """“2026-11-22 14:03 UTC, from 192.0.2.7, by curl/8.5”, or “Never”."""
    return f"{in_words(at)}{f', from {address}' if address else ''}{f', by {client}' if client else ''}"


def _concerned(session: Session, key: Key) -> list[str]:
    return organisations.addresses_with(session, key.organisation_id, "organisation:write", or_person=key.owner_id)
