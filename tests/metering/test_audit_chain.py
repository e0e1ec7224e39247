"""The audit trail only grows: the database refuses all else, and what is done to it behind its back is found."""

import shutil
import sqlite3
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from app.core import audit, db
from app.core.audit import AuditEntry
from app.core.vault import Vault
from app.metering import audit_chain, proving, signing
from app.metering.audit_chain import AuditSealer
from tests.conftest import NOW
from tests.metering.test_verification import tamper

VAULT = Vault(["x" * 32])
ACTIONS = ["key.issued", "key.revoked", "limit.set", "price.set", "member.invited"]


def note(engine, actions):
    with Session(engine) as session:
        for number, action in enumerate(actions):
            audit.record(
                session,
                action=action,
                now=NOW + timedelta(seconds=number),
                organisation_id=UUID(int=1),
                details={"näme": action, "amount": "5"},
            )
        session.commit()


def seal(engine):
    with Session(engine) as session:
        sealed = 0
        sealer = AuditSealer()
        while count := sealer.run(session, VAULT, now=NOW):
            session.commit()
            sealed += count
        return sealed


@pytest.fixture
def sealed(engine):
    note(engine, ACTIONS[:3])
    seal(engine)
    note(engine, ACTIONS[3:])
    seal(engine)
    with Session(engine) as session:
        return {entry.action: entry.id for entry in session.exec(select(AuditEntry))}


def findings(engine, *, before=NOW + timedelta(days=1)):
    with proving.reading(engine) as connection:
        return list(audit_chain.check(connection, keys=proving.keys_in(connection), unsealed_before=before))


def at(engine, entry_id):
    return entry_id.hex if engine.dialect.name == "sqlite" else entry_id


def test_a_sound_trail_has_nothing_wrong_and_is_sealed_once(engine, sealed):
    assert findings(engine) == []
    assert seal(engine) == 0


def test_every_column_of_an_entry_is_in_the_chain():
    assert set(audit_chain.COLUMNS[audit_chain.FORM]) == set(AuditEntry.__table__.columns.keys())


