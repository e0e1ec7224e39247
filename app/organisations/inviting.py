"""Inviting people by mail, for one of them, or by a link, for several; and taking invitations back.

The token is random, 256 bits, shown once or sent once, and kept as a digest. Whoever has it may join with whatever
account they sign in with: an address proves nobody's identity here (docs/adr/0006).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core import audit, config_mail, crypto, mail, mail_kinds
from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from app.organisations import members, queries, roles
from app.organisations.acting import Actor
from app.organisations.invitation_models import OPEN, Invitation
from app.organisations.models import Membership, Organisation

DAYS_USUAL, DAYS_MOST = 7, 30
USES_MOST = 100
OPEN_MOST = 100
A_DAY = 100
"""Invitations that one organisation may send in a day, by mail or as links, again or for the first time: enough for a
large team, too few for a nuisance.
"""
MADE, SENT_AGAIN = "invitation.made", "invitation.sent_again"
AGAIN_AFTER = timedelta(minutes=10)
TEMPLATE = "invitation"
GONE = "This invitation does not work. Ask whoever sent it for another."


@dataclass(frozen=True, slots=True)
class Terms:
    """What an invitation is good for. seats: of the organisation, 0 for as many as one likes."""

    role: str
    days: int = DAYS_USUAL
    uses: int = 1
    seats: int = 0


def by_mail(
    session: Session, *, organisation: Organisation, email: str, on: Terms, by: Actor, now: datetime
) -> Invitation:
    """Invite one person; they get mail. Raises Invalid, NotAllowed for a role wider than the actor's, LimitReached when
    no seat is free or there is too much of it, Conflict for who is invited already or wants no such mail.
    """
    email = email.strip()
    if not config_mail.is_address(email):
        raise Invalid("Give an e-mail address, such as sam@example.com.")
    _check_wanted(session, email)
    _check(session, organisation, on, by=by, now=now)
    same = _open(organisation, now).where(func.lower(Invitation.email) == email.lower())
    if session.exec(same.limit(1)).first() is not None:
        raise Conflict(f"{email} is invited already. Send that invitation again, or take it back first.")
    invitation, token = _make(session, organisation, email=email, on=on, by=by, now=now)
    _send(session, organisation, invitation, token, by=by, now=now)
    return invitation


def by_link(
    session: Session, *, organisation: Organisation, on: Terms, by: Actor, now: datetime
) -> tuple[Invitation, str]:
    """A link for up to `on.uses` people, and its token, which is not to be had again. Raises as by_mail."""
    if not 1 <= on.uses <= USES_MOST:
        raise Invalid(f"A link can be used by 1 to {USES_MOST} people.")
    _check(session, organisation, on, by=by, now=now)
    return _make(session, organisation, email="", on=on, by=by, now=now)


def again(session: Session, *, organisation: Organisation, invitation: Invitation, by: Actor, now: datetime) -> str:
    """A new token for as many days as at first, by mail if it was; the one before stops working. Gives the token.

    Raises Conflict where it was used up or taken back, or was sent only just now, or nobody wants such mail; NotAllowed
    as by_mail.
    """
    if invitation.revoked_at is not None or invitation.uses >= invitation.uses_most:
        raise Conflict("It was used or taken back. Invite them anew.")
    if not roles.covers(by.role, invitation.role):
        raise NotAllowed(f"Only an {invitation.role} can invite somebody as {invitation.role}.")
    if invitation.email and now - invitation.sent_at < AGAIN_AFTER:
        raise Conflict("It was sent within the last ten minutes. Wait a little: mail takes its time.")
    _check_wanted(session, invitation.email)
    _check_sending(session, organisation, now)
    mail.take_back(session, key=_key(invitation))
    token = crypto.random_token()
    invitation.token_digest, invitation.sent_at = crypto.digest(token), now
    invitation.expires_at = now + timedelta(days=invitation.days)
    session.add(invitation)
    if invitation.email:
        _send(session, organisation, invitation, token, by=by, now=now)
    _tell(session, invitation, SENT_AGAIN, person_id=by.person_id, now=now)
    return token


def revoke(session: Session, *, invitation: Invitation, by: Actor, now: datetime) -> None:
    """It opens nothing any more; whoever joined by it stays. Raises Conflict where it was taken back already."""
    if invitation.revoked_at is not None:
        raise Conflict("It was taken back already.")
    invitation.revoked_at = now
    session.add(invitation)
    mail.take_back(session, key=_key(invitation))
    _tell(session, invitation, "invitation.revoked", person_id=by.person_id, now=now)


def found(session: Session, token: str, *, now: datetime) -> tuple[Invitation, Organisation]:
    """What a token opens. Raises NotFound for one that opens nothing, with the reason where it once did."""
    invitation = session.exec(select(Invitation).where(Invitation.token_digest == crypto.digest(token))).first()
    organisation = session.get(Organisation, invitation.organisation_id) if invitation is not None else None
    if invitation is None or organisation is None or organisation.deleted_at is not None:
        raise NotFound(GONE)
    state = invitation.state_at(now)
    if state != OPEN:
        raise NotFound(f"This invitation to “{organisation.name}” is {state}. Ask for another.")
    return invitation, organisation


def accept(
    session: Session, *, token: str, person: Person, seats: int, now: datetime
) -> tuple[Organisation, Membership]:
    """Join by it. Raises NotFound as `found`, and Conflict and LimitReached as members.join."""
    invitation, organisation = found(session, token, now=now)
    membership = members.join(
        session,
        organisation=organisation,
        person=person,
        role=invitation.role,
        seats=seats,
        how=f"invited by {invitation.created_by}",
        now=now,
    )
    counted = (
        update(Invitation)
        .where(
            col(Invitation.id) == invitation.id,
            col(Invitation.uses) < Invitation.uses_most,
            col(Invitation.revoked_at).is_(None),
        )
        .values(uses=Invitation.uses + 1)
        .returning(col(Invitation.id))
    )
    if session.execute(counted).first() is None:
        raise NotFound(GONE)
    return organisation, membership


def of(session: Session, organisation: Organisation, *, limit: int, offset: int = 0) -> list[Invitation]:
    """Newest first."""
    statement = (
        select(Invitation)
        .where(Invitation.organisation_id == organisation.id)
        .order_by(col(Invitation.created_at).desc(), col(Invitation.id))
        .limit(limit)
        .offset(offset)
    )
    return list(session.exec(statement))


def one(session: Session, organisation: Organisation, invitation_id: UUID) -> Invitation:
    """Raises NotFound for another organisation's as for none."""
    invitation = session.get(Invitation, invitation_id)
    if invitation is None or invitation.organisation_id != organisation.id:
        raise NotFound("There is no such invitation in this organisation.")
    return invitation


