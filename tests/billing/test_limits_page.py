"""Caps and warnings on their page: what limits an organisation, who set it, and what its owners may change."""

import pytest
from sqlmodel import select

from app.billing.alert_models import AlertSetting
from app.core import changes
from app.core.audit import AuditEntry
from app.limits import services
from app.limits.models import LimitRule
from app.limits.services import Selection
from tests.billing import months_used
from tests.billing.capping import CENTS, spend

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def key(owner, session, make):
    months_used.subscribed(session, owner.organisation)
    return make.key(owner.organisation, name="ci")


@pytest.fixture
def sampler(make):
    return make.integration("sampler")


def put(browser, *, whose="all", amount="50.00", period="month", action="stop", **more):
    browser.get("/billing/limits/new")
    return browser.post("/billing/limits/", whose=whose, amount=amount, period=period, action=action, **more)


def rules(session):
    return session.exec(select(LimitRule).where(LimitRule.set_by == "organisation")).all()


def test_an_owner_sets_changes_and_removes_a_cap(owner, key, session):
    put(owner, whose=f"key:{key.id}", amount="5", period="day", action="slow")

    [rule] = rules(session)
    assert (rule.key_id, rule.period, rule.most, rule.action) == (key.id, "day", 500 * CENTS, "slow")
    page = owner.get("/billing/limits/")
    assert "The key “ci”" in page.text
    assert "$5.00 a day" in page.text
    assert changes.since(session, 0)[-1].subject_id == rule.id

    edit = owner.get(f"/billing/limits/{rule.id}")
    assert 'value="5.00"' in edit.html
    put(owner, whose=f"key:{key.id}", amount="7.50", period="day", action="stop")
    [rule] = rules(session)
    assert (rule.most, rule.action) == (750 * CENTS, "stop")

    owner.post(f"/billing/limits/{rule.id}/remove")
    assert rules(session) == []
    trail = session.exec(select(AuditEntry).where(AuditEntry.organisation_id == owner.organisation.id)).all()
    mine = [one for one in trail if one.action.startswith("limit.") and one.person_id == owner.person.id]
    assert {one.action for one in mine} == {"limit.set", "limit.removed"}
    assert not [one.details for one in mine if "$" not in one.details["limit"]], "money is written down as money"