@pytest.mark.parametrize("table", ["audit_entry", "audit_link"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = NULL", "DELETE FROM {}", "replace"])
def test_the_database_refuses_to_change_the_trail(engine, sealed, table, change):
    column = {"audit_entry": "request_id", "audit_link": "hash"}[table]
    if change == "replace":
        with pytest.raises((DBAPIError, sqlite3.IntegrityError), match=f"{table} is append-only"):
            replace(engine, table)
        return
    with engine.connect() as connection, pytest.raises(DBAPIError, match=f"{table} is append-only"):
        connection.execute(text(change.format(table, column)))


def replace(engine, table):
    """By a program that is not Postern, for which SQLite does not ask the trigger for DELETE."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.execute(text(f"TRUNCATE {table}"))
        return
    stranger = sqlite3.connect(engine.url.database)
    try:
        stranger.execute(f"REPLACE INTO {table} SELECT * FROM {table}")
    finally:
        stranger.close()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_deleted_entry_is_found(engine, sealed, action):
    victim = sealed[action]

    tamper(engine, "DELETE FROM audit_entry WHERE id = :id", id=at(engine, victim))

    assert any(f"the entry {victim} was deleted" in words for words in findings(engine))


def test_an_entry_deleted_with_its_place_is_found(engine, sealed):
    victim = at(engine, sealed["key.revoked"])

    tamper(
        engine,
        "DELETE FROM audit_entry WHERE id = :id",
        "DELETE FROM audit_link WHERE entry_id = :id",
        id=victim,
    )

    assert findings(engine)


@pytest.mark.parametrize(
    "change",
    [
        "action = 'key.kept'",
        'details = \'{"amount": "6"}\'',
        "person_id = '00000000000000000000000000000007'",
        "organisation_id = NULL",
        "at = '2026-01-01 00:00:00.000000'",
        "request_id = 'req_1'",
        "actor_kind = 'operator'",
        "actor = 'Mallory'",
        "admin_key_id = '00000000000000000000000000000007'",
        "address = '203.0.113.9'",
        "client = 'curl'",
    ],
)
def test_a_changed_entry_is_found(engine, sealed, change):
    victim = sealed["limit.set"]

    tamper(engine, f"UPDATE audit_entry SET {change} WHERE id = :id", id=at(engine, victim))

    assert any(f"({victim}) was changed" in words for words in findings(engine))


def seal_as_the_release_before(engine):
    """What the release before left: places without a form, over the columns that there were."""
    with Session(engine) as session:
        signer = signing.signer(session, VAULT, now=NOW)
        head, rows = audit_chain.GENESIS, []
        for seq, entry in enumerate(session.exec(select(AuditEntry).order_by(AuditEntry.at)), start=1):
            head = audit_chain._link(head, entry.model_dump(), form=1)
            signature = signing.encoded(signer.sign(audit_chain.message(seq, head.hex())))
            rows.append((seq, at(engine, entry.id), head.hex(), signer.key_id, signature))
        session.commit()
    for seq, entry_id, digest, key_id, signature in rows:
        tamper(
            engine,
            "INSERT INTO audit_link (seq, entry_id, hash, signing_key_id, signature) "
            "VALUES (:seq, :entry_id, :digest, :key_id, :signature)",
            seq=seq,
            entry_id=entry_id,
            digest=digest,
            key_id=key_id,
            signature=signature,
        )


def test_entries_sealed_before_there_was_a_where_stay_sound_and_new_ones_follow(engine):
    note(engine, ACTIONS[:3])
    tamper(engine, "UPDATE audit_entry SET actor_kind = ''")
    seal_as_the_release_before(engine)
    note(engine, ACTIONS[3:])
    seal(engine)
    assert findings(engine) == []

    tamper(engine, "UPDATE audit_entry SET address = '203.0.113.9' WHERE action = 'key.issued'")
    tamper(engine, "UPDATE audit_link SET form = 1 WHERE seq = 5")

    assert [words.partition(":")[0] for words in findings(engine)] == ["place 1", "place 5"]


def test_a_worker_of_the_release_before_seals_nothing_without_where_it_came_from(engine, sealed):
    statement = "INSERT INTO audit_link (seq, entry_id, hash, signing_key_id, signature) VALUES (9, :id, '', '', '')"

    with engine.connect() as connection, pytest.raises(DBAPIError, match="form"):
        connection.execute(text(statement), {"id": UUID(int=5).hex})


def test_a_trail_made_anew_without_the_key_is_found(engine, sealed):
    tamper(engine, "UPDATE audit_link SET signature = 'AAAA' WHERE seq = 2")

    assert findings(engine) == ["place 2: its signature does not fit, or its key is not published"]


def test_an_entry_put_in_later_is_found(engine, sealed):
    note(engine, ["key.issued"])

    [words] = findings(engine)

    assert "has no place in the chain" in words
    assert findings(engine, before=NOW) == []


@settings(max_examples=20)
@given(gone=st.sets(st.integers(1, 5), min_size=1, max_size=4), order=st.permutations(range(1, 6)))
def test_whatever_is_taken_away_or_moved_is_found_and_nothing_else(tmp_path_factory, sqlite_template, gone, order):
    path = tmp_path_factory.mktemp("trail") / "audit.db"
    shutil.copy(sqlite_template, path)
    engine = db.create(f"sqlite:///{path}")
    note(engine, ACTIONS)
    seal(engine)
    assert findings(engine) == []

    with Session(engine) as session:
        ids = {row.seq: row.entry_id for row in session.execute(text("SELECT seq, entry_id FROM audit_link"))}
    moves = [(seq, other) for seq, other in enumerate(order, start=1) if seq != other]
    tamper(engine, *[f"UPDATE audit_link SET entry_id = 'aside{seq}' WHERE seq = {seq}" for seq, _ in moves])
    tamper(engine, *[f"UPDATE audit_link SET entry_id = '{ids[other]}' WHERE seq = {seq}" for seq, other in moves])
    for seq, _ in moves:
        assert any(words.startswith(f"place {seq}:") for words in findings(engine))
    for seq in gone:
        tamper(engine, f"DELETE FROM audit_entry WHERE id = '{ids[order[seq - 1]]}'")

    found = findings(engine)

    for seq in gone:
        assert any(words.startswith(f"place {seq}: the entry") for words in found)
    engine.dispose()