def count_waiting(session: Session, organisation: Organisation, *, now: datetime) -> int:
    """Mails that somebody may still accept: each is meant for a seat."""
    statement = _open(organisation, now).where(Invitation.email != "")
    return session.exec(select(func.count()).select_from(statement.subquery())).one()


def _open(organisation: Organisation, now: datetime):  # type: ignore[no-untyped-def]  # noqa: ANN202  (SQLModel's own)
    return select(Invitation).where(
        Invitation.organisation_id == organisation.id,
        col(Invitation.revoked_at).is_(None),
        col(Invitation.uses) < Invitation.uses_most,
        col(Invitation.expires_at) > now,
    )


def _check(session: Session, organisation: Organisation, on: Terms, *, by: Actor, now: datetime) -> None:
    if on.role not in roles.PERMISSIONS:
        raise Invalid(f"A role is one of {', '.join(roles.PERMISSIONS)}.")
    if not roles.covers(by.role, on.role):
        raise NotAllowed(f"Only an {on.role} can invite somebody as {on.role}.")
    if not 1 <= on.days <= DAYS_MOST:
        raise Invalid(f"An invitation is good for 1 to {DAYS_MOST} days.")
    _check_sending(session, organisation, now)
    taken = queries.count_members(session, organisation) + count_waiting(session, organisation, now=now)
    if on.seats and taken >= on.seats:
        raise LimitReached(f"All {on.seats} seats are taken or promised by invitations.")
    if session.exec(select(func.count()).select_from(_open(organisation, now).subquery())).one() >= OPEN_MOST:
        raise LimitReached(f"There are {OPEN_MOST} open invitations already. Take some back first.")


def _check_wanted(session: Session, email: str) -> None:
    if email and mail_kinds.is_refused(session, email, TEMPLATE):
        raise Conflict(f"Nobody wants mail of this kind at {email}. Make a link instead, and send it yourself.")


def _check_sending(session: Session, organisation: Organisation, now: datetime) -> None:
    """By the audit trail, which has each sending of an invitation, where its row has the last."""
    if organisation.closes_at is not None:
        raise Conflict(f"“{organisation.name}” is being deleted, so nobody can join it.")
    sent = select(func.count()).where(
        col(AuditEntry.organisation_id) == organisation.id,
        col(AuditEntry.action).in_((MADE, SENT_AGAIN)),
        col(AuditEntry.at) > now - timedelta(days=1),
    )
    if session.exec(sent).one() >= A_DAY:
        raise LimitReached(f"{A_DAY} invitations were sent within a day, which is the most. Go on tomorrow.")


def _make(
    session: Session, organisation: Organisation, *, email: str, on: Terms, by: Actor, now: datetime
) -> tuple[Invitation, str]:
    token = crypto.random_token()
    invitation = Invitation(
        organisation_id=organisation.id,
        email=email,
        role=on.role,
        token_digest=crypto.digest(token),
        days=on.days,
        uses_most=1 if email else on.uses,
        created_by_id=by.person_id,
        created_by=by.name,
        created_at=now,
        sent_at=now,
        expires_at=now + timedelta(days=on.days),
    )
    session.add(invitation)
    _tell(session, invitation, MADE, person_id=by.person_id, now=now)
    return invitation, token


def _send(
    session: Session, organisation: Organisation, invitation: Invitation, token: str, *, by: Actor, now: datetime
) -> None:
    mail.queue(
        session,
        to=invitation.email,
        template=TEMPLATE,
        context={
            "organisation": organisation.name,
            "by": by.name,
            "role": invitation.role,
            "words": roles.DESCRIPTIONS[invitation.role],
            "until": f"{invitation.expires_at.day} {invitation.expires_at:%B %Y, %H:%M} UTC",
            "path": f"/invitations/{token}",
        },
        key=_key(invitation),
        organisation_id=organisation.id,
        now=now,
    )


def _key(invitation: Invitation) -> str:
    """Of the mail with its present token."""
    return f"invitation:{invitation.id}:{invitation.sent_at.isoformat()}"


def _tell(session: Session, invitation: Invitation, action: str, *, person_id: UUID | None, now: datetime) -> None:
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=invitation.organisation_id,
        person_id=person_id,
        subject_id=invitation.id,
        details={"to": invitation.email or "whoever has a link", "role": invitation.role},
    )
    session.flush()
