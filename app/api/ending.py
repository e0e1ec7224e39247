"""Mail before admin keys expire: to who made one, if they still belong, and everybody who may make one."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.keys import ending
from app.keys.admin_models import AdminKey
from app.keys.terms import in_words
from app.organisations import queries as organisations
from app.organisations.models import Organisation


def tell_due(session: Session, *, now: datetime) -> int:
    """As ending.tell_due of keys."""
    statement = (
        select(AdminKey, Organisation)
        .where(Organisation.id == AdminKey.organisation_id, col(Organisation.closes_at).is_(None))
        .where(col(AdminKey.revoked_at).is_(None), ending.is_due(col(AdminKey.expires_at), now=now))
        .order_by(col(AdminKey.id))
    )
    told = 0
    for key, organisation in session.exec(statement).all():
        ends_at = key.expires_at
        stage = ending.stage_of(ends_at, made_at=key.created_at, now=now) if ends_at is not None else None
        if ends_at is not None and stage is not None:
            to = organisations.addresses_with(session, organisation.id, "api:write", or_person=key.created_by_id)
            told += ending.tell(session, _of(key, organisation, ends_at, stage), to=to, now=now)
    return told


def _of(key: AdminKey, organisation: Organisation, ends_at: datetime, stage: timedelta) -> ending.Ending:
    return ending.Ending(
        id=key.id,
        organisation=organisation,
        title=f"The admin key “{key.name}” expires {ending.within(stage)}",
        what=f"{key.name} ({key.hint})",
        ends_at=ends_at,
        used=in_words(key.last_used_at),
        consequence="From then on the API refuses whatever program has it. Make another one with the same role and "
        "give it to the program; then revoke this one.",
        path="/organisation/api-keys/",
        label="See admin keys",
        stage=stage,
    )
