"""What a plan allows becomes limits, changed in place."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.limits import entitlements, services
from app.limits.models import LimitRule
from app.limits.services import Selection
from app.plans import services as plans
from app.plans import succession
from tests.plans.catalogues import SMALL, apply, choice


@pytest.fixture
def organisation(session, make, now):
    apply(session, now=now)
    return make.organisation()


def rules(session):
    return {(rule.measure, rule.period): rule for rule in session.exec(select(LimitRule)) if rule.set_by == "plan"}


def test_a_plan_limits_its_organisation(session, organisation, now):
    succession.enrol(session, now=now)

    assert entitlements.apply_due(session, now=now) == 1

    found = rules(session)
    assert {place: rule.most for place, rule in found.items()} == {
        ("calls", "minute"): 60,
        ("calls", "month"): 1000,
        ("streams", ""): 5,
        ("spend", "month"): 0,
    }
    assert {rule.organisation_id for rule in found.values()} == {organisation.id}
    assert entitlements.apply_due(session, now=now) == 0


def test_what_was_used_of_a_limit_stays_used_when_the_plan_changes(session, organisation, now):
    entitlements.apply(session, organisation=organisation, now=now)
    before = rules(session)

    plans.change(session, organisation=organisation, choice=choice(session, "payg", now=now), now=now)
    entitlements.apply(session, organisation=organisation, now=now)

    after = rules(session)
    assert set(after) == {("calls", "minute")}
    assert (after["calls", "minute"].id, after["calls", "minute"].most) == (before["calls", "minute"].id, 600)


def test_limits_that_others_have_set_are_left_alone(session, organisation, now):
    mine = services.set_limit(
        session, selection=Selection(organisation=organisation), measure="calls", period="minute", most=7, now=now
    )

    entitlements.apply(session, organisation=organisation, now=now)
    plans.change(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    entitlements.apply(session, organisation=organisation, now=now)

    assert session.get(LimitRule, mine.id).most == 7
    assert rules(session) == {}


def test_a_downgrade_limits_when_it_holds(session, organisation, now):
    plans.change(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    entitlements.apply_due(session, now=now)
    planned = plans.cancel(session, organisation=organisation, reason="", now=now).next_at
    assert entitlements.apply_due(session, now=planned - timedelta(seconds=1)) == 0

    succession.apply_due(session, now=planned)
    entitlements.apply_due(session, now=planned)

    assert rules(session)["calls", "month"].most == 1000


def test_every_allowance_of_a_catalogue_is_a_limit(session, make, now):
    more = "calls_per_day = 9, calls_per_month = 1000 }\n"
    text = SMALL.replace("calls_per_month = 1000 }\n", more).replace(
        "calls_per_minute = 60,", "calls_per_second = 5, calls_per_minute = 60, calls_per_hour = 900,"
    )
    apply(session, text, now=now)

    entitlements.apply(session, organisation=make.organisation(), now=now)

    assert {place[1] for place in rules(session)} == {"second", "minute", "hour", "day", "month", ""}
