"""The newest seals, to be kept away from the database: who holds them finds also an end that was cut off.

Whoever owns the database can take away the end of a chain with its links, seals and totals; what remains agrees with
itself. It does not agree with a seal that somebody else has kept.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection, func, select

from app.core import db
from app.metering import audit_chain, sealing, signing
from app.metering.audit_chain import LINKS
from app.metering.proof_models import Seal
from app.metering.sealing import SEALED

SEALS = db.metadata.tables[str(Seal.__tablename__)]


class KeptSeal(msgspec.Struct):
    """A closed range of an organisation's chain; see proof_models.Seal."""

    organisation_id: UUID
    number: int
    first_seq: int
    last_seq: int
    head: str
    sealed_at: datetime
    signing_key_id: str
    signature: str


class KeptLink(msgspec.Struct):
    """A place in the audit trail's chain; see proof_models.AuditLink."""

    seq: int
    hash: str
    signing_key_id: str
    signature: str


class Kept(msgspec.Struct):
    """seals: the newest of each organisation, by its id. audit: the newest place; None while there is none."""

    seals: list[KeptSeal]
    audit: KeptLink | None


def newest(connection: Connection) -> Kept:
    """What is to be kept at this moment."""
    last = select(SEALS.c.organisation_id, func.max(SEALS.c.number).label("number")).group_by(SEALS.c.organisation_id)
    of_each = last.subquery()
    same = (SEALS.c.organisation_id == of_each.c.organisation_id) & (SEALS.c.number == of_each.c.number)
    seals = select(*[SEALS.c[name] for name in KeptSeal.__struct_fields__]).join(of_each, same)
    links = select(*[LINKS.c[name] for name in KeptLink.__struct_fields__]).order_by(LINKS.c.seq.desc()).limit(1)
    link = connection.execute(links).first()
    found = connection.execute(seals.order_by(SEALS.c.organisation_id))
    return Kept([KeptSeal(*row) for row in found], KeptLink(*link) if link is not None else None)


def encoded(kept: Kept) -> str:
    """As JSON, to be read by people, too."""
    return msgspec.json.format(msgspec.json.encode(kept)).decode()


def decoded(data: bytes) -> Kept:
    """The reverse. Raises ValueError (msgspec.ValidationError, msgspec.DecodeError) for what is none."""
    return msgspec.json.decode(data, type=Kept)


def contradictions(
    connection: Connection, kept: Kept, *, keys: Mapping[str, bytes]
) -> Iterator[tuple[UUID | None, str]]:
    """What the database does not hold any more as it was sealed: (whose, in words); None for the audit trail."""
    for seal in kept.seals:
        if not _is_signed(seal, keys):
            yield seal.organisation_id, f"the kept seal {seal.number} is not genuine: its signature does not fit"
        elif _hash_at(connection, seal) != seal.head:
            words = "it was cut off, or made anew"
            yield seal.organisation_id, f"place {seal.last_seq} is not as the kept seal {seal.number} says: {words}"
    if kept.audit is None:
        return
    if not audit_chain.is_signed(msgspec.structs.asdict(kept.audit), keys):
        yield None, f"the kept place {kept.audit.seq} is not genuine: its signature does not fit"
        return
    held = connection.execute(select(LINKS.c.hash).where(LINKS.c.seq == kept.audit.seq)).scalar()
    if held != kept.audit.hash:
        yield None, f"place {kept.audit.seq} is not as it was kept: the trail was cut off, or made anew"


def _hash_at(connection: Connection, seal: KeptSeal) -> str | None:
    mine = (SEALED.c.organisation_id == seal.organisation_id) & (SEALED.c.seq == seal.last_seq)
    return connection.execute(select(SEALED.c.hash).where(mine)).scalar()


def _is_signed(seal: KeptSeal, keys: Mapping[str, bytes]) -> bool:
    public = keys.get(seal.signing_key_id)
    if public is None or signing.id_of(public) != seal.signing_key_id:
        return False
    try:
        signature = signing.decoded(seal.signature)
    except ValueError:
        return False
    return signing.is_signed(sealing.message_of(seal), signature=signature, public=public)
