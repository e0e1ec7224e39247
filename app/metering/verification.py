"""Checking the whole ledger against itself: every link, every seal, every total. Reads only, a page at a time.

What it cannot find by itself: that events were counted honestly in the first place, and a ledger whose every row, link,
seal and signature was made anew with the signing key. For that there are the receipts that callers hold, and the
published keys that somebody else has kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Connection, String, select, union
from sqlalchemy import type_coerce as as_type
from sqlalchemy.exc import DBAPIError

from app.core import ids, uuids
from app.metering import chain, ledger, repricing, sealing, signing, stored, totals
from app.metering.ledger import EVENTS
from app.metering.proof_models import Seal
from app.metering.sealing import SEALED
from app.metering.stored import PAGE, Linked

SEALS = Seal.__table__  # type: ignore[attr-defined]  # every table has one


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written. organisation_id: whose. what: in words, with the receipt if it has one.

    seq: the place in the chain, None for what has none.
    """

    organisation_id: UUID
    what: str
    seq: int | None = None


def everybody(connection: Connection) -> list[UUID]:
    """All organisations that the ledger knows of, by any of its tables. What is no id is left out: no chain has it."""
    tables = (EVENTS, SEALED, SEALS, ledger.HOURS, ledger.MONTHS)
    found = connection.execute(union(*[select(as_type(table.c.organisation_id, String)) for table in tables]))
    return sorted({known for value in found.scalars() if (known := uuids.read(str(value))) is not None})


def check(
    connection: Connection, organisation_id: UUID, *, keys: Mapping[str, bytes], unsealed_before: datetime
) -> Iterator[Finding]:
    """Everything that is wrong with one organisation's part of the ledger, in the order of its chain.

    connection: in a transaction that sees one moment (cli/proof.py). keys: public keys by id. unsealed_before: an event
    older than that should have had its place in the chain.
    """
    parts = {
        "seals": _links(connection, organisation_id, keys),
        "events without a place": _unsealed(connection, organisation_id, unsealed_before),
        "amounts": (Finding(organisation_id, words) for words in repricing.wrong(connection, organisation_id)),
        "totals": (Finding(organisation_id, words) for words in totals.drifts(connection, organisation_id)),
    }
    for name, findings in parts.items():
        try:
            yield from findings
        except (ValueError, DBAPIError) as problem:
            if not stored.is_unreadable(problem):
                raise
            yield Finding(
                organisation_id, f"the {name} cannot be checked: something was changed so that none can read it"
            )


def _links(connection: Connection, organisation_id: UUID, keys: Mapping[str, bytes]) -> Iterator[Finding]:
    head, seq = chain.genesis(organisation_id), 0
    seals = _Seals(connection, organisation_id, keys)
    for linked in stored.in_order(connection, organisation_id):
        if linked.seq != seq + 1:
            yield Finding(organisation_id, f"places {seq + 1} to {linked.seq - 1} of the chain are gone", seq + 1)
        seq = linked.seq
        words = _wrong_with(linked, head, organisation_id)
        if words:
            yield Finding(organisation_id, f"{linked.event_id}: {words}", seq)
        head = _bytes_of(linked.hash)
        yield from seals.passing(seq, linked.hash)
    yield from seals.left(seq)


def _wrong_with(linked: Linked, before: bytes, organisation_id: UUID) -> str:
    if linked.row is None:
        return linked.flaw
    if linked.row["organisation_id"] != organisation_id:
        return "the event was given to another organisation"
    if chain.link(before, linked.row).hex() != linked.hash:
        return "the event was changed, or is not where it was in the chain"
    return linked.flaw


def _bytes_of(digest: str) -> bytes:
    """Of what ought to be 64 hex digits; a link that is none leads nowhere."""
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""


class _Seals:
    """An organisation's seals, met in passing."""

    def __init__(self, connection: Connection, organisation_id: UUID, keys: Mapping[str, bytes]) -> None:
        statement = select(SEALS).where(SEALS.c.organisation_id == organisation_id).order_by(SEALS.c.number)
        self._rows = connection.execution_options(yield_per=PAGE).execute(statement)
        self._organisation_id = organisation_id
        self._keys = keys
        self._number = 0
        self._covered = 0
        self._next = self._take()

    def passing(self, seq: int, digest: str) -> Iterator[Finding]:
        """Check the seals that end here, and those that should have."""
        while self._next is not None and self._next.last_seq <= seq:
            seal = self._next
            if seal.last_seq == seq and seal.head != digest:
                yield self._finding(f"seal {seal.number} was made over another chain", seq)
            yield from self._check(seal)
            self._next = self._take()

    def left(self, seq: int) -> Iterator[Finding]:
        """Check what is left once the chain has ended at `seq`."""
        while self._next is not None:
            yield self._finding(
                f"the chain ends at {seq}, but seal {self._next.number} goes to {self._next.last_seq}", seq
            )
            yield from self._check(self._next)
            self._next = self._take()
        if self._covered < seq:
            yield self._finding(f"places {self._covered + 1} to {seq} of the chain have no seal", self._covered + 1)

    def _check(self, seal: Seal) -> Iterator[Finding]:
        if seal.number != self._number + 1:
            yield self._finding(f"seals {self._number + 1} to {seal.number - 1} are gone", self._covered + 1)
        if seal.first_seq != self._covered + 1:
            yield self._finding(f"seal {seal.number} does not begin where the one before ends", seal.first_seq)
        self._number, self._covered = seal.number, seal.last_seq
        public = self._keys.get(seal.signing_key_id)
        if public is None or signing.id_of(public) != seal.signing_key_id:
            yield self._finding(
                f"seal {seal.number} names the key “{seal.signing_key_id}”, which is not published", None
            )
        elif not _is_signed(seal, public):
            yield self._finding(f"the signature of seal {seal.number} does not fit", seal.last_seq)

    def _take(self) -> Seal | None:
        return cast(Seal | None, self._rows.fetchone())

    def _finding(self, words: str, seq: int | None) -> Finding:
        return Finding(self._organisation_id, words, seq)


def _is_signed(seal: Seal, public: bytes) -> bool:
    try:
        signature = signing.decoded(seal.signature)
    except ValueError:
        return False
    return signing.is_signed(sealing.message_of(seal), signature=signature, public=public)


def _unsealed(connection: Connection, organisation_id: UUID, before: datetime) -> Iterator[Finding]:
    join = EVENTS.outerjoin(SEALED, SEALED.c.event_id == EVENTS.c.id)
    statement = (
        select(EVENTS.c.id)
        .select_from(join)
        .where(EVENTS.c.organisation_id == organisation_id, SEALED.c.event_id.is_(None))
        .where(EVENTS.c.id < ids.lowest_receipt(before))
        .order_by(EVENTS.c.id)
    )
    for receipt in connection.execution_options(yield_per=PAGE).execute(statement).scalars():
        yield Finding(organisation_id, f"{receipt}: the event has no place in the chain; it was put in, or not sealed")
