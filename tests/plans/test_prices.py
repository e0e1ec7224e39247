"""Setting prices, and what holds when."""

from datetime import timedelta, timezone
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from app.core import changes
from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid
from app.plans import checking, prices, pricing, queries
from app.plans.prices import NO_PRICE, PriceBook

ANYBODY = UUID(int=1)


@pytest.fixture
def sampler(make):
    return make.integration("sampler", tools=("greet", "seärch"))


def set_price(session, integration, nanos, *, tool="", effective_at=None, now, currency="usd"):
    return pricing.set_price(
        session,
        integration=integration,
        tool=tool,
        nanos_per_unit=nanos,
        currency=currency,
        effective_at=effective_at,
        now=now,
    )


def book_of(session, integration):
    book = PriceBook()
    book.put(prices.every(session), integration_ids=[integration.id])
    return book


def test_a_tools_own_price_goes_before_the_integrations(session, sampler, now):
    general = set_price(session, sampler, 100, now=now)
    own = set_price(session, sampler, 7, tool="greet", now=now)

    book = book_of(session, sampler)

    assert book.price_of(ANYBODY, sampler.id, "greet", now)[0].version_id == own.id
    assert book.price_of(ANYBODY, sampler.id, "other", now)[0].version_id == general.id
    assert book.price_of(ANYBODY, uuid4(), "greet", now) == NO_PRICE


def test_a_price_holds_from_its_moment_on_and_not_before(session, sampler, now):
    first = set_price(session, sampler, 100, now=now)
    later_at = now + timedelta(hours=1)
    later = set_price(session, sampler, 200, effective_at=later_at, now=now)

    book = book_of(session, sampler)

    assert book.price_of(ANYBODY, sampler.id, "greet", now - timedelta(microseconds=1)) == (None, "", now)
    before, _, until = book.price_of(ANYBODY, sampler.id, "greet", later_at - timedelta(microseconds=1))
    assert (before.version_id, until) == (first.id, later_at)
    assert book.price_of(ANYBODY, sampler.id, "greet", later_at)[0].version_id == later.id


def test_gateways_hear_of_it_and_it_is_written_down(session, sampler, now):
    version = set_price(session, sampler, 250_000_000, tool="greet", now=now)

    assert changes.since(session, 0)[-1].kind == "price"
    assert changes.since(session, 0)[-1].subject_id == sampler.id
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "price.set")).one()
    assert (entry.subject_id, entry.details["amount"], entry.details["tool"]) == (version.id, "$0.0025", "greet")


def test_a_version_is_known_by_its_digest(session, sampler, now):
    version = set_price(session, sampler, 100, now=now)
    session.expire_all()

    assert version.digest == pricing.digest_of(version)
    version.nanos_per_unit = 99
    assert version.digest != pricing.digest_of(version)
    session.rollback()


def test_a_price_is_followed_never_changed(session, sampler, now):
    set_price(session, sampler, 100, now=now)

    with pytest.raises(Conflict):
        set_price(session, sampler, 50, now=now)
    with pytest.raises(Invalid, match="past"):
        set_price(session, sampler, 50, effective_at=now - timedelta(seconds=1), now=now)
    assert [version.nanos_per_unit for version in queries.versions_of(session, sampler, tool="")] == [100]


@pytest.mark.parametrize("wrong", [{"nanos": -1}, {"currency": "doubloons"}, {"tool": "x" * 129}])
def test_what_cannot_be_meant_is_refused(session, sampler, now, wrong):
    with pytest.raises(Invalid):
        set_price(session, sampler, **{"nanos": 1, "now": now, **wrong})


def test_the_list_shows_what_holds_and_what_comes(session, sampler, now):
    old_at, new_at, next_at = (now + timedelta(hours=hours) for hours in (0, 1, 3))
    for at, nanos in ((old_at, 1), (new_at, 2), (next_at, 3)):
        set_price(session, sampler, nanos, effective_at=at, now=now)

    found = queries.in_force(session, now=now + timedelta(hours=2))

    assert [version.nanos_per_unit for _, version in found] == [3, 2]


def test_a_price_of_a_place_that_lost_its_prices_is_forgotten(session, sampler, now):
    set_price(session, sampler, 100, tool="greet", now=now)
    book = book_of(session, sampler)

    book.put([], integration_ids=[sampler.id])

    assert book.price_of(ANYBODY, sampler.id, "greet", now) == NO_PRICE


@pytest.mark.parametrize("change", ["UPDATE price_version SET nanos_per_unit = 1", "DELETE FROM price_version"])
def test_the_database_refuses_to_change_a_price(engine, session, sampler, now, change):
    set_price(session, sampler, 100, now=now)
    session.commit()

    with engine.connect() as connection, pytest.raises(DBAPIError, match="price_version is append-only"):
        connection.execute(text(change))


def test_prices_cannot_be_replaced(engine, session, sampler, now):
    set_price(session, sampler, 100, now=now)
    session.commit()
    replacing = "TRUNCATE price_version"

    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA recursive_triggers = OFF"))  # as in programs that are not Postern
            replacing = "INSERT OR REPLACE INTO price_version SELECT * FROM price_version"
        with pytest.raises(DBAPIError, match="price_version is append-only"):
            connection.execute(text(replacing))


def test_a_price_keeps_its_digest_in_the_database(engine, session, sampler, now):
    elsewhere = (now + timedelta(days=1)).astimezone(timezone(timedelta(hours=2)))
    set_price(session, sampler, 100, tool="seärch", now=now)
    set_price(session, sampler, 100, effective_at=elsewhere, now=now)
    session.commit()

    with engine.connect() as connection:
        assert list(checking.changed(connection)) == []


def test_a_tool_that_is_not_there_has_no_price(session, sampler, make, now):
    with pytest.raises(Invalid, match=r"no tool called “nope”\. It has: greet, seärch"):
        set_price(session, sampler, 1, tool="nope", now=now)

    set_price(session, make.integration("unseen", tools=()), 1, tool="nope", now=now)
