"""What pages show is the ledger: by day, by tool, in total and call by call, for one organisation only."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import event

from app.core import clock, crypto, ids
from app.metering import queries, selection, spans
from app.metering.usage import Question
from tests.databases import on_both


@pytest.fixture
def scene(make):
    """Three calls by two tools on two days, one of them failed; and a stranger's call."""
    organisation = make.organisation()
    key = make.key(organisation)
    sampler = make.integration("sampler")
    make.call(key, sampler, at=make.hours_ago(30), tool="greet", duration_us=10_000)
    make.call(key, sampler, at=make.hours_ago(2), tool="greet", duration_us=30_000)
    make.call(key, sampler, at=make.hours_ago(1), tool="fail", status="tool_error")
    make.call(make.key(), sampler, at=make.hours_ago(1), tool="greet")
    return organisation


def week(now):
    return queries.days_back(now, 7)


def test_totals_are_those_of_the_calls(session, scene, now):
    since, until = week(now)

    totals = queries.totals(session, scene, since=since, until=until)

    calls = queries.calls_of(session, scene, limit=100)
    assert (totals.calls, totals.errors) == (len(calls), 1) == (3, 1)
    assert totals.bytes_out == sum(c.event.bytes_out for c in calls)


def test_totals_of_nothing_have_no_mean(session, make, now):
    since, until = week(now)

    totals = queries.totals(session, make.organisation(), since=since, until=until)

    assert (totals.calls, totals.mean_us) == (0, None)


def test_calls_are_paged_by_receipt_without_shifting(session, make, now):
    key, integration = make.key(), make.integration()
    organisation = make.organisation()
    key.organisation_id = organisation.id
    made = [make.call(key, integration, at=clock.now()) for _ in range(5)]
    newest_first = sorted((event.id for event in made), reverse=True)

    today = Question(organisation, spans.read(spans.TODAY, "", "", now=clock.now()))
    first = queries.calls_in(session, today, limit=2)
    make.call(key, integration, at=clock.now())
    second = queries.calls_in(session, today, limit=2, before=first[-1].event.id)

    assert [c.event.id for c in first + second] == newest_first[:4]


@on_both
def test_whatever_is_asked_for_every_call_is_on_one_page(session, make, now):
    """Clocks of gateways that were set put receipts and moments up to two days apart."""
    chance, organisation = random.Random(3), make.organisation()
    keys, place = [make.key(organisation) for _ in range(3)], make.integration("sampler")
    made = []
    for _ in range(60):
        at = now - timedelta(hours=chance.choice([0, 1, 30, 200, 201, 700]) + chance.random())
        receipt = ids.lowest_receipt(at + timedelta(hours=chance.randrange(-47, 48))) + ids.receipt_id()[14:]
        status = chance.choice(["ok", "ok", "ok", "timeout"])
        made.append(make.call(chance.choice(keys), place, at=at, id=receipt, tool=chance.choice("ab"), status=status))
    wanted = {
        selection.Wanted(status="failed"): lambda one: one.status != "ok",
        selection.Wanted(tool="sampler/a", status="timeout"): lambda one: one.tool == "a" and one.status == "timeout",
        selection.Wanted(key=str(keys[0].id)): lambda one: one.key_id == keys[0].id,
        selection.Wanted(error="nothing"): lambda _: False,
    }

    for name in ("24h", "7d", "30d"):
        span = spans.read(name, "", "", now=now)
        for asked, fits in wanted.items():
            question, found, before = Question(organisation, span, asked), [], None
            while page := queries.calls_in(session, question, limit=3, before=before):
                found += [one.event.id for one in page]
                before = found[-1]

            expected = [one.id for one in made if fits(one) and span.since <= one.at < span.until]
            assert found == sorted(expected, reverse=True), (name, asked)


@on_both
def test_events_are_not_looked_through_for_what_totals_say_is_not_there(session, make, now):
    organisation = make.organisation()
    make.call(make.key(organisation), make.integration(), at=now)
    span, statements = spans.read("30d", "", "", now=now), []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *said: statements.append(said[2]))

    assert queries.calls_in(session, Question(organisation, span, selection.Wanted(error="nothing")), limit=3) == []
    assert not [one for one in statements if "usage_event" in one]


def test_a_call_names_its_key_and_integration(session, scene):
    [call] = [call for call in queries.calls_of(session, scene, limit=3) if call.event.tool == "fail"]

    assert (call.key.name, call.integration.slug) == ("ci", "sampler")


def test_a_stranger_sees_none_of_it(session, scene, make, now):
    stranger = make.organisation("Other")
    since, until = week(now)

    assert queries.calls_of(session, stranger, limit=10) == []
    assert queries.totals(session, stranger, since=since, until=until).calls == 0
    assert not queries.has_succeeded(session, stranger)
    assert queries.has_succeeded(session, scene)


def test_attempts_shown_are_ones_own_and_unclaimed_ones_from_the_readers_address(session, make, now):
    mine = make.organisation()
    own = make.attempt(organisation=mine, address="198.51.100.9")
    unclaimed_here = make.attempt(reason="unknown_key", address="198.51.100.1")
    make.attempt(reason="unknown_key", address="198.51.100.2")
    make.attempt(organisation=make.organisation(), address="198.51.100.1")
    make.attempt(organisation=mine, at=make.hours_ago(2))
    here = crypto.keyed_digest("for development only", "address", "198.51.100.1")

    found = queries.attempts_of(session, mine, address_digest=here, since=now - timedelta(hours=1), limit=10)

    assert {attempt.id for attempt in found} == {own.id, unclaimed_here.id}
    hour = now - timedelta(hours=1)
    alone = queries.attempts_of(session, mine, address_digest=None, since=hour, limit=10)
    assert [attempt.id for attempt in alone] == [own.id]
