"""Whatever is done to a chain, verification breaks there (invariant I16)."""

import asyncio
import shutil
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Integer, Uuid, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from app.core import clock, db
from app.core.db import UtcDateTime
from app.core.vault import Vault
from app.metering import chain, proving, receipts, sealing, signing, verification
from app.metering.ledger import EVENTS
from app.metering.receipts import NotAReceipt
from app.metering.signing import Signer
from tests import databases
from tests.conftest import NOW
from tests.metering.recording import recording, row

OWNER = UUID(int=1)
EPOCH = datetime(1970, 1, 1, tzinfo=NOW.tzinfo)
EVENTS_IN_IT = 7
places = st.integers(1, EVENTS_IN_IT)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sealed(request, tmp_path_factory):
    """A database with a sealed chain of seven events, unlike each other; whoever changes it takes it back."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("chain") / "ledger.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres_url")
        databases.empty(url)
    engine = db.create(url)
    asyncio.run(_write(engine))
    with Session(engine) as session:
        assert sealing.Sealer().run(session, Vault(["x" * 32]), now=clock.now()) == EVENTS_IN_IT
        session.commit()
    if request.param == "sqlite":
        with engine.begin() as connection:
            for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.execute(text(f"DROP TRIGGER {name[0]}"))
    yield engine
    engine.dispose()


async def _write(engine):
    async with recording(engine) as recorder:
        for number in range(EVENTS_IN_IT):
            await recorder.record(
                row(
                    tool=["greet", "seärch", "𝄞"][number % 3],
                    status=["ok", "tool_error"][number % 2],
                    at=NOW + timedelta(hours=5 * number, microseconds=number),
                    rules="0123abcd",
                    price_version_id=UUID(int=0xABCDEF << number),
                    idempotency_digest="ab" * 32,
                    error_class="unknown_tool",
                )
            )


@contextmanager
def changing(engine):
    """A connection of somebody who can do everything, and who thinks better of it afterwards."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        try:
            yield connection
        finally:
            connection.rollback()


def places_found(connection):
    """Where verification breaks; and that it says why in words."""
    keys = proving.keys_in(connection)
    found = verification.check(connection, OWNER, keys=keys, unsealed_before=NOW - timedelta(days=1))
    return {finding.seq for finding in found if finding.what}


def id_at(connection, seq):
    return connection.execute(text("SELECT event_id FROM sealed_event WHERE seq = :seq"), {"seq": seq}).scalar_one()


def test_i16_an_untouched_chain_verifies(sealed):
    with changing(sealed) as connection:
        assert places_found(connection) == set()


@settings(max_examples=60)  # two for each column
@given(seq=places, name=st.sampled_from(chain.COLUMNS), at=st.integers(0), bit=st.integers(0, 63))
def test_i16_a_flipped_bit_of_any_field_of_any_event_breaks_it_there(sealed, seq, name, at, bit):
    with changing(sealed) as connection:
        victim = id_at(connection, seq)
        flip(connection, victim, EVENTS.c[name], at, bit)

        assert seq in places_found(connection)


