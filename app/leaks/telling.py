"""Who is told of a leaked key: its owner, the organisation's owners, and its webhooks. Once for each find."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core import mail, moments
from app.keys.admin_models import AdminKey
from app.keys.models import Key
from app.leaks import models, queries, words
from app.leaks.models import LeakFind
from app.organisations import roles
from app.organisations.models import Membership, Organisation
from app.webhooks import services as webhooks
from app.webhooks.models import KEY_LEAKED

TEMPLATE = "key_leaked"
PAGE = 500
SHOWN_AT_MOST = 20
"""Places in one mail."""
AGAIN_AFTER = timedelta(hours=1)
"""A key that goes on working can be found in a hundred places: the next mail about it waits for so long."""


def tell_due(session: Session, *, now: datetime) -> int:
    """Tell of all finds that nobody was told of; gives how many. For the worker, after what was done is committed."""
    waiting = queries.untold(session, quiet_since=now - AGAIN_AFTER, limit=PAGE)
    for _, finds in groupby(sorted(waiting, key=_subject), key=_subject):
        tell(session, list(finds), now=now)
    return len(waiting)


def tell(session: Session, finds: Sequence[LeakFind], *, only_to: str | None = None, now: datetime) -> int:
    """Tell of finds of one key; gives to how many addresses. only_to: instead of those whom it concerns, for drills."""
    key = _key_of(session, finds[0])
    organisation = session.get_one(Organisation, key.organisation_id)
    finds = sorted(finds, key=lambda one: (one.found_at, one.id))
    about = _letter(key, organisation, finds)
    addresses = _concerned(session, key) if only_to is None else list(filter(None, [only_to]))
    told = 0
    for address in addresses:
        told += mail.queue(
            session,
            to=address,
            template=TEMPLATE,
            context=about,
            key=f"leak:{finds[0].id}",
            now=now,
            organisation_id=organisation.id,
        )
    for find in finds:
        _tell_webhooks(session, find, key, organisation, now=now)
        find.told_at = now
        session.add(find)
    session.flush()
    return told


def _subject(find: LeakFind) -> UUID:
    """The key that was found, of either kind."""
    return find.key_id or find.admin_key_id or find.id


def _key_of(session: Session, find: LeakFind) -> Key | AdminKey:
    if find.admin_key_id is not None:
        return session.get_one(AdminKey, find.admin_key_id)
    return session.get_one(Key, find.key_id)


def _letter(key: Key | AdminKey, organisation: Organisation, finds: Sequence[LeakFind]) -> dict[str, mail.Words]:
    worst = max(finds, key=lambda one: one.did != models.TOLD)
    return {
        "key_name": key.name,
        "is_admin": int(isinstance(key, AdminKey)),
        "hint": worst.hint,
        "organisation": organisation.name,
        "done": words.sentence(worst),
        "is_dead": int(worst.did != models.TOLD),
        "is_drill": int(worst.reporter == models.DRILL),
        "is_hearsay": int(any(one.reporter == models.FORM for one in finds)),
        "places": [_place(one) for one in finds[:SHOWN_AT_MOST]],
        "more": max(0, len(finds) - SHOWN_AT_MOST),
        "found": moments.words(finds[0].found_at),
        "reported_by": words.REPORTERS[worst.reporter],
    }


def _place(find: LeakFind) -> str:
    return f"{words.SOURCES[find.source]}: {find.url}" if find.url else words.SOURCES[find.source]


def _concerned(session: Session, key: Key | AdminKey) -> list[str]:
    """Addresses of the organisation's owners, and of whose key it is and who made it, if they belong to it."""
    its = {key.created_by_id} if isinstance(key, AdminKey) else {key.owner_id, key.created_by_id}
    statement = (
        select(Person.email)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(
            Membership.organisation_id == key.organisation_id,
            or_(
                col(Membership.role) == roles.OWNER,
                col(Membership.person_id).in_([person_id for person_id in its if person_id is not None]),
            ),
        )
    )
    return sorted({address for address in session.exec(statement) if address})


def _tell_webhooks(
    session: Session, find: LeakFind, key: Key | AdminKey, organisation: Organisation, *, now: datetime
) -> None:
    data = {
        "organisation": organisation.slug,
        "words": f"“{key.name}” was found in {_place(find)}. {words.sentence(find)}",
        "key_id": str(find.key_id) if find.key_id is not None else None,
        "admin_key_id": str(find.admin_key_id) if find.admin_key_id is not None else None,
        "key": find.hint,
        "name": key.name,
        "done": find.did,
        "source": find.source,
        "url": find.url,
        "reported_by": find.reporter,
        "found_at": find.found_at.isoformat().replace("+00:00", "Z"),
        "drill": find.reporter == models.DRILL,
    }
    webhooks.tell(session, organisation_id=organisation.id, kind=KEY_LEAKED, data=data, key=f"leak:{find.id}", now=now)
