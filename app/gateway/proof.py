"""What proves the ledger at the gateway: the recorder with its keys and its spool, and the addresses where receipts and
public keys are had.
"""

import asyncio
import re

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.core import clock, vault
from app.core.config import Settings
from app.gateway.errors import Refused
from app.gateway.metrics import Metrics
from app.gateway.reply import Reply
from app.keys.grants import Grant
from app.metering import attempts, issuing, signing
from app.metering.recorder import Recorder
from app.metering.signing import Signer
from app.metering.spool import Spool

KEYS_PATH = "/.well-known/postern-receipt-keys.json"
RECEIPTS_PATH = "/receipts/"

_ID = re.compile(r"rcp_[0-9A-HJKMNP-TV-Z]{26}")


class Proof:
    """One per gateway. The database is asked in threads."""

    def __init__(self, settings: Settings, engine: Engine, metrics: Metrics) -> None:
        self._engine = engine
        self._vault = vault.from_settings(settings)
        self._keys = b""
        spool = Spool(settings.spool_dir, database_url=settings.database_url, max_bytes=settings.spool_max_bytes)
        self.recorder = Recorder(
            engine,
            timeout_s=settings.ledger_timeout_s,
            on_commit=metrics.committed,
            make_signer=self.signer,
            spool=spool,
        )

    def signer(self) -> Signer:
        """The key that signs, made when there is none. Blocks. Raises SQLAlchemyError."""
        with Session(self._engine) as session:
            found = signing.signer(session, self._vault, now=clock.now())
            session.commit()
        return found

    async def keys(self, reply: Reply) -> None:
        """Answer with the public keys; with those last seen, while the database is away."""
        try:
            self._keys = await asyncio.to_thread(self._published)
        except SQLAlchemyError:
            if not self._keys:
                raise Refused(attempts.UNAVAILABLE) from None
        await reply.whole(200, self._keys)

    async def receipt(self, path: str, grant: Grant) -> bytes:
        """What is answered with the receipt that `path` names, if its call was this organisation's. Raises Refused."""
        receipt_id = path.removeprefix(RECEIPTS_PATH)
        try:
            text = await asyncio.to_thread(self._receipt, receipt_id, grant) if _ID.fullmatch(receipt_id) else None
        except SQLAlchemyError:
            raise Refused(attempts.UNAVAILABLE, grant=grant) from None
        if text is None:
            words = "no call of this organisation has that receipt, or it still waits on a gateway's disk."
            raise Refused(attempts.WRONG_PATH, words, grant=grant)
        return msgspec.json.encode({"receipt": text})

    def _published(self) -> bytes:
        with Session(self._engine) as session:
            return msgspec.json.encode(signing.as_json(signing.published(session)))

    def _receipt(self, receipt_id: str, grant: Grant) -> str | None:
        with Session(self._engine) as session:
            text = issuing.receipt_of(
                session,
                self._vault,
                organisation_id=grant.organisation_id,
                receipt_id=receipt_id,
                now=clock.now(),
            )
            session.commit()
        return text
