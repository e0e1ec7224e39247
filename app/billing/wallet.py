"""The wallet: credit is granted, used, given back when it expires; every step is a group of the journal.

What calls may spend is the limits' business (app/limits/prepaid.py), which gateways keep without asking here. Here it
is told apart by grant: what expires first is used first, then by priority, then the oldest. Each change holds the
counter, so those of one wallet come one after the other, whichever process makes them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.billing import journal
from app.billing.journal import Wallet
from app.billing.wallet_models import (
    EXPIRY,
    GRANT,
    KINDS,
    REFUND,
    REVERSAL,
    USAGE,
    CreditGrant,
    JournalGroup,
)
from app.core import audit
from app.core.errors import Conflict, Invalid
from app.limits import prepaid
from app.limits.prepaid import Held
from app.organisations.models import Organisation
from app.plans import amounts

PAGE = 200
LARGEST = 2**60
"""Nano-minor-units of one grant, so that many of them fit into 63 bits."""
LEFT = col(CreditGrant.nanos) - col(CreditGrant.used_nanos) - col(CreditGrant.expired_nanos) - CreditGrant.voided_nanos
_GONE = {EXPIRY: "expired", REFUND: "refunded"}
"""The account of the journal where it is then."""
ORDER = (
    col(CreditGrant.expires_at).asc().nulls_last(),
    col(CreditGrant.priority),
    col(CreditGrant.created_at),
    col(CreditGrant.id),
)


def give(
    session: Session,
    *,
    organisation: Organisation,
    currency: str,
    nanos: int,
    kind: str,
    reference: str,
    words: str,
    priority: int = 0,
    expires_at: datetime | None = None,
    person_id: UUID | None = None,
    now: datetime,
) -> CreditGrant:
    """Credit that calls can use as soon as this is committed; the same reference gives the grant that it gave before.

    Raises Invalid for what is no credit, Conflict when the reference stands for something else.
    """
    if not 0 < nanos <= LARGEST or kind not in KINDS:
        raise Invalid("Credit is an amount above nothing.")
    if expires_at is not None and expires_at <= now:
        raise Invalid("Credit that has expired already is none; choose a later moment.")
    prepaid.announce(session, organisation.id, currency, now=now)
    held = prepaid.hold(session, organisation.id, currency)
    known = session.exec(select(CreditGrant).where(CreditGrant.reference == reference)).first()
    if known is not None:
        if (known.organisation_id, known.currency, known.nanos) != (organisation.id, currency, nanos):
            raise Conflict(f"Credit was given for “{reference}” already, and it was another.")
        return known
    grant = CreditGrant(
        organisation_id=organisation.id,
        currency=currency,
        nanos=nanos,
        kind=kind,
        priority=priority,
        expires_at=expires_at,
        reference=reference,
        created_at=now,
    )
    session.add(grant)
    sides = {kind: -nanos, grant.account: nanos}
    journal.write(
        session,
        Wallet(organisation.id, currency),
        kind=GRANT,
        reference=f"grant:{reference}",
        sides=sides,
        words=words,
        now=now,
    )
    _settle(session, organisation.id, currency, held, now=now)
    _allow(session, organisation.id, currency)
    said = {"amount": amounts.recorded(nanos, currency=currency), "kind": kind, "words": words}
    audit.record(
        session,
        action="credit.given",
        now=now,
        organisation_id=organisation.id,
        person_id=person_id,
        subject_id=grant.id,
        details=said,
    )
    return grant


def lock(session: Session, organisation_id: UUID, currency: str, *, now: datetime) -> None:
    """Alone with this wallet until the commit; in the order of locks that all of them are taken in."""
    prepaid.announce(session, organisation_id, currency, now=now)
    prepaid.hold(session, organisation_id, currency)


def settle(session: Session, *, organisation_id: UUID, currency: str, now: datetime) -> int:
    """Tell apart by grant what calls have used since the last time; gives how much, below 0 for what was taken back."""
    held = prepaid.hold(session, organisation_id, currency)
    return _settle(session, organisation_id, currency, held, now=now)


def expire(session: Session, *, organisation_id: UUID, currency: str, now: datetime) -> int:
    """Take away what is left of grants whose time is over; gives how much. What calls under way may still use of it
    stays until they have ended: this is to be called again.
    """
    prepaid.announce(session, organisation_id, currency, now=now)
    held = prepaid.hold(session, organisation_id, currency)
    _settle(session, organisation_id, currency, held, now=now)
    room, taken = held.room, 0
    for grant in _open(session, organisation_id, currency):
        amount = min(grant.left_nanos, room - taken)
        if grant.expires_at is None or grant.expires_at > now or amount <= 0:
            continue
        reference = f"expiry:{grant.id}:{grant.used_nanos}:{grant.expired_nanos}:{uuid4()}"
        grant.expired_nanos += amount
        _take_away(session, grant, amount, kind=EXPIRY, reference=reference, words="Expired", now=now)
        taken += amount
    _allow(session, organisation_id, currency)
    return taken


def take_back(session: Session, *, grant: CreditGrant, nanos: int, reference: str, words: str, now: datetime) -> int:
    """Take away up to `nanos` of what is left of a grant, because its price was given back; gives how much. What was
    used stays used, and what calls under way may use is theirs. The same reference does nothing again.
    """
    organisation_id, currency = grant.organisation_id, grant.currency
    prepaid.announce(session, organisation_id, currency, now=now)
    held = prepaid.hold(session, organisation_id, currency)
    known = session.exec(select(JournalGroup).where(JournalGroup.reference == f"refund:{reference}")).first()
    if known is not None:
        return 0
    _settle(session, organisation_id, currency, held, now=now)
    session.refresh(grant)
    amount = max(0, min(nanos, grant.left_nanos, held.room))
    grant.voided_nanos += amount
    _take_away(session, grant, amount, kind=REFUND, reference=f"refund:{reference}", words=words, now=now)
    _allow(session, organisation_id, currency)
    return amount


def settle_all(session: Session, *, now: datetime) -> int:
    """Every wallet's usage, each in a transaction of its own; gives in how many there was any. For the worker."""
    moved = 0
    for organisation_id, currency, used in _wallets(session):
        if prepaid.spent(session, organisation_id, currency) != used:
            moved += bool(settle(session, organisation_id=organisation_id, currency=currency, now=now))
            session.commit()
    return moved