def test_a_cap_for_an_integration_is_for_its_owners_calls_only(owner, key, sampler, session):
    put(owner, whose=f"integration:{sampler.id}")

    [rule] = rules(session)
    assert (rule.integration_id, rule.organisation_id) == (sampler.id, owner.organisation.id)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"amount": ""}, "Say how much"),
        ({"amount": "much"}, "is not an amount"),
        ({"amount": "5 eur"}, "“5 eur” is not an amount in US dollars. Write it in figures, such as 25.00."),
        ({"whose": "key:00000000-0000-0000-0000-000000000000"}, "Not a valid choice"),
        ({"period": "year"}, "Not a valid choice"),
        ({"action": "explode"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_meant_comes_back_with_words(owner, key, session, fields, words):
    answer = put(owner, **fields, status=422)

    assert words in answer.text
    assert rules(session) == []


def test_a_strangers_key_cannot_be_capped(owner, outsider, key, make, session):
    theirs = make.key(outsider.organisation)

    put(owner, whose=f"key:{theirs.id}", status=422)

    assert rules(session) == []


def test_members_look_and_strangers_find_nothing(owner, member, outsider, key, session):
    put(owner)
    [rule] = rules(session)

    page = member.get("/billing/limits/")
    assert "$50.00 a month" in page.text
    assert "An owner can" in page.text
    member.get("/billing/limits/new", status=403)
    for path in ("/billing/limits/", f"/billing/limits/{rule.id}/remove", "/billing/limits/alerts"):
        member.post(path, status=403)
    outsider.get(f"/billing/limits/{rule.id}", status=404)
    outsider.post(f"/billing/limits/{rule.id}/remove", status=404)
    assert "$50.00" not in outsider.get("/billing/limits/").text
    assert len(rules(session)) == 1


def test_what_others_have_set_cannot_be_removed_here(owner, key, session, now):
    selection = Selection(organisation=owner.organisation)
    rule = services.set_limit(session, selection=selection, measure="spend", period="month", most=7 * CENTS, now=now)

    owner.post(f"/billing/limits/{rule.id}/remove", status=404)

    assert session.get(LimitRule, rule.id) is not None


def test_the_page_says_who_set_each_limit_and_which_decides(owner, key, sampler, session, now):
    selection = Selection(organisation=owner.organisation)
    services.set_limit(session, selection=selection, measure="spend", period="month", most=9000 * CENTS, now=now)
    services.set_limit(session, selection=selection, measure="calls", period="month", most=1000, set_by="plan", now=now)
    services.set_limit(
        session, selection=Selection(per="key"), measure="calls", period="minute", most=60, set_by="operator", now=now
    )
    put(owner)
    spend(session, key, sampler, 2500, at=now, units=800)

    text = owner.get("/billing/limits/").text

    assert "$25.00 · 50 %" in text
    assert "1,000 calls a month 800 calls · 80 % Your plan" in text
    assert "$90.00 a month a lower one decides $25.00 · 27 % Whoever runs this gateway" in text
    assert "All calls, each key by itself 60 calls a minute" in text
    assert "6,000 calls" not in text


def test_the_usual_limits_stand_where_nobody_set_another(owner, key):
    assert "6,000 calls a minute" in owner.get("/billing/limits/").text


def test_owners_choose_when_to_be_warned(owner, key, session):
    page = owner.get("/billing/limits/")
    assert 'value="50, 80, 100"' in page.html
    assert "olive@example.com" in page.text

    owner.post("/billing/limits/alerts", thresholds="10, 90 %", by_mail="y")

    setting = session.get(AlertSetting, owner.organisation.id)
    assert (setting.thresholds, setting.by_mail) == ([10, 90], True)
    for wrong in ("ninety", "0, 50", "101", "1,2,3,4,5,6,7", "50.5"):
        assert "problems" in owner.post("/billing/limits/alerts", thresholds=wrong, status=422).html
    owner.post("/billing/limits/alerts", thresholds="")
    session.refresh(setting)
    assert (setting.thresholds, setting.by_mail) == ([], False)


def test_the_billing_page_shows_spend_against_caps(owner, key, sampler, session, now):
    put(owner, whose=f"key:{key.id}")
    spend(session, key, sampler, 4500, at=now)

    assert "The key “ci”, each month $45.00 of $50.00" in owner.get("/billing/").text


def test_many_caps_are_paged_apart_from_what_others_have_set(owner, key, make, session, now):
    for number in range(27):
        put(owner, whose=f"key:{make.key(owner.organisation, name=f'worker {number}').id}")
    page, rest = owner.get("/billing/limits/"), owner.get("/billing/limits/?own=2")

    assert (page.text.count("The key “worker"), rest.text.count("The key “worker")) == (25, 2)
    assert "/billing/limits/?own=2#own" in page.page.links
    assert "6,000 calls a minute" in rest.text


def test_free_units_that_are_used_up_are_no_alarm(owner, key, sampler, session, now):
    price = months_used.price(session)
    for _ in range(6):
        months_used.call(session, key, sampler, price, at=now)

    page = owner.get("/billing/")

    assert "Calls that your plan prices, each month All 2 free calls used" in page.text
    assert "tone-danger" not in page.html


def test_what_each_organisation_may_use_by_itself_is_shown_with_its_own_use(
    owner, outsider, key, sampler, session, now
):
    each = Selection(per="organisation")
    services.set_limit(session, selection=each, measure="calls", period="month", most=1000, now=now)
    spend(session, key, sampler, 0, at=now, units=800)

    assert "All calls 1,000 calls a month 800 calls · 80 % Whoever runs" in owner.get("/billing/limits/").text
    assert "All calls 1,000 calls a month 0 calls · 0 % Whoever runs" in outsider.get("/billing/limits/").text
