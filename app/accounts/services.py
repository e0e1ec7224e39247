"""People: coming in with an identity, linking and unlinking identities, ending sessions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, exists, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.accounts import browsers, queries
from app.accounts.models import BrowserSession, Identity, Person, SignInTry
from app.core import audit, db
from app.core.errors import Conflict, NotAllowed, NotFound

TRY_WINDOW = timedelta(minutes=5)
"""Over this time sign-ins per address are counted; the figure is PyPI's (warehouse, config.py)."""


@dataclass(frozen=True)
class Claims:
    """What a provider vouched for, checked. label: how the person would recognise it (a login, an address).
    is_email_doubted: the provider says itself that nobody has confirmed the address. auth_time: when it last asked who
    is there, in seconds since 1970, if it says.
    """

    provider: str
    issuer: str
    subject: str
    name: str
    email: str | None
    label: str
    is_email_doubted: bool = False
    auth_time: int | None = None


@dataclass(frozen=True)
class Entered:
    """Who came in, and whether for the first time."""

    person: Person
    identity: Identity
    is_new: bool


def enter(session: Session, *, claims: Claims, now: datetime) -> Entered:
    """The person whom (issuer, subject) is known to be; a new one if it is known to be nobody.

    An e-mail address identifies no one: the same address at another provider is another person.
    Raises Conflict when the same identity comes in for the first time twice at once.
    """
    identity = queries.identity(session, issuer=claims.issuer, subject=claims.subject)
    if identity is not None:
        identity.last_used_at, identity.label = now, claims.label
        session.add(identity)
        person = session.get_one(Person, identity.person_id)
        _record(session, "person.signed_in", person, identity, now=now)
        return Entered(person=person, identity=identity, is_new=False)
    person = Person(name=claims.name, email=claims.email, created_at=now)
    session.add(person)
    session.flush()
    identity = _attach(session, person=person, claims=claims, now=now)
    _record(session, "person.joined", person, identity, now=now)
    return Entered(person=person, identity=identity, is_new=True)


def confirm(session: Session, *, person: Person, claims: Claims, now: datetime) -> None:
    """Somebody who is signed in has signed in again. Raises NotAllowed where that is somebody else."""
    identity = queries.identity(session, issuer=claims.issuer, subject=claims.subject)
    if identity is None or identity.person_id != person.id:
        raise NotAllowed(f"“{claims.label}” is not {person.name}. Sign in again as who you are here.")
    identity.last_used_at, identity.label = now, claims.label
    session.add(identity)
    _record(session, queries.SIGNED_IN_AGAIN, person, identity, now=now)


def note_failure(
    session: Session, *, provider: str, claims: Claims | None, visitor_id: UUID | None, why: str, now: datetime
) -> bool:
    """Write down for whoever it was meant to be that a sign-in failed: whom the claims are known as, or who is signed
    in in that browser. Gives False, and writes nothing, for a stranger's.
    """
    known = queries.identity(session, issuer=claims.issuer, subject=claims.subject) if claims is not None else None
    person_id = known.person_id if known is not None else visitor_id
    person = session.get(Person, person_id) if person_id is not None else None
    if person is None:
        return False
    audit.acts(person.id, person.name)
    details = {"provider": provider, "why": why.rstrip(".")}
    audit.record(session, action="sign_in.failed", now=now, person_id=person.id, details=details)
    return True


def link(session: Session, *, person: Person, claims: Claims, now: datetime) -> Identity:
    """Let `person`, who is signed in, also come in with another identity.

    Raises Conflict if it already is somebody's way in, their own included.
    """
    known = queries.identity(session, issuer=claims.issuer, subject=claims.subject)
    if known is not None and known.person_id == person.id:
        raise Conflict(f"“{claims.label}” is already linked to your account.")
    if known is not None:
        raise Conflict(
            f"“{claims.label}” already opens another account here, so it cannot be linked to this one. "
            "Sign in with it and unlink it there first."
        )
    identity = _attach(session, person=person, claims=claims, now=now)
    _record(session, "identity.linked", person, identity, now=now)
    return identity


def unlink(session: Session, *, person: Person, identity: Identity, now: datetime) -> None:
    """Stop `identity` from opening the person's account. Raises Conflict for the last one: nobody could come in."""
    session.get(Person, person.id, with_for_update=True)  # two at once must not each leave the other's
    other = aliased(Identity)
    statement = delete(Identity).where(
        col(Identity.id) == identity.id,
        exists().where(col(other.person_id) == person.id, col(other.id) != identity.id),
    )
    if not db.changed_rows(session, statement):
        raise Conflict("This is the only way into your account. Link another one first.")
    _record(session, "identity.unlinked", person, identity, now=now)


