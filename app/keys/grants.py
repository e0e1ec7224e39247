"""Keys as a gateway holds them in memory: what each opens, found by its digest without asking the database.

Ten thousand of them are held at once, so what several have in common (an organisation's id, scopes, networks) is held
once.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from app.keys import models, networks, scopes
from app.keys.models import Key, KeySecret
from app.keys.networks import Networks
from app.keys.scopes import Scopes, Tools
from app.organisations.models import Organisation

log = logging.getLogger(__name__)

PAGE = 500

NOWHERE = Networks((), ())
RETIRED = "retired"
"""State of a secret that its key has replaced, and whose time beside the new one is over."""
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
_EARLIER: tuple[Any, ...] = (
    col(KeySecret.key_id),
    col(KeySecret.digest),
    col(KeySecret.prefix),
    col(KeySecret.retires_at),
    col(KeySecret.ended_at).is_not(None),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key may do, for whom, if this secret of it is shown.

    environment: "live" or "test". state: of app/keys/models.py or RETIRED, but never EXPIRED: nobody announces that, so
    it is for whoever asks to compare expires_at, seconds since 1970 (infinite for never) and the first moment at which
    the secret does not work. scopes: None for everything. networks: None for anywhere. digest: SHA-256 of the secret,
    by which its uses are told apart and nothing else is. is_retiring: whether it is an earlier secret, and expires_at
    its own end rather than its key's.
    """

    key_id: UUID
    organisation_id: UUID
    environment: str
    state: str = models.LIVE
    expires_at: float = inf
    scopes: Scopes | None = None
    networks: Networks | None = None
    digest: bytes = b""
    is_retiring: bool = False

    def tools_of(self, slug: str) -> Tools:
        """The tools of one integration that it reaches, in constant time: see app/keys/scopes.py."""
        return scopes.ALL if self.scopes is None else self.scopes.tools_of(slug)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """digest: SHA-256 of the key's secret, 32 bytes; prefix: its readable start. earlier: the same of secrets that it
    had before.
    """

    digest: bytes
    prefix: str
    grant: Grant
    earlier: tuple["KnownKey", ...] = ()


def every(session: Session) -> Iterator[KnownKey]:
    """All keys, revoked ones included, so that a refusal can say which of the two it was; read page by page, so that
    they are never all there twice.
    """
    organisations: dict[UUID, UUID] = {}
    statement = _KEYS.order_by(col(Key.id)).limit(PAGE)
    rows = session.execute(statement).all()
    while rows:
        yield from _with_earlier(session, rows, organisations)
        rows = session.execute(statement.where(col(Key.id) > rows[-1][0])).all()


def among(session: Session, key_ids: Iterable[UUID]) -> list[KnownKey]:
    """Those of `key_ids` that exist."""
    return _found(session, col(Key.id).in_(list(key_ids)))


def of_organisations(session: Session, organisation_ids: Iterable[UUID]) -> list[KnownKey]:
    """All keys of these organisations."""
    return _found(session, col(Key.organisation_id).in_(list(organisation_ids)))


def _found(session: Session, those: ColumnElement[bool]) -> list[KnownKey]:
    return list(_with_earlier(session, session.execute(_KEYS.where(those)).all(), {}))


def _with_earlier(
    session: Session, rows: Sequence[Sequence[Any]], organisations: dict[UUID, UUID]
) -> Iterator[KnownKey]:
    earlier: dict[UUID, list[Sequence[Any]]] = {}
    if rows:
        for found in session.execute(select(*_EARLIER).where(col(KeySecret.key_id).in_([row[0] for row in rows]))):
            earlier.setdefault(found[0], []).append(found)
    for row in rows:
        known = _known(row, organisations)
        before = tuple(_earlier(known.grant, found) for found in earlier.get(row[0], ()))
        yield replace(known, earlier=before) if before else known


def _known(row: Sequence[Any], organisations: dict[UUID, UUID]) -> KnownKey:
    """organisations: the ids that were seen, so that each is held once."""
    key_id, organisation_id, environment, digest, prefix, is_revoked, is_on, ends_at, reach, origin, is_stopped = row
    digest = bytes.fromhex(digest)
    grant = Grant(
        key_id=key_id,
        organisation_id=organisations.setdefault(organisation_id, organisation_id),
        environment="live" if environment == "live" else "test",
        state=_state(is_revoked=is_revoked, is_stopped=is_stopped, is_on=is_on),
        expires_at=inf if ends_at is None else ends_at.timestamp(),
        scopes=None if reach is None else scopes.read(reach),
        networks=_networks(key_id, origin),
        digest=digest,
    )
    return KnownKey(digest, prefix, grant)


def _earlier(grant: Grant, row: Sequence[Any]) -> KnownKey:
    """What an earlier secret opens: what the key's own does, until its end."""
    _, text, prefix, retires_at, has_ended = row
    digest = bytes.fromhex(text)
    ends_at = inf if retires_at is None else retires_at.timestamp()
    its = replace(
        grant,
        digest=digest,
        state=RETIRED if has_ended and grant.state != models.REVOKED else grant.state,
        expires_at=min(ends_at, grant.expires_at),
        is_retiring=ends_at < grant.expires_at,
    )
    return KnownKey(digest, prefix, its)


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
