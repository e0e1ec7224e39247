"""Keys as a gateway holds them in memory: what each opens, found by its digest without asking the database.

Ten thousand of them are held at once, so what several have in common (an organisation's id, scopes, networks) is held
once.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from app.keys import models, networks, scopes
from app.keys.models import Key
from app.keys.networks import Networks
from app.keys.scopes import Scopes, Tools
from app.organisations.models import Organisation

log = logging.getLogger(__name__)

PAGE = 500

NOWHERE = Networks((), ())
_COLUMNS: tuple[Any, ...] = (
    col(Key.id),
    col(Key.organisation_id),
    col(Key.environment),
    col(Key.digest),
    col(Key.prefix),
    col(Key.revoked_at).is_not(None),
    col(Key.is_enabled),
    col(Key.expires_at),
    col(Key.scopes),
    col(Key.networks),
    col(Organisation.stopped_at).is_not(None),
)
_KEYS = select(*_COLUMNS).join(Organisation, col(Organisation.id) == col(Key.organisation_id))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key may do, for whom.

    environment: "live" or "test". state: of app/keys/models.py, but never EXPIRED: nobody announces that, so it is
    for whoever asks to compare expires_at, seconds since 1970 (infinite for never) and the first moment at which the
    key does not work. scopes: None for everything. networks: None for anywhere.
    """

    key_id: UUID
    organisation_id: UUID
    environment: str
    state: str = models.LIVE
    expires_at: float = inf
    scopes: Scopes | None = None
    networks: Networks | None = None

    def tools_of(self, slug: str) -> Tools:
        """The tools of one integration that it reaches, in constant time: see app/keys/scopes.py."""
        return scopes.ALL if self.scopes is None else self.scopes.tools_of(slug)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """digest: SHA-256 of the key's secret, 32 bytes; prefix: its readable start."""

    digest: bytes
    prefix: str
    grant: Grant


def every(session: Session) -> Iterator[KnownKey]:
    """All keys, revoked ones included, so that a refusal can say which of the two it was; read page by page, so that
    they are never all there twice.
    """
    organisations: dict[UUID, UUID] = {}
    statement = _KEYS.order_by(col(Key.id)).limit(PAGE)
    rows = session.execute(statement).all()
    while rows:
        yield from (_known(row, organisations) for row in rows)
        rows = session.execute(statement.where(col(Key.id) > rows[-1][0])).all()


def among(session: Session, key_ids: Iterable[UUID]) -> list[KnownKey]:
    """Those of `key_ids` that exist."""
    return _found(session, col(Key.id).in_(list(key_ids)))


def of_organisations(session: Session, organisation_ids: Iterable[UUID]) -> list[KnownKey]:
    """All keys of these organisations."""
    return _found(session, col(Key.organisation_id).in_(list(organisation_ids)))


def _found(session: Session, those: ColumnElement[bool]) -> list[KnownKey]:
    organisations: dict[UUID, UUID] = {}
    return [_known(row, organisations) for row in session.execute(_KEYS.where(those))]


def _known(row: Sequence[Any], organisations: dict[UUID, UUID]) -> KnownKey:
    """organisations: the ids that were seen, so that each is held once."""
    key_id, organisation_id, environment, digest, prefix, is_revoked, is_on, ends_at, reach, origin, is_stopped = row
    grant = Grant(
        key_id=key_id,
        organisation_id=organisations.setdefault(organisation_id, organisation_id),
        environment="live" if environment == "live" else "test",
        state=_state(is_revoked=is_revoked, is_stopped=is_stopped, is_on=is_on),
        expires_at=inf if ends_at is None else ends_at.timestamp(),
        scopes=None if reach is None else scopes.read(reach),
        networks=_networks(key_id, origin),
    )
    return KnownKey(bytes.fromhex(digest), prefix, grant)


def _state(*, is_revoked: bool, is_stopped: bool, is_on: bool) -> str:
    if is_revoked:
        return models.REVOKED
    if is_stopped:
        return models.STOPPED
    return models.LIVE if is_on else models.DISABLED


def _networks(key_id: UUID, texts: list[str]) -> Networks | None:
    """A key whose networks cannot be read may be used from nowhere, and keeps no other key from being known."""
    if not texts:
        return None
    try:
        return networks.read(texts)
    except ValueError:
        log.error("policy.bad_networks", extra={"key_id": key_id})
        return NOWHERE