def expire_due(session: Session, *, now: datetime) -> int:
    """Wallets with something that has expired, each in a transaction of its own; gives how many. For the worker."""
    wallet = (col(CreditGrant.organisation_id), col(CreditGrant.currency))
    statement = select(*wallet).where(col(CreditGrant.expires_at) <= now, LEFT > 0).distinct().order_by(*wallet)
    due = session.exec(statement.limit(PAGE)).all()
    for organisation_id, currency in due:
        expire(session, organisation_id=organisation_id, currency=currency, now=now)
        session.commit()
    return len(due)


def _take_away(
    session: Session, grant: CreditGrant, amount: int, *, kind: str, reference: str, words: str, now: datetime
) -> None:
    """Write down that so much of a grant is gone, which the grant says already."""
    session.add(grant)
    journal.write(
        session,
        Wallet(grant.organisation_id, grant.currency),
        kind=kind,
        reference=reference,
        sides={grant.account: -amount, _GONE[kind]: amount},
        words=words,
        now=now,
    )


def _settle(session: Session, organisation_id: UUID, currency: str, held: Held, *, now: datetime) -> int:
    """The counter is held. What is beyond all credit (a call whose price was not known before) waits for the next."""
    delta = held.spent - _used(session, organisation_id, currency)
    moves = _burned(session, organisation_id, currency, delta) if delta > 0 else {}
    if delta < 0:
        moves = _returned(session, organisation_id, currency, -delta)
    total = sum(moves.values())
    if total:
        kind, words = (USAGE, "Calls") if total > 0 else (REVERSAL, "Calls that were taken back")
        sides = {account: -amount for account, amount in moves.items()} | {"usage": total}
        journal.write(
            session,
            Wallet(organisation_id, currency),
            kind=kind,
            reference=f"{kind}:{uuid4()}",
            sides=sides,
            words=words,
            now=now,
        )
    return total


def _burned(session: Session, organisation_id: UUID, currency: str, amount: int) -> dict[str, int]:
    moves = {}
    for grant in _open(session, organisation_id, currency):
        part = min(amount, grant.left_nanos)
        if part > 0:
            grant.used_nanos += part
            session.add(grant)
            moves[grant.account] = part
            amount -= part
    session.flush()
    return moves


def _returned(session: Session, organisation_id: UUID, currency: str, amount: int) -> dict[str, int]:
    """What was used last comes back first: to the end of the order in which grants are used."""
    moves = {}
    statement = _of(organisation_id, currency).where(col(CreditGrant.used_nanos) > 0).order_by(*ORDER)
    for grant in reversed(session.exec(statement.execution_options(populate_existing=True)).all()):
        part = min(amount, grant.used_nanos)
        if part > 0:
            grant.used_nanos -= part
            session.add(grant)
            moves[grant.account] = -part
            amount -= part
    session.flush()
    return moves


def _open(session: Session, organisation_id: UUID, currency: str) -> Sequence[CreditGrant]:
    """Grants that have something left, in the order in which they are used."""
    session.flush()
    statement = _of(organisation_id, currency).where(LEFT > 0).order_by(*ORDER)
    return session.exec(statement.execution_options(populate_existing=True)).all()


def _of(organisation_id: UUID, currency: str) -> SelectOfScalar[CreditGrant]:
    return select(CreditGrant).where(CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency)


def _used(session: Session, organisation_id: UUID, currency: str) -> int:
    session.flush()
    total = select(func.coalesce(func.sum(CreditGrant.used_nanos), 0))
    where = (CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency)
    return int(session.exec(total.where(*where)).one())


def _allow(session: Session, organisation_id: UUID, currency: str) -> None:
    session.flush()
    kept = col(CreditGrant.nanos) - col(CreditGrant.expired_nanos) - col(CreditGrant.voided_nanos)
    where = (CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency)
    total = session.exec(select(func.coalesce(func.sum(kept), 0)).where(*where)).one()
    prepaid.allow(session, organisation_id, currency, int(total))


def _wallets(session: Session) -> list[tuple[UUID, str, int]]:
    wallet = (col(CreditGrant.organisation_id), col(CreditGrant.currency))
    used = func.sum(CreditGrant.used_nanos)
    rows = session.exec(select(*wallet, used).group_by(*wallet).order_by(*wallet)).all()
    return [(organisation_id, currency, int(total)) for organisation_id, currency, total in rows]
