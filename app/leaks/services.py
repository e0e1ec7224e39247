"""What becomes of a key that leaked: done as its organisation chose, and written down. Nothing here tells people: that
is telling.py, once what was done is committed.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from app.core import audit, crypto
from app.core.errors import Conflict, Invalid
from app.keys import admin_keys, admin_models, lookup, rotation
from app.keys import models as key_models
from app.keys import services as keys
from app.keys.admin_models import AdminKey
from app.keys.lookup import Match
from app.keys.models import Key, KeySecret
from app.leaks import models, queries, words
from app.leaks.models import LeakDrill, LeakFind, LeakPolicy, LeakUnknown
from app.leaks.reports import Report
from app.organisations import recording
from app.organisations.models import Organisation

KeyOrAdminKey = TypeVar("KeyOrAdminKey", Key, AdminKey)


class Taken(NamedTuple):
    """is_ours: of each report, in order. finds: what is new."""

    is_ours: list[bool]
    finds: list[LeakFind]


def take_in(session: Session, reports: Sequence[Report], *, reporter: str, now: datetime) -> Taken:
    """Do with each key what its organisation chose; a find that was reported before changes nothing.

    reporter: GITHUB, FORM or DRILL of models.py. Commit it before anybody is told. Of tokens that are no key of ours,
    only how many there were is kept.
    """
    matches = lookup.by_digests(session, {digest for one in reports if (digest := one.digest) is not None})
    found = [matches.get(one.digest or "") for one in reports]
    held: dict[UUID, Key | AdminKey] = {
        **_locked(session, Key, {match.key_id for match in matches.values() if not match.is_admin}),
        **_locked(session, AdminKey, {match.key_id for match in matches.values() if match.is_admin}),
    }
    finds = []
    for report, match in zip(reports, found, strict=True):
        key = held.get(match.key_id) if match else None
        if match and key and (find := _noted(session, report, match, key, reporter=reporter, now=now)):
            _act(session, find, key, report, now=now)
            finds.append(find)
    _count(session, Counter(one.source for one, match in zip(reports, found, strict=True) if match is None), now=now)
    return Taken([match is not None for match in found], finds)


def choose(session: Session, *, organisation: Organisation, act: str, person_id: UUID | None, now: datetime) -> None:
    """What is to be done with keys that leak from now on. Raises Invalid, and Conflict if it is so already."""
    if act not in words.POLICIES:
        raise Invalid("Choose what is to happen with a key that leaked.")
    was = queries.act_of(session, organisation.id)
    if act == was:
        raise Conflict("That is what happens already.")
    policy = session.get(LeakPolicy, organisation.id) or LeakPolicy(
        organisation_id=organisation.id, act=act, chosen_at=now
    )
    policy.act, policy.chosen_at = act, now
    session.add(policy)
    change = {"leaked keys": f"{words.POLICIES[was]} → {words.POLICIES[act]}"}
    recording.record(session, organisation, "leak_policy.changed", change, person_id=person_id, now=now)


def forget(session: Session, organisation: Organisation) -> None:
    """Where its keys were found, its drills and its choice are kept no longer: it is being deleted."""
    for table in (LeakFind, LeakDrill, LeakPolicy):
        session.execute(delete(table).where(col(table.organisation_id) == organisation.id))


def _locked(session: Session, table: type[KeyOrAdminKey], key_ids: set[UUID]) -> dict[UUID, KeyOrAdminKey]:
    """All of them at once and in one order, before anything else is locked: several reports may be under way."""
    if not key_ids:
        return {}
    statement = select(table).where(col(table.id).in_(key_ids)).order_by(col(table.id)).with_for_update()
    return {key.id: key for key in session.exec(statement, execution_options={"populate_existing": True})}


def _noted(
    session: Session, report: Report, match: Match, key: Key | AdminKey, *, reporter: str, now: datetime
) -> LeakFind | None:
    """The new row; None if this find is known. Whoever writes the row acts, so that nobody acts twice."""
    row = {
        "id": uuid4(),
        "organisation_id": key.organisation_id,
        "key_id": None if match.is_admin else key.id,
        "admin_key_id": key.id if match.is_admin else None,
        "hint": match.hint,
        "source": report.source,
        "url": report.place,
        "place": crypto.digest("\0".join((match.hint, reporter, report.source, report.place))),
        "reporter": reporter,
        "did": "",
        "is_alarm": False,
        "found_at": now,
    }
    once = ["admin_key_id" if match.is_admin else "key_id", "place"]
    statement = _insert(session, LeakFind).values(**row).on_conflict_do_nothing(index_elements=once)
    is_new = session.execute(statement.returning(col(LeakFind.id))).first() is not None
    return session.get(LeakFind, row["id"]) if is_new else None


def _act(session: Session, find: LeakFind, key: Key | AdminKey, report: Report, *, now: datetime) -> None:
    """Stop the key, or leave it; written down either way."""
    session.refresh(key)  # SQLite locks nothing before the first write
    if isinstance(key, AdminKey):
        find.did = _done_with_admin_key(session, key, now=now)
    else:
        find.did = _done(session, key, find, _earlier(session, key, report), now=now)
    find.is_alarm = find.did not in (models.TEST, models.DEAD)
    session.add(find)
    audit.record(
        session,
        action="admin_key.leaked" if isinstance(key, AdminKey) else "key.leaked",
        now=now,
        organisation_id=key.organisation_id,
        subject_id=key.id,
        details={
            "name": key.name,
            "key": find.hint,
            "source": words.SOURCES[find.source],
            "address": find.url[:300],
            "reported by": words.REPORTERS[find.reporter],
            "done": words.DONE[find.did],
        },
    )
    session.flush()


def _earlier(session: Session, key: Key, report: Report) -> KeySecret | None:
    """The secret that was found, if it is not the key's own any more: asked only now that nobody else can rotate it."""
    if key.digest == report.digest:
        return None
    statement = select(KeySecret).where(KeySecret.key_id == key.id, KeySecret.digest == report.digest)
    return session.exec(statement, execution_options={"populate_existing": True}).one()


