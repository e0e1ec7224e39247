"""Keys that are used from a new country or by a new client, as gateways saw them (app/keys/seen_models.py).

What a key was ever seen with is kept (models.KnownPlace), because of sightings only the newest are. A key's first day
alerts nobody: whatever it is used by then belongs to it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.keys.models import Key
from app.keys.seen_models import VIA, KeySighting
from app.unusual import clients, rules
from app.unusual.found import Found
from app.unusual.models import KnownPlace, UseAlert
from app.unusual.rules import CLIENT, Choice

LOOKED_BACK = timedelta(hours=1)
"""Gateways write down within seconds what they see; longer if the database is away."""
TOLD_A_DAY = 5
"""Of one key: what changes its name with every call does not fill mailboxes. The rest is listed."""


class Place(NamedTuple):
    """name: what it is known by; words: what it is called in a sentence. along: another that is known with it."""

    name: str
    words: str
    along: str = ""


Read = Callable[[KeySighting], Place | None]
"""The place of a sighting; None where it cannot be told."""


def by_client(sighting: KeySighting) -> Place | None:
    """Which program it was. Along with it the library that carries it is known, which it may be seen as next time."""
    said, _, carrier = sighting.client.partition(VIA)
    product = clients.product(said)
    return Place(product, clients.in_words(product), along=clients.product(carrier))


def look(
    session: Session, choices: Mapping[UUID, Choice], readers: Mapping[str, Read], *, now: datetime
) -> list[Found]:
    """What is new, and is known from now on. readers: by kind of place."""
    since = now - LOOKED_BACK
    fresh = select(KeySighting.key_id).where(col(KeySighting.last_at) >= since, col(KeySighting.first_at) >= since)
    keys = {key.id: key for key in session.exec(select(Key).where(col(Key.id).in_(fresh)))}
    if not keys:
        return []
    sightings = _sightings(session, keys)
    known = _known(session, keys)
    found = []
    for key_id, key in sorted(keys.items()):
        for kind, read in readers.items():
            wanted = choices.get(key.organisation_id, rules.USUAL).has(kind)
            for one, place in _new(session, sightings[key_id], kind, read, known.get((key_id, kind), {})):
                if wanted and one.first_at >= since:
                    found.append(_found(key, kind, place, one))
    return _bounded(session, found, since=now - timedelta(days=1)) if found else []


def _bounded(session: Session, found: Sequence[Found], *, since: datetime) -> list[Found]:
    """The same, with what is beyond TOLD_A_DAY only to be listed."""
    told = _told(session, [one.key_id for one in found if one.key_id is not None], since=since)
    bounded = []
    for one in found:
        told[one.key_id] = told.get(one.key_id, 0) + 1
        bounded.append(replace(one, is_told=told[one.key_id] <= TOLD_A_DAY))
    return bounded


def _new(
    session: Session, sightings: Iterable[KeySighting], kind: str, read: Read, known: dict[str, datetime]
) -> list[tuple[KeySighting, Place]]:
    """Sightings, oldest first, of places that were not known and are from now on; without those of the first day."""
    found = []
    settled_at = min(known.values()) + rules.SETTLED_AFTER if known else None
    for one in sightings:
        place = read(one)
        if place is None:
            continue
        if place.along and place.along not in known:
            known[place.along] = one.first_at
            _remember(session, one, kind, place.along)
        if place.name in known:
            continue
        known[place.name] = one.first_at
        is_ours = _remember(session, one, kind, place.name)
        settled_at = settled_at or one.first_at + rules.SETTLED_AFTER
        if is_ours and one.first_at >= settled_at:
            found.append((one, place))
    return found


def _remember(session: Session, sighting: KeySighting, kind: str, place: str) -> bool:
    """False if another worker was faster."""
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {"key_id": sighting.key_id, "kind": kind, "place": place, "first_at": sighting.first_at}
    statement = make(KnownPlace).values(**row).on_conflict_do_nothing()
    return session.execute(statement.returning(col(KnownPlace.place))).first() is not None


def _found(key: Key, kind: str, place: Place, one: KeySighting) -> Found:
    new = "by a new client" if kind == CLIENT else "from a new country"
    return Found(
        organisation_id=key.organisation_id,
        rule=kind,
        key=f"{kind} {key.id} {place.name}",
        words=f"The key “{key.name}” was used {new}: {place.words}, from {one.address or 'an unknown address'}.",
        began_at=one.first_at,
        about=f"{key.id} {place.name}",
        key_id=key.id,
        place=place.name,
    )


def _sightings(session: Session, key_ids: Iterable[UUID]) -> dict[UUID, list[KeySighting]]:
    """Oldest first."""
    statement = select(KeySighting).where(col(KeySighting.key_id).in_(list(key_ids)))
    found: dict[UUID, list[KeySighting]] = {}
    for one in session.exec(statement.order_by(col(KeySighting.first_at), KeySighting.address, KeySighting.client)):
        found.setdefault(one.key_id, []).append(one)
    return found


def _known(session: Session, key_ids: Iterable[UUID]) -> dict[tuple[UUID, str], dict[str, datetime]]:
    """By key and kind: since when each place is known."""
    found: dict[tuple[UUID, str], dict[str, datetime]] = {}
    for one in session.exec(select(KnownPlace).where(col(KnownPlace.key_id).in_(list(key_ids)))):
        found.setdefault((one.key_id, one.kind), {})[one.place] = one.first_at
    return found


def _told(session: Session, key_ids: Iterable[UUID], *, since: datetime) -> dict[UUID | None, int]:
    """How many alerts about places each key has had lately."""
    statement = (
        select(UseAlert.key_id, func.count())
        .where(col(UseAlert.key_id).in_(list(key_ids)), col(UseAlert.rule).in_(rules.PLACES), col(UseAlert.at) >= since)
        .group_by(col(UseAlert.key_id))
    )
    return dict(session.exec(statement).all())
