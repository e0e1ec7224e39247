"""Giving a key a new secret, with the old one working beside it for as long as was chosen.

The key stays what it is: its id, name, terms, limits, budgets, statistics and history. Only the secret is another, and
those before it are remembered (models.KeySecret). Why so: docs/adr/0022.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.core import crypto
from app.core.errors import Conflict, Invalid, NotFound
from app.keys import lifetimes, models, seen, terms, tokens
from app.keys.models import Key, KeySecret
from app.keys.services import Issued
from app.keys.telling import tell
from app.organisations.models import Organisation

LONGEST_HOURS = 30 * 24
"""Of an overlap, and of the quiet that one may wait for."""
AT_ONCE = 3
"""So many earlier secrets of one key work at the same time, at most."""
PAGE = 500


@dataclass(frozen=True, slots=True)
class Overlap:
    """How long the old secret goes on: `hours` from now, 0 for not at all; or until `quiet_hours` have passed in which
    nobody used it.
    """

    hours: int = 0
    quiet_hours: int | None = None

    @property
    def in_words(self) -> str:
        """“24 hours”, “until it was not used for 6 hours”, “none”."""
        if self.quiet_hours is not None:
            return f"until it was not used for {_hours(self.quiet_hours)}"
        return _hours(self.hours) if self.hours else "none"

    def ends_at(self, now: datetime) -> datetime | None:
        """None where nobody knows yet."""
        return None if self.quiet_hours is not None else now + timedelta(hours=self.hours)


NOW = Overlap()
PRESETS = (NOW, Overlap(hours=1), Overlap(hours=24), Overlap(hours=7 * 24))


def rotate(
    session: Session,
    *,
    key: Key,
    overlap: Overlap,
    brand: str,
    expires_at: datetime | None = None,
    person_id: UUID | None,
    now: datetime,
) -> Issued:
    """Give `key` a new secret, known to every gateway within a second of the commit.

    expires_at: the new end of the key; left out, the one that it has. With Overlap NOW every earlier secret ends, too.
    No overlap goes on for longer than secrets of the organisation live.
    Raises Invalid for an overlap that cannot be meant or an end that the organisation does not allow, Conflict if the
    key is revoked, expired, or has AT_ONCE earlier secrets that still work.
    """
    _check(overlap)
    _refuse_dead(key, now)
    ends_at = expires_at or key.expires_at
    organisation = session.get(Organisation, key.organisation_id)
    if organisation is not None:
        if ends_at is not None and ends_at <= now:
            raise Invalid(f"{terms.in_words(ends_at)} is over. Choose a later moment for the key to expire.")
        lifetimes.check(session, organisation, expires_at=ends_at, made_at=now)
    working = working_secrets(session, key, now=now)
    if overlap == NOW:
        for one in working:
            one.ended_at = now
            session.add(one)
    elif len(working) >= AT_ONCE:
        raise Conflict(f"{AT_ONCE} earlier secrets of “{key.name}” still work. End one of them first.")
    token = tokens.generate(brand, "live" if key.environment == "live" else "test")
    was = key.hint
    retires_at = _retires_at(session, key, overlap, now=now)
    _put_aside(session, key, overlap, retires_at=retires_at, now=now)
    key.prefix, key.last_four, key.digest = token.prefix, token.last_four, crypto.digest(token.secret)
    key.rotated_at = now
    details = {"secret": f"{was} → {key.hint}", "overlap": overlap.in_words}
    if retires_at != overlap.ends_at(now):
        details["overlap"] += f", until {terms.in_words(retires_at)} at most"
    if ends_at != key.expires_at:
        details["expires"] = f"{terms.in_words(key.expires_at)} → {terms.in_words(ends_at)}"
        key.expires_at = ends_at
    tell(session, key=key, action="key.rotated", person_id=person_id, now=now, details=details)
    return Issued(key=key, secret=token.secret)


def end_overlap(session: Session, *, key: Key, secret: KeySecret, person_id: UUID | None, now: datetime) -> None:
    """Stop an earlier secret within a second, before its time. Raises Conflict if it does not work any more."""
    if not secret.works_at(now):
        raise Conflict(f"{secret.hint} does not work any more.")
    secret.ended_at = now
    session.add(secret)
    details = {"secret": secret.hint}
    tell(session, key=key, action="key.secret_ended", person_id=person_id, now=now, details=details)


def secrets_of(session: Session, key: Key, *, limit: int = 20) -> list[KeySecret]:
    """The secrets that a key had before, the last one first."""
    statement = (
        select(KeySecret)
        .where(KeySecret.key_id == key.id)
        .order_by(col(KeySecret.replaced_at).desc(), col(KeySecret.id))
        .limit(limit)
    )
    return list(session.exec(statement))


def hint_at(session: Session, key: Key, moment: datetime) -> str:
    """How pages show the secret that was the key's own at a moment. One before it may have worked beside it then."""
    statement = (
        select(KeySecret)
        .where(KeySecret.key_id == key.id, col(KeySecret.replaced_at) > moment)
        .order_by(col(KeySecret.replaced_at))
        .limit(1)
    )
    earlier = session.exec(statement).first()
    return earlier.hint if earlier is not None else key.hint