def _done(session: Session, key: Key, find: LeakFind, earlier: KeySecret | None, *, now: datetime) -> str:
    if key.is_revoked or (earlier is not None and not earlier.works_at(now)):
        return models.DEAD
    if key.environment == "test" and find.reporter != models.DRILL:
        return models.TEST
    act = queries.act_of(session, key.organisation_id)
    if act == models.NOTIFY:
        return models.TOLD if key.state_at(now) == key_models.LIVE else models.DEAD
    if earlier is not None:
        rotation.end_overlap(session, key=key, secret=earlier, person_id=None, now=now)
        return models.ENDED
    if act == models.REVOKE:
        keys.revoke(session, key=key, person_id=None, now=now)
        return models.REVOKED
    return _quarantined(session, key, find, now=now)


def _done_with_admin_key(session: Session, key: AdminKey, *, now: datetime) -> str:
    """There is no switching it off: whoever wants keys disabled has it revoked, and makes another."""
    if key.state_at(now) != admin_models.LIVE:
        return models.DEAD
    if queries.act_of(session, key.organisation_id) == models.NOTIFY:
        return models.TOLD
    admin_keys.revoke(session, key=key, person_id=None, now=now)
    return models.REVOKED


def _quarantined(session: Session, key: Key, find: LeakFind, *, now: datetime) -> str:
    """A key that is off already is marked, so that whoever enables it knows."""
    note = f"Found in {words.SOURCES[find.source]}."
    if key.is_enabled:
        keys.disable(session, key=key, reason=key_models.LEAK, note=note, person_id=None, now=now)
    elif key.disabled_reason:
        return models.DEAD
    else:
        key.disabled_reason, key.disabled_note = key_models.LEAK, note
        session.add(key)
    return models.DISABLED


def _count(session: Session, unknown: Counter[str], *, now: datetime) -> None:
    for source, count in sorted(unknown.items()):
        statement = _insert(session, LeakUnknown).values(source=source, count=count, last_at=now)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["source"], set_={"count": col(LeakUnknown.count) + count, "last_at": now}
            )
        )


def _insert(session: Session, table: type[SQLModel]) -> sqlite.Insert | postgresql.Insert:
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return make(table)
