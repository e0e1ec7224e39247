"""What has run out stands above every page, with what mends it; and no longer than that is so."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.limits import services
from app.limits.models import SHARED, LimitCounter, LimitRule
from app.limits.services import Selection
from app.metering.models import Attempt
from app.plans import periods

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DOLLARS = 100 * 10**9


def cap(session, make, organisation, now, *, set_by="organisation", used=98):
    """A cap of a dollar a month, of which so many percent are used, and a call that was refused for it."""
    rule = services.set_limit(
        session, selection=Selection(organisation=organisation), measure="spend", period="month", most=DOLLARS,
        set_by=set_by, now=now,
    )  # fmt: skip
    full(session, rule, now, used=used)
    attempt = make.attempt(organisation=organisation, reason="cap_reached", at=now - timedelta(minutes=5))
    attempt.rule_id = rule.id
    session.add(attempt)
    session.commit()
    return rule


def full(session, rule, now, *, used):
    month_at = periods.start_of("month", now)
    session.add(
        LimitCounter(
            rule_id=rule.id, subject_id=SHARED, period_at=month_at, most=rule.most, spent=rule.most * used // 100,
            reserved=0,
        )
    )  # fmt: skip


def test_a_cap_that_is_reached_is_said_with_where_to_change_it(session, make, owner, member, now):
    cap(session, make, owner.organisation, now)

    page = owner.get("/keys/")

    assert "Your cap is reached" in page.text
    assert "You allow $1.00 a month; calls that would go beyond that are refused." in page.text
    assert "A new period begins on 1 December, 00:00 UTC." in page.text
    assert "See all caps" in page.text
    assert 'href="/billing/limits/"' in page.html
    assert "Ask an owner" in member.get("/keys/").text


def test_other_caps_that_are_reached_are_said_with_it(session, make, owner, now):
    for name, most, set_by in (("ci", 5, "organisation"), ("of others", 6, "operator"), ("not yet", 7, "organisation")):
        key = make.key(owner.organisation, name=name)
        rule = services.set_limit(
            session, selection=Selection(organisation=owner.organisation, key=key), measure="spend", period="month",
            most=DOLLARS * most, set_by=set_by, now=now,
        )  # fmt: skip
        full(session, rule, now, used=50 if name == "not yet" else 100)
    cap(session, make, owner.organisation, now)

    text = owner.get("/keys/").text

    assert "Reached, too: $5.00 a month for the key “ci”. A new period begins" in text


def test_whoever_has_raised_it_is_told_no_more(session, make, owner, now):
    rule = cap(session, make, owner.organisation, now)
    found = session.get(LimitRule, rule.id)
    found.most = 2 * DOLLARS
    session.add(found)
    session.commit()

    assert "Your cap is reached" not in owner.get("/keys/").text


def test_a_limit_of_others_says_whose_it_is(session, make, owner, outsider, now):
    cap(session, make, owner.organisation, now, set_by="operator")

    assert "Whoever runs this gateway allows $1.00 a month" in owner.get("/home/").text
    assert "A limit is reached" not in outsider.get("/home/").text


def test_what_was_refused_long_ago_is_over(session, make, owner, now):
    cap(session, make, owner.organisation, now)
    attempt = session.exec(select(Attempt)).one()
    attempt.at = now - timedelta(hours=2)
    session.add(attempt)
    session.commit()

    assert "Your cap is reached" not in owner.get("/keys/").text
