"""The list of GitHub's public keys, in the database so that every process knows the same, asked for anew when needed.

Nothing is asked before a report comes. A list that cannot be had, or is too old, lets nothing in.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from app.core.errors import NotAllowed, PosternError, Unavailable
from app.core.net import Guard
from app.leaks import signatures
from app.leaks.models import LeakSigner, LeakSignerList

log = logging.getLogger(__name__)

FRESH = timedelta(hours=6)
"""So old a list is asked for anew before a key of it is believed."""
KEPT = timedelta(hours=24)
"""So long it is believed when nobody can be asked."""
PAUSE = timedelta(seconds=75)
"""Between two questions: GitHub answers 60 an hour without a token. An unknown key waits for so long, too."""
TIMEOUT_S = 5.0
MAX_BYTES = 256 * 1024
MOST_KEYS = 100

Transaction = Callable[[], AbstractContextManager[Session]]


class Source(NamedTuple):
    """url: where the list is. token: of GitHub, for more questions an hour; may be ""."""

    url: str
    token: str
    guard: Guard


class _Key(msgspec.Struct):
    key_identifier: str
    key: str


class _List(msgspec.Struct):
    public_keys: list[_Key]


_LIST = msgspec.json.Decoder(_List)


class _Known(NamedTuple):
    """What the database says of the list and of one key of it."""

    pem: str | None
    etag: str
    tried_at: datetime | None
    fetched_at: datetime | None


def pem_of(key_id: str, source: Source, transaction: Transaction, *, clock: Callable[[], datetime]) -> str:
    """The public key with this id.

    transaction: opens one of its own; none is open while GitHub is asked. Raises NotAllowed for a key that is not in
    the list, Unavailable when that cannot be told.
    """
    now = clock()
    known = _known(transaction, key_id, source.url)
    if known.pem is not None and _is_younger(known.fetched_at, FRESH, now):
        return known.pem
    if _claim(transaction, source.url, now=now):
        _ask(source, transaction, known.etag, clock=clock)
        known = _known(transaction, key_id, source.url)
    return _believed(known, now=clock())


def _believed(known: _Known, *, now: datetime) -> str:
    if not _is_younger(known.fetched_at, KEPT, now):
        raise Unavailable("GitHub's list of keys cannot be had just now.")
    if known.pem is not None:
        return known.pem
    if known.fetched_at is not None and known.tried_at is not None and known.fetched_at >= known.tried_at:
        raise NotAllowed("This is none of GitHub's keys.")
    raise Unavailable("Whether this is one of GitHub's keys cannot be told just now.")


def _known(transaction: Transaction, key_id: str, url: str) -> _Known:
    with transaction() as session:
        state = session.get(LeakSignerList, 1)
        if state is None or state.url != url:
            return _Known(None, "", None, None)
        signer = session.get(LeakSigner, key_id)
        return _Known(signer.pem if signer else None, state.etag, state.tried_at, state.fetched_at)


def _claim(transaction: Transaction, url: str, *, now: datetime) -> bool:
    """Whether it is for us to ask: one process does, and none again before PAUSE is over."""
    with transaction() as session:
        make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(make(LeakSignerList).values(id=1, url=url, etag="").on_conflict_do_nothing())
        is_other = col(LeakSignerList.url) != url
        statement = (
            update(LeakSignerList)
            .where(or_(is_other, col(LeakSignerList.tried_at).is_(None), col(LeakSignerList.tried_at) <= now - PAUSE))
            .values(tried_at=now)
            .returning(col(LeakSignerList.url))
        )
        kept = session.execute(statement).scalar()
        if kept is not None and kept != url:  # the setting was changed: what the other address said is worth nothing
            session.execute(delete(LeakSigner))
            session.execute(update(LeakSignerList).values(url=url, etag="", fetched_at=None))
        return kept is not None


def _ask(source: Source, transaction: Transaction, etag: str, *, clock: Callable[[], datetime]) -> None:
    headers = {"Accept": "application/json"}
    if etag:
        headers["If-None-Match"] = etag
    if source.token:
        headers["Authorization"] = f"Bearer {source.token}"
    try:
        answer = source.guard.fetch(source.url, headers=headers, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
    except PosternError as problem:
        log.warning("leak_signers.unreachable", extra={"reason": problem.message})
        return
    if answer.status == 304 and etag:
        with transaction() as session:
            session.execute(update(LeakSignerList).values(fetched_at=clock()))
    elif answer.status == 200:
        _keep(transaction, answer.body, etag=answer.headers.get("etag", ""), now=clock())
    else:
        log.warning("leak_signers.refused", extra={"status": answer.status})


def _keep(transaction: Transaction, body: bytes, *, etag: str, now: datetime) -> None:
    try:
        listed = _LIST.decode(body).public_keys[:MOST_KEYS]
    except (msgspec.DecodeError, UnicodeDecodeError):
        log.warning("leak_signers.unreadable")
        return
    pems = {one.key_identifier: one.key for one in listed if signatures.is_usable(one.key_identifier, one.key)}
    if not pems:
        log.warning("leak_signers.empty")
        return
    with transaction() as session:
        session.execute(update(LeakSignerList).values(etag=etag[:200], fetched_at=now))
        session.execute(delete(LeakSigner))
        session.add_all(LeakSigner(id=key_id, pem=pem) for key_id, pem in pems.items())


def _is_younger(moment: datetime | None, than: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment < than
