"""The audit trail's own chain, as the ledger has one for each organisation: each entry has its place and signature.

One link and one signature for each entry, because people act seldom. The worker adds them; `verify` follows them.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any

from sqlalchemy import Connection, RowMapping, select
from sqlmodel import Session

from app.core import db
from app.core.audit import AuditEntry
from app.core.vault import Vault
from app.metering import chain, sealing, signing
from app.metering.proof_models import AuditLink

PAGE = 500
EVERY_S = 60.0
RECENT = timedelta(minutes=15)
"""Younger entries are looked for each time, all others once a minute: some are committed long after they were made."""
VERSIONS = {1: "postern audit 1", 2: "postern audit 2"}
"""By form of the link. New links have the newest; old ones are checked by their own."""
FORM = max(VERSIONS)
LINK_VERSION = "postern audit link 1"
GENESIS = sha256(b"postern audit chain 1\0").digest()
_FIRST = ("id", "at", "organisation_id", "person_id", "action", "subject_id", "details", "request_id")
COLUMNS = {1: _FIRST, 2: (*_FIRST, "actor_kind", "actor", "admin_key_id", "address", "client")}
"""By form, which columns of audit_entry it holds; the newest holds them all. A new column is a new form."""

ENTRIES = db.metadata.tables[str(AuditEntry.__tablename__)]
LINKS = db.metadata.tables[str(AuditLink.__tablename__)]


class AuditSealer:
    """For one worker; several may run, and take turns."""

    def __init__(self) -> None:
        self._looked_at = -EVERY_S

    def run(self, session: Session, vault: Vault, *, now: datetime) -> int:
        """Give new entries their places, at most PAGE of them. Gives how many; the caller commits, and asks again if it
        was a page.
        """
        is_whole = monotonic() - self._looked_at >= EVERY_S
        unlinked = (
            select(ENTRIES)
            .outerjoin(LINKS, LINKS.c.entry_id == ENTRIES.c.id)
            .where(LINKS.c.entry_id.is_(None))
            .order_by(ENTRIES.c.at, ENTRIES.c.id)
            .limit(PAGE)
        )
        if not is_whole:
            unlinked = unlinked.where(ENTRIES.c.at >= now - RECENT)
            if session.execute(unlinked.limit(1)).first() is None:
                return 0
        sealing.take_turn(session)
        entries = session.execute(unlinked).mappings().all()
        if is_whole and len(entries) < PAGE:
            self._looked_at = monotonic()
        if not entries:
            return 0
        last = session.execute(select(LINKS.c.seq, LINKS.c.hash).order_by(LINKS.c.seq.desc()).limit(1)).first()
        seq, head = (last.seq, bytes.fromhex(last.hash)) if last is not None else (0, GENESIS)
        signer = signing.signer(session, vault, now=now)
        links = []
        for entry in entries:
            seq, head = seq + 1, _link(head, entry, form=FORM)
            signature = signing.encoded(signer.sign(message(seq, head.hex())))
            links.append(
                {
                    "seq": seq,
                    "entry_id": entry["id"],
                    "form": FORM,
                    "hash": head.hex(),
                    "signing_key_id": signer.key_id,
                    "signature": signature,
                }
            )
        session.execute(LINKS.insert(), links)
        return len(links)


def check(connection: Connection, *, keys: Mapping[str, bytes], unsealed_before: datetime) -> Iterator[str]:
    """Everything that is wrong with the audit trail, in words, in the order of its chain.

    keys: public keys by id. unsealed_before: an entry older than that should have had its place.
    """
    before, expected = GENESIS, 1
    rows = connection.execution_options(yield_per=PAGE).execute(
        select(LINKS, *[column.label(f"of_{column.name}") for column in ENTRIES.c])
        .outerjoin(ENTRIES, ENTRIES.c.id == LINKS.c.entry_id)
        .order_by(LINKS.c.seq)
    )
    for row in rows.mappings():
        if row["seq"] != expected:
            yield f"places {expected} to {row['seq'] - 1} are gone"
        expected = row["seq"] + 1
        entry = {name: row[f"of_{name}"] for name in COLUMNS[FORM]}
        if entry["id"] is None:
            yield f"place {row['seq']}: the entry {row['entry_id']} was deleted"
        elif not is_as_sealed(row, entry, before=before):
            yield f"place {row['seq']}: “{entry['action']}” ({row['entry_id']}) was changed, or is not where it was"
        if not is_signed(row, keys):
            yield f"place {row['seq']}: its signature does not fit, or its key is not published"
        before = _bytes_of(row["hash"])
    late = (
        select(ENTRIES.c.id, ENTRIES.c.action)
        .outerjoin(LINKS, LINKS.c.entry_id == ENTRIES.c.id)
        .where(LINKS.c.entry_id.is_(None), ENTRIES.c.at < unsealed_before - timedelta(seconds=EVERY_S))
        .order_by(ENTRIES.c.at, ENTRIES.c.id)
    )
    for entry_id, action in connection.execute(late):
        yield f"“{action}” ({entry_id}) has no place in the chain; it was put in, or not sealed"


def is_as_sealed(link: Mapping[str, Any] | RowMapping, entry: Mapping[str, Any] | RowMapping, *, before: bytes) -> bool:
    """Whether an entry is what its place was given for: hash and form of `link`. before: the hash of the place before.

    What a form does not hold must be empty: such entries are older than those columns.
    """
    form = form_of(link)
    if form not in COLUMNS or any(entry[name] for name in COLUMNS[FORM] if name not in COLUMNS[form]):
        return False
    return _link(before, entry, form=form).hex() == str(link["hash"])


def form_of(link: Mapping[str, Any] | RowMapping) -> int:
    """Those older than the column are of the first form."""
    return 1 if link["form"] is None else int(link["form"])


def is_signed(link: Mapping[str, Any] | RowMapping, keys: Mapping[str, bytes]) -> bool:
    """Whether one of `keys` (id to raw public key) signed a link: seq, hash, signing_key_id, signature."""
    public = keys.get(str(link["signing_key_id"]))
    try:
        signature = signing.decoded(str(link["signature"]))
    except ValueError:
        return False
    said = message(link["seq"], str(link["hash"]))
    return (
        public is not None
        and signing.id_of(public) == link["signing_key_id"]
        and signing.is_signed(said, signature=signature, public=public)
    )


def message(seq: object, digest: str) -> bytes:
    """What is signed."""
    return chain.netstrings([LINK_VERSION, seq, digest])


def _link(before: bytes, entry: Mapping[str, Any] | RowMapping, *, form: int) -> bytes:
    values = [entry[name] if name != "details" else _as_json(entry[name]) for name in COLUMNS[form]]
    return sha256(before + chain.netstrings([VERSIONS[form], *values])).digest()


def _as_json(details: object) -> str:
    return json.dumps(details, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _bytes_of(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""