def end_session(session: Session, *, person: Person, session_id: UUID | None, now: datetime) -> None:
    """Sign one browser of the person out: whoever holds its cookie is a stranger from now on.

    Raises NotFound if it is not theirs or over already.
    """
    row = session.exec(
        select(BrowserSession).where(
            BrowserSession.id == session_id,
            BrowserSession.person_id == person.id,
            col(BrowserSession.ended_at).is_(None),
        )
    ).first()
    if row is None:
        raise NotFound("That session is over already.")
    row.ended_at, row.data = now, {}
    session.add(row)
    details = {"browser": browsers.in_words(row.user_agent)}
    audit.record(session, action="session.ended", now=now, person_id=person.id, subject_id=row.id, details=details)


def end_all_sessions(
    session: Session, *, person: Person, but: UUID | None = None, through: str = "", now: datetime
) -> int:
    """Sign the person out everywhere, or everywhere but in the session `but`. Returns how many browsers that were.

    through: as in queries.of_kind.
    """
    statement = (
        update(BrowserSession)
        .where(col(BrowserSession.person_id) == person.id, col(BrowserSession.ended_at).is_(None))
        .where(queries.of_kind(through))
        .values(ended_at=now, data={})
    )
    if but is not None:
        statement = statement.where(col(BrowserSession.id) != but)
    ended = db.changed_rows(session, statement)
    audit.record(session, action="sessions.ended", now=now, person_id=person.id, details={"count": str(ended)})
    return ended


def make_operator(session: Session, *, person: Person, now: datetime) -> None:
    """Let the person see the operator's pages. Raises Conflict if they do already."""
    if person.is_operator:
        raise Conflict(f"{person.name} is an operator already.")
    person.is_operator = True
    session.add(person)
    audit.record(session, action="operator.added", now=now, subject_id=person.id, details={"name": person.name})


def remove_operator(session: Session, *, person: Person, now: datetime) -> None:
    """Take the operator's pages away again. Raises Conflict if they do not see them."""
    if not person.is_operator:
        raise Conflict(f"{person.name} is no operator.")
    person.is_operator = False
    session.add(person)
    audit.record(session, action="operator.removed", now=now, subject_id=person.id)


def count_try(session: Session, *, address_digest: str, now: datetime) -> tuple[int, datetime]:
    """Count one more try of this address, whatever becomes of it.

    Returns how many it made in the current window, this one included, and when the window ends. The windows are fixed:
    over the edge of one an address may try twice as often, which is what one row per address costs.
    """
    length_s = int(TRY_WINDOW.total_seconds())
    window_at = datetime.fromtimestamp(int(now.timestamp()) // length_s * length_s, UTC)
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = (
        dialect.insert(SignInTry)
        .values(address_digest=address_digest, window_at=window_at, tries=1)
        .on_conflict_do_update(index_elements=["address_digest", "window_at"], set_={"tries": SignInTry.tries + 1})
        .returning(col(SignInTry.tries))
    )
    return session.execute(statement).scalar_one(), window_at + TRY_WINDOW


def forget_sessions(session: Session, *, idle: timedelta, absolute: timedelta, now: datetime) -> int:
    """Delete sessions that are over, with windows of tries that are. Returns how many rows that were."""
    over = delete(BrowserSession).where(
        or_(
            col(BrowserSession.ended_at).is_not(None),
            col(BrowserSession.last_seen_at) <= now - idle,
            col(BrowserSession.created_at) <= now - absolute,
            and_(
                col(BrowserSession.person_id).is_(None),
                col(BrowserSession.created_at) <= now - timedelta(minutes=queries.SIGN_IN_MINUTES),
            ),
        )
    )
    past = delete(SignInTry).where(col(SignInTry.window_at) <= now - TRY_WINDOW)
    return sum(db.changed_rows(session, statement) for statement in (over, past))


def _attach(session: Session, *, person: Person, claims: Claims, now: datetime) -> Identity:
    identity = Identity(
        person_id=person.id,
        provider=claims.provider,
        issuer=claims.issuer,
        subject=claims.subject,
        label=claims.label,
        linked_at=now,
        last_used_at=now,
    )
    session.add(identity)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("This account came in a second time at the same moment. Try again.") from None
    return identity


def _record(session: Session, action: str, person: Person, identity: Identity, *, now: datetime) -> None:
    """What a person did by, or with, one of their ways in."""
    audit.acts(person.id, person.name)
    details = {"provider": identity.provider, "label": identity.label}
    audit.record(session, action=action, now=now, person_id=person.id, subject_id=identity.id, details=details)
