"""The worker's part in the proof: new events take their places in the chains, and each closed range is signed.

Which events are new is found by looking where they can be: almost all since shortly before the last look, now and then
among the last hours (calls that ran long), and rarely among all of them (what waited on a disk for days).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from app.core import db, ids
from app.core.vault import Vault
from app.metering import chain, ledger, signing
from app.metering.ledger import EventRow
from app.metering.proof_models import Seal, SealedEvent
from app.metering.signing import Signer

PAGE = 500
"""So few at once, because gateways cannot write to SQLite meanwhile."""
LOCK = 0x706F737465726E  # “postern”: an advisory lock of PostgreSQL, for the time of a transaction

SEALED = db.metadata.tables[str(SealedEvent.__tablename__)]

_RECENT = timedelta(minutes=2)
_LOOKS: tuple[tuple[float, timedelta | None], ...] = (
    (24 * 3600.0, None),
    (600.0, timedelta(hours=3)),
    (0.0, _RECENT),
)
"""How often (in seconds) to look how far back, at least; the first that is due is done."""


class Sealer:
    """For one worker; several may run, and take turns."""

    def __init__(self) -> None:
        self._looked_at: dict[float, float] = {}
        self._all_found_at: datetime | None = None

    def run(self, session: Session, vault: Vault, *, now: datetime) -> int:
        """Seal what is new, at most PAGE events. Gives how many; the caller commits, and asks again if it was a page.

        Nobody is kept from writing while there is nothing to seal, however far back that was looked.
        """
        every_s, back = self._due()
        after = ids.lowest_receipt(now - self._reach(back, now=now)) if back is not None else ""
        rows: list[EventRow] = []
        if unsealed(session, after=after, limit=1):
            take_turn(session)
            rows = unsealed(session, after=after, limit=PAGE)
            _seal(session, rows, signing.signer(session, vault, now=now), now=now)
        if len(rows) < PAGE:
            self._looked_at[every_s] = monotonic()
            self._all_found_at = now
        return len(rows)

    def _due(self) -> tuple[float, timedelta | None]:
        now = monotonic()
        return next(
            look for look in _LOOKS if look[0] not in self._looked_at or now - self._looked_at[look[0]] >= look[0]
        )

    def _reach(self, back: timedelta, *, now: datetime) -> timedelta:
        """How far to look: the database may have been away since all was found last, and events have waited as long."""
        return back if self._all_found_at is None else max(back, now - self._all_found_at + _RECENT)


def unsealed(session: Session, *, after: str, limit: int, before: str | None = None) -> list[EventRow]:
    """Events without a place in a chain whose receipts sort from `after` (up to `before`), in that order."""
    statement = (
        select(ledger.EVENTS)
        .outerjoin(SEALED, SEALED.c.event_id == ledger.EVENTS.c.id)
        .where(SEALED.c.event_id.is_(None), ledger.EVENTS.c.id >= after)
        .order_by(ledger.EVENTS.c.id)
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(ledger.EVENTS.c.id < before)
    return [cast(EventRow, row) for row in session.execute(statement).mappings()]


def take_turn(session: Session) -> None:
    """Hold the lock under which chains grow, until the transaction ends."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("UPDATE usage_seal SET number = number WHERE 1 = 0"))  # takes the one writer's lock
    else:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _seal(session: Session, rows: Sequence[EventRow], signer: Signer, *, now: datetime) -> None:
    by_owner = sorted(rows, key=itemgetter("organisation_id", "id"))
    for organisation_id, owned in groupby(by_owner, key=itemgetter("organisation_id")):
        _extend(session, organisation_id, list(owned), signer, now=now)


def _extend(
    session: Session, organisation_id: UUID, rows: Sequence[EventRow], signer: Signer, *, now: datetime
) -> None:
    """Add links for `rows` to the organisation's chain, and a seal over them."""
    seq, head = _end(session, organisation_id)
    first_seq = seq + 1
    links = []
    for row in rows:
        seq, head = seq + 1, chain.link(head, row)
        links.append({"organisation_id": organisation_id, "seq": seq, "event_id": row["id"], "hash": head.hex()})
    session.execute(SEALED.insert(), links)
    newest = select(func.max(col(Seal.number))).where(col(Seal.organisation_id) == organisation_id)
    seal = Seal(
        organisation_id=organisation_id,
        number=(session.execute(newest).scalar() or 0) + 1,
        first_seq=first_seq,
        last_seq=seq,
        head=head.hex(),
        signing_key_id=signer.key_id,
        signature="",
        sealed_at=now,
    )
    seal.signature = signing.encoded(signer.sign(message_of(seal)))
    session.add(seal)
    session.flush()


class Sealing(Protocol):
    """A seal, wherever it is kept."""

    @property
    def organisation_id(self) -> UUID: ...
    @property
    def number(self) -> int: ...
    @property
    def first_seq(self) -> int: ...
    @property
    def last_seq(self) -> int: ...
    @property
    def head(self) -> str: ...
    @property
    def sealed_at(self) -> datetime: ...


def message_of(seal: Sealing) -> bytes:
    """What a seal's signature is over."""
    return chain.seal_message(
        seal.organisation_id,
        number=seal.number,
        first_seq=seal.first_seq,
        last_seq=seal.last_seq,
        head=seal.head,
        sealed_at=seal.sealed_at,
    )


def _end(session: Session, organisation_id: UUID) -> tuple[int, bytes]:
    mine = SEALED.c.organisation_id == organisation_id
    statement = select(SEALED.c.seq, SEALED.c.hash).where(mine).order_by(SEALED.c.seq.desc()).limit(1)
    last = session.execute(statement).first()
    return (last.seq, bytes.fromhex(last.hash)) if last is not None else (0, chain.genesis(organisation_id))