def flip(connection, victim, column, at, bit):
    """Flip one bit of what is stored; SQLite takes whatever comes of it."""
    kind, is_sqlite = column.type, connection.dialect.name == "sqlite"
    value = connection.execute(
        text(f"SELECT {column.name} FROM usage_event WHERE id = :id"), {"id": victim}
    ).scalar_one()
    if isinstance(kind, Integer):
        bits = 64 if is_sqlite or isinstance(kind, BigInteger) else 32
        new, stored = flipped_number(value, bit % bits, bits), ":new"
    elif is_sqlite:
        new, stored = flipped_bytes(str(value).encode(), at, bit), "CAST(:new AS TEXT)"
    elif not isinstance(kind, Uuid | UtcDateTime):
        data = flipped_bytes(value.encode(), at, bit)
        try:
            new, stored = data.decode(), ":new"
        except UnicodeDecodeError:
            assume(False)  # PostgreSQL takes only whole characters, and none of them a zero
        assume("\0" not in new)
    elif isinstance(kind, Uuid):
        new, stored = UUID(int=value.int ^ 1 << (at % 128)), ":new"
    else:
        micros = flipped_number((value - EPOCH) // timedelta(microseconds=1), bit % 55, 64)
        new, stored = EPOCH + timedelta(microseconds=micros), ":new"
    try:
        connection.execute(
            text(f"UPDATE usage_event SET {column.name} = {stored} WHERE id = :id"), {"new": new, "id": victim}
        )
    except DBAPIError:
        assume(False)  # too long for PostgreSQL's column


def flipped_number(number, bit, bits):
    return ((number ^ 1 << bit) + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def flipped_bytes(data, at, bit):
    place = at % len(data)
    return data[:place] + bytes([data[place] ^ 1 << bit % 8]) + data[place + 1 :]


@settings(max_examples=30)
@given(seq=places, name=st.sampled_from(["event_id", "hash"]), at=st.integers(0), bit=st.integers(0, 6))
def test_i16_a_flipped_bit_of_a_link_breaks_it_there(sealed, seq, name, at, bit):
    with changing(sealed) as connection:
        value = connection.execute(text(f"SELECT {name} FROM sealed_event WHERE seq = :seq"), {"seq": seq}).scalar_one()
        new = flipped_bytes(value.encode(), at, bit).decode()
        assume("\0" not in new)
        connection.execute(text(f"UPDATE sealed_event SET {name} = :new WHERE seq = :seq"), {"new": new, "seq": seq})

        assert seq in places_found(connection)


@settings(max_examples=20)
@given(dropped=st.sets(places, min_size=1), with_links=st.booleans())
def test_i16_dropped_events_break_it_there(sealed, dropped, with_links):
    with changing(sealed) as connection:
        for seq in dropped:
            event_id = id_at(connection, seq)
            connection.execute(text("DELETE FROM usage_event WHERE id = :id"), {"id": event_id})
        if with_links:
            for seq in dropped:
                connection.execute(text("DELETE FROM sealed_event WHERE seq = :seq"), {"seq": seq})

        found = places_found(connection)

    if not with_links:
        assert dropped <= found
        return
    left = set(range(1, EVENTS_IN_IT + 1)) - dropped
    last = max(left, default=0)
    first_of_gaps = {seq for seq in dropped if seq - 1 not in dropped and seq < last}
    assert first_of_gaps <= found
    assert last == EVENTS_IN_IT or last in found  # where it ends now, and its seal goes on


@settings(max_examples=30)
@given(order=st.permutations(range(1, EVENTS_IN_IT + 1)))
def test_i16_reordered_events_break_it_wherever_another_stands(sealed, order):
    moved = {seq for seq, other in enumerate(order, start=1) if seq != other}
    with changing(sealed) as connection:
        ids = [id_at(connection, seq) for seq in order]
        for seq in moved:
            connection.execute(
                text("UPDATE sealed_event SET event_id = :id WHERE seq = :seq"), {"seq": seq, "id": f"aside {seq}"}
            )
        for seq in moved:
            connection.execute(
                text("UPDATE sealed_event SET event_id = :id WHERE seq = :seq"), {"seq": seq, "id": ids[seq - 1]}
            )

        assert moved <= places_found(connection)
        assert bool(places_found(connection)) == bool(moved)


@cache
def _signed():
    """A group's receipts, and the public keys: made once, because nothing here depends on which they are."""

    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes_raw()
    signer = Signer(signing.id_of(public), private)
    rows = [row(tool=tool) for tool in ("greet", "seärch", "𝄞", "a", "b")]
    payloads = [(one["id"], receipts.payload(one, month=None, left_nanos=3)) for one in rows]
    return receipts.sign(payloads, signer), {signer.key_id: public}


def test_i16_a_receipt_verifies_offline():
    texts, keys = _signed()

    assert [receipts.verified(one, keys)["tool"] for one in texts] == ["greet", "seärch", "𝄞", "a", "b"]


@settings(max_examples=300)
@given(which=st.integers(0, 4), at=st.integers(0), bit=st.integers(0, 6))
def test_i16_a_receipt_with_a_flipped_bit_does_not(which, at, bit):
    texts, keys = _signed()
    changed = flipped_bytes(texts[which].encode(), at, bit).decode()
    assume(changed.strip() != texts[which])

    with pytest.raises(NotAReceipt):
        receipts.verified(changed, keys)
