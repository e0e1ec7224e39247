from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import Session

from app.core import ids
from app.keys.models import Key
from app.metering import notebook
from app.metering.models import Attempt
from app.metering.notebook import Notebook
from tests.conftest import NOW
from tests.waiting import PATIENCE_S, eventually


def attempt(**more):
    return {
        "id": ids.request_id(),
        "at": NOW,
        "organisation_id": None,
        "key_id": None,
        "address_digest": "0" * 64,
        "reason": "no_key",
        "http_status": 401,
        "path": "/mcp/sampler",
        "method": "tools/call",
        "tool": "greet",
        "key_hint": "",
        "detail": "",
        "rule_id": None,
        "policy_version": 0,
        **more,
    }


@contextmanager
def writing(engine):
    book = Notebook(engine)
    book.start()
    try:
        yield book
    finally:
        book.stop(timeout_s=PATIENCE_S)


def attempts_in(engine):
    with Session(engine) as session:
        return list(session.scalars(select(Attempt)))


def last_used(engine, key):
    with Session(engine) as session:
        return session.get(Key, key.id).last_used_at


def use_of(book, key):
    return book.uses.use(key.id, bytes.fromhex(key.digest), address="192.0.2.7", client="curl/8.5.0")


def test_a_refused_try_can_be_read_while_it_runs(engine):
    with writing(engine) as book:
        said = attempt(organisation_id=UUID(int=7))
        assert book.refused(said)

        found = eventually(lambda: attempts_in(engine))[0]

    assert {name: getattr(found, name) for name in said} == said


def test_a_flood_of_tries_is_only_partly_kept(engine, monkeypatch):
    kept = []
    monkeypatch.setattr(notebook, "monotonic", lambda: 0.0)
    with writing(engine) as book:
        for second in (0.0, 1.0):
            monkeypatch.setattr(notebook, "monotonic", lambda second=second: second)
            kept.append(sum(book.refused(attempt()) for _ in range(1_000)))

    assert kept == [notebook.PER_SECOND, notebook.PER_SECOND]
    assert len(attempts_in(engine)) == sum(kept)


@pytest.mark.parametrize("earlier", [None, NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)])
def test_last_used_only_moves_forward(engine, session, make, earlier):
    key, untouched = make.key(), make.key()
    key.last_used_at = earlier
    session.add(key)
    session.commit()

    with writing(engine) as book:
        use = use_of(book, key)
        book.uses.used(use, NOW - timedelta(seconds=1))
        book.uses.used(use, NOW)

    assert last_used(engine, key) == max(NOW, earlier or NOW)
    assert last_used(engine, untouched) is None


def test_uses_are_written_while_it_runs(engine, session, make, monkeypatch):
    monkeypatch.setattr(notebook, "USES_EVERY_S", 0.05)
    key = make.key()
    session.commit()

    with writing(engine) as book:
        book.uses.used(use_of(book, key), NOW)

        assert eventually(lambda: last_used(engine, key)) == NOW


def test_an_unreachable_database_costs_notes_and_nothing_else(engine, caplog):
    with writing(engine) as book:
        book.refused(attempt(reason=None))
        eventually(lambda: "attempts.lost" in caplog.text)
        book.refused(attempt())

        eventually(lambda: attempts_in(engine))