def secret_of(session: Session, key: Key, secret_id: UUID) -> KeySecret:
    """Raises NotFound for a secret of another key as for one that never was."""
    secret = session.exec(select(KeySecret).where(KeySecret.id == secret_id, KeySecret.key_id == key.id)).first()
    if secret is None:
        raise NotFound("There is no such secret of this key.")
    return secret


def working_secrets(session: Session, key: Key, *, now: datetime) -> list[KeySecret]:
    """Those that still work beside the current one, the last one first."""
    statement = (
        select(KeySecret)
        .where(KeySecret.key_id == key.id, col(KeySecret.ended_at).is_(None))
        .order_by(col(KeySecret.replaced_at).desc(), col(KeySecret.id))
    )
    return [one for one in session.exec(statement) if one.works_at(now)]


def rotating(session: Session, key_ids: Iterable[UUID], *, now: datetime) -> set[UUID]:
    """Which of these keys have an earlier secret that still works."""
    statement = select(KeySecret).where(col(KeySecret.key_id).in_(list(key_ids)), col(KeySecret.ended_at).is_(None))
    return {one.key_id for one in session.exec(statement) if one.works_at(now)}


def retire_due(session: Session, *, now: datetime) -> int:
    """Write down which earlier secrets have ended: their time is over, or they were not used for long enough.

    A gateway goes by retires_at itself, to the second; quiet is only seen here. Gives how many; for the worker.
    """
    going_on = (
        select(KeySecret, Key)
        .where(Key.id == KeySecret.key_id, col(KeySecret.ended_at).is_(None))
        .order_by(col(KeySecret.id))
        .limit(PAGE)
    )
    retired = 0
    page = session.exec(going_on).all()
    while page:
        for secret, key in page:
            why = "its key was revoked" if key.is_revoked else _why_over(session, secret, now)
            if why:
                secret.ended_at = min(secret.retires_at or now, now)
                session.add(secret)
                details = {"secret": secret.hint, "why": why}
                tell(session, key=key, action="key.secret_retired", person_id=None, now=now, details=details)
                retired += 1
        page = session.exec(going_on.where(col(KeySecret.id) > page[-1][0].id)).all()
    return retired


def _why_over(session: Session, secret: KeySecret, now: datetime) -> str:
    """ "" while it goes on."""
    if not secret.works_at(now):
        return "its time was over"
    if secret.quiet_hours is None:
        return ""
    since = seen.last_use_of(session, secret.key_id, secret.digest) or secret.replaced_at
    if now < max(since, secret.replaced_at) + timedelta(hours=secret.quiet_hours) + seen.LATE:
        return ""
    return f"it was not used for {_hours(secret.quiet_hours)}"


def _retires_at(session: Session, key: Key, overlap: Overlap, *, now: datetime) -> datetime | None:
    """When the secret that the key has now ends at the latest; None for one that only waits for quiet.

    No overlap lets it live longer than its organisation allows. Raises Invalid where that is over already.
    """
    wanted = overlap.ends_at(now)
    latest = None if overlap == NOW else lifetimes.latest(session, key.organisation_id, made_at=key.secret_made_at)
    if latest is None:
        return wanted
    if latest <= now:
        raise Invalid("The secret is older than your organisation lets any live, so it cannot go on. Choose “None”.")
    return latest if wanted is None else min(wanted, latest)


def _put_aside(session: Session, key: Key, overlap: Overlap, *, retires_at: datetime | None, now: datetime) -> None:
    """Remember the secret that the key has now."""
    earlier = KeySecret(
        key_id=key.id,
        digest=key.digest,
        prefix=key.prefix,
        last_four=key.last_four,
        created_at=key.secret_made_at,
        replaced_at=now,
        quiet_hours=overlap.quiet_hours,
        retires_at=retires_at,
        ended_at=now if overlap == NOW else None,
    )
    session.add(earlier)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"“{key.name}” was rotated by somebody else in the same moment.") from None


def _check(overlap: Overlap) -> None:
    hours = overlap.hours if overlap.quiet_hours is None else overlap.quiet_hours
    fewest = 0 if overlap.quiet_hours is None else 1
    if not fewest <= hours <= LONGEST_HOURS:
        raise Invalid(f"Choose from {fewest} to {LONGEST_HOURS} hours.")


def _refuse_dead(key: Key, now: datetime) -> None:
    state = key.state_at(now)
    if state == models.REVOKED:
        raise Conflict(f"“{key.name}” is revoked, which is for good. Make a new key.")
    if state == models.EXPIRED:
        raise Conflict(f"“{key.name}” has expired. Move its expiry first, or make a new key.")


def _hours(hours: int) -> str:
    if hours % 24 == 0:
        return f"{hours // 24} day{'' if hours == 24 else 's'}"
    return f"{hours} hour{'' if hours == 1 else 's'}"
