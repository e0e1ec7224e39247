"""A drill: a throw-away test key leaks, and everything happens to it that would happen to a real one.

It goes by the same functions as GitHub's reports, and asks the gateway itself whether the key still opens it. Only the
mail goes to nobody but whoever had the drill, and webhooks are told that it is one.
"""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from app.accounts.models import Person
from app.core import clock
from app.core.config import Settings
from app.core.errors import LimitReached, PosternError
from app.core.net import Guard
from app.keys import services as keys
from app.keys.models import Key
from app.keys.terms import Terms
from app.leaks import models, queries, services, telling
from app.leaks.models import LeakDrill
from app.leaks.reports import Report
from app.organisations import ownership
from app.organisations.models import Organisation

WAIT_S = 3.0
"""Three times as long as a gateway needs to hear of anything."""
ASK_EVERY_S = 0.05
LIVES = timedelta(minutes=10)
"""Of the key, should nothing come to delete it."""
MOST_AN_HOUR = 20
"""In one organisation: each leaves a few rows."""
LONGEST = timedelta(minutes=1)
"""So long after its beginning a drill that was cut off keeps another from beginning."""
PING = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
REFUSED = (401, 403)
_ANYWHERE = Guard(private_networks=("0.0.0.0/0", "::/0"), requires_https=False)
"""The operator's own settings name the gateway: it may well be in a private network."""

Transaction = Callable[[], AbstractContextManager[Session]]


@dataclass(slots=True)
class _Log:
    """The steps as they went."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    _from: float = field(default_factory=time.monotonic)

    def note(self, words: str, *, is_done: bool = True) -> int:
        """Write down what was just done; gives its microseconds, since the step before."""
        now = time.monotonic()
        took_us, self._from = round((now - self._from) * 1_000_000), now
        self.steps.append({"words": words, "us": took_us if is_done else None, "is_done": is_done})
        return took_us


def hold(transaction: Transaction, settings: Settings, *, organisation_id: UUID, person_id: UUID) -> UUID:
    """Have one, in a few seconds at most; gives the id of what was written down about it.

    transaction: opens one of its own, committed when it is left; none is open while the gateway is asked.
    Raises LimitReached when the organisation has as many keys as it may, had MOST_AN_HOUR, or has one under way.
    """
    log, dead_us = _Log(), None
    with transaction() as session:
        act = queries.act_of(session, organisation_id)
        held_id = _begin(session, organisation_id=organisation_id, person_id=person_id, act=act)
        key_id, secret = _make(session, settings, organisation_id=organisation_id, person_id=person_id)
    log.note("A test key was made, which reaches samples only.")
    try:
        is_seen = _wait(settings, secret, is_open=True)
        log.note(
            "The gateway let it in." if is_seen else "The gateway could not be asked from here whether it lets it in.",
            is_done=is_seen,
        )
        dead_us = _leak(transaction, settings, log, secret, act=act, is_seen=is_seen)
        with transaction() as session:
            said = _told(session, key_id, person_id)
        log.note(said)
    finally:
        with transaction() as session:
            _delete(session, key_id, person_id)
        log.note("The test key was deleted.")
        with transaction() as session:
            held = session.get_one(LeakDrill, held_id)
            held.steps, held.dead_us = log.steps, dead_us
            session.add(held)
    return held_id


def _begin(session: Session, *, organisation_id: UUID, person_id: UUID, act: str) -> UUID:
    """Written down before it begins, since each holds one of the portal's threads until it is over."""
    ownership.lock(session, session.get_one(Organisation, organisation_id))
    now = clock.now()
    lately = queries.drills_since(session, organisation_id, since=now - timedelta(hours=1))
    if len(lately) >= MOST_AN_HOUR:
        raise LimitReached(f"There were {MOST_AN_HOUR} drills within an hour. Wait a little.")
    if any(not one.steps and one.at > now - LONGEST for one in lately):
        raise LimitReached("A drill is under way. Wait until it is over, a few seconds, and look at it first.")
    held = LeakDrill(organisation_id=organisation_id, person_id=person_id, at=now, act=act)
    session.add(held)
    session.flush()
    return held.id


def _leak(
    transaction: Transaction, settings: Settings, log: _Log, secret: str, *, act: str, is_seen: bool
) -> int | None:
    """Report it, and see it dead; gives how long that took in microseconds, if it could be seen."""
    with transaction() as session:
        report = Report(secret, "drill", "")
        services.take_in(session, [report], reporter=models.DRILL, now=clock.now())
    done = {models.REVOKE: "revoked it", models.QUARANTINE: "disabled it", models.NOTIFY: "left it as it is"}[act]
    reported_us = log.note(f"It was reported as found, which {done}, as your organisation chose.")
    if act == models.NOTIFY:
        log.note("It still opens the gateway: your organisation only wants to be told.", is_done=False)
        return None
    if not (is_seen and _wait(settings, secret, is_open=False)):
        log.note("Whether the gateway refuses it could not be seen from here.", is_done=False)
        return None
    return reported_us + log.note("The gateway refused it.")


def _make(session: Session, settings: Settings, *, organisation_id: UUID, person_id: UUID) -> tuple[UUID, str]:
    now = clock.now()
    issued = keys.issue(
        session,
        organisation=session.get_one(Organisation, organisation_id),
        name=f"Leak drill, {now:%-d %b %H:%M}",
        brand=settings.key_brand,
        environment="test",
        on=Terms(expires_at=now + LIVES),
        person_id=person_id,
        now=now,
    )
    return issued.key.id, issued.secret


def _wait(settings: Settings, secret: str, *, is_open: bool) -> bool:
    """Whether the gateway came to answer so within WAIT_S. It is asked again and again, and not once it is away."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            status = _ask(settings, secret)
        except PosternError:
            return False
        if (status not in REFUSED) is is_open:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(ASK_EVERY_S)


def _ask(settings: Settings, secret: str) -> int:
    """The status of a ping with this key, which is free."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    url = f"{settings.gateway_url}/k/mcp"
    return _ANYWHERE.fetch(url, method="POST", headers=headers, body=PING, timeout_s=WAIT_S).status


def _told(session: Session, key_id: UUID, person_id: UUID) -> str:
    finds = queries.finds_of_key(session, key_id)
    person = session.get_one(Person, person_id)
    mails = telling.tell(session, finds, only_to=person.email or "", now=clock.now()) if finds else 0
    return "Mail to whoever began the drill was written." if mails else "No mail was written: there is no address."


def _delete(session: Session, key_id: UUID, person_id: UUID) -> None:
    key = session.get_one(Key, key_id)
    if not key.is_revoked:
        keys.revoke(session, key=key, person_id=person_id, now=clock.now())
    keys.delete(session, key=key, person_id=person_id, now=clock.now())
