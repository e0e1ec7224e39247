"""A newer version of a plan supersedes moves to older ones: nobody follows there, and who was told hears of it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.core.config import Settings
from app.core.mail import SENT, Mail
from app.core.mail_letters import write
from app.plans import moving, queries, services, succession
from tests.plans.catalogues import SMALL, apply, choice

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DEARER = SMALL.replace('usd.calls = { each = "0.005" }', 'usd.calls = { each = "0.006" }')
DEAREST = DEARER.replace("0.006", "0.007")
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def subscriber(session, make, now):
    """An organisation on “team” with somebody who sees to paying, announced to be moved to a dearer version."""
    apply(session, now=now)
    organisation = make.organisation("Acme", owner=make.person(email="olive@example.com"))
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    apply(session, DEARER, now=now, effective_at=DECEMBER, is_moving=True, notice_days=0)
    assert queries.subscription_at(session, organisation.id, now).next_at == DECEMBER
    return organisation


def letters(session):
    return {letter.template: letter for letter in session.exec(select(Mail))}


def sent(session):
    for letter in session.exec(select(Mail)):
        letter.state = SENT
    session.flush()


def goes_on(session, *, now):
    """The worker's rounds, until the middle of December."""
    for days in (0, 15, 45):
        succession.apply_due(session, now=now + timedelta(days=days))
        moving.carry_on(session, now=now + timedelta(days=days))


def test_a_rise_that_was_taken_back_moves_nobody_and_those_who_were_told_hear_of_it_once(session, subscriber, now):
    sent(session)

    [difference] = apply(session, SMALL, now=now)

    assert difference.withdrawn == 1
    held = queries.subscription_at(session, subscriber.id, now)
    assert (held.next_at, held.next_plan_version_id, held.told_at) == (None, None, None)
    goes_on(session, now=now)
    assert queries.standing(session, subscriber.id, at=now + timedelta(days=45)).offer.version.number == 1
    letter = letters(session)["plan_stays"]
    assert (len(session.exec(select(Mail)).all()), letter.recipient) == (2, "olive@example.com")
    said = write(letter.template, letter.context, Settings())
    assert said.subject == "“Team” does not change on 1 December 2026"
    actions = [entry.action for entry in session.exec(select(AuditEntry))]
    assert actions.count("subscription.move_withdrawn") == 1


def test_mail_about_the_rise_that_was_not_sent_yet_is_not_sent_and_nothing_is_taken_back(session, subscriber, now):
    apply(session, SMALL, now=now)

    assert letters(session) == {}


def test_another_move_takes_the_place_of_the_first_and_says_so(session, subscriber, now):
    sent(session)

    apply(session, DEAREST, now=now, is_moving=True, notice_days=30)

    held = queries.subscription_at(session, subscriber.id, now)
    assert held.next_plan_version_id == queries.newest(session)["team"].version.id
    fresh = session.exec(select(Mail).where(Mail.state != SENT))
    said = [write(one.template, one.context, Settings()).text for one in fresh]
    assert len(said) == 1
    assert "takes the place of the change that was announced for 1 December 2026" in said[0]
    assert "$0.005 per call → $0.007 per call" in said[0]


def test_who_has_all_that_the_new_version_says_is_left_alone_even_with_a_move(session, subscriber, now):
    sent(session)

    apply(session, SMALL, now=now, is_moving=True)

    goes_on(session, now=now)
    assert queries.standing(session, subscriber.id, at=now + timedelta(days=45)).offer.version.number == 1
    assert moving.followers(session, queries.newest(session)["team"]) == 0
    assert set(letters(session)) == {"plan_changes", "plan_stays"}


def test_who_has_planned_something_themselves_keeps_it(session, subscriber, now):
    services.cancel(session, organisation=subscriber, reason="", now=now)

    [difference] = apply(session, SMALL, now=now)

    assert difference.withdrawn == 0
    held = queries.subscription_at(session, subscriber.id, now)
    assert (held.next_by, held.next_at) == ("customer", DECEMBER)


def test_what_has_begun_already_is_not_undone(session, subscriber, now):
    later = DECEMBER + timedelta(seconds=5)

    apply(session, SMALL, now=later)

    succession.apply_due(session, now=later)
    assert queries.standing(session, subscriber.id, at=later).offer.version.number == 2
