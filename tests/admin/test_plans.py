"""The operator's page of plans: a form that goes the way of plans.toml, and says beforehand what changes for whom."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from app.admin import plan_form
from app.admin.plan_form import WrongForm
from app.core.audit import AuditEntry
from app.core.config import ROOT
from app.core.mail import Mail
from app.plans import queries, reading, services
from app.plans.models import FROM_PAGE, PlanVersion
from tests import forms
from tests.billing import months_used
from tests.plans.catalogues import SMALL, apply, choice
from tests.plans.test_writing import ALL_KINDS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


def fields_of(answer):
    return forms.fields_of(answer.html, "/operator/plans/preview")


def opened(operator, slug="team"):
    return fields_of(operator.get(f"/operator/plans/{slug}/edit"))


def previewed(operator, fields, **changes):
    return operator.post("/operator/plans/preview", status=200, **{**fields, **changes})


def applied(operator, preview):
    return operator.post("/operator/plans/apply", **sent(preview))


def sent(preview):
    return forms.fields_of(preview.html, "/operator/plans/apply")


def test_the_page_lists_plans_with_who_is_on_them_and_what_they_are_worth(session, operator, make, now):
    apply(session, now=now)
    for interval in ("month", "year"):
        chosen = choice(session, "team", now=now, interval=interval, seats=3)
        services.subscribe(session, organisation=make.organisation(), choice=chosen, now=now)

    page = operator.get("/operator/plans/")

    assert "$198.00" in page.text, "99 and 9 by the month, and a twelfth of 990 and 90"
    assert "Team 1" in page.text


def test_a_change_is_previewed_and_applied_and_nothing_happens_in_between(session, operator, make, now):
    apply(session, now=now - timedelta(days=1))
    services.subscribe(session, organisation=make.organisation(), choice=choice(session, "team", now=now), now=now)

    preview = previewed(operator, opened(operator), **{"base-usd-month": "109", "c0-calls-usd-price": "0.006"})

    assert "base fee per month, usd" in preview.text.lower()
    assert "$99.00" in preview.text
    assert "$109.00" in preview.text
    assert "They stay, and can choose it" in preview.text
    assert len(session.exec(select(PlanVersion)).all()) == 3
    applied(operator, preview)
    session.expire_all()
    team = queries.newest(session)["team"]
    assert (team.version.number, team.version.source, team.version.person_id) == (2, FROM_PAGE, operator.person.id)
    assert team.document.base["usd"] == {"month": 10_900, "year": 99_000}
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "plan.set")).all()[-1]
    assert (entry.person_id, entry.details["source"], entry.details["plan"]) == (operator.person.id, "page", "team")
    assert "by Opal Operator, here" in operator.get("/operator/plans/").text


def test_the_preview_says_what_the_last_month_would_have_cost(session, operator, make, now):
    organisation = make.organisation()
    key, integration = make.key(organisation), make.integration()
    apply(session, now=OCTOBER)
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=OCTOBER), now=OCTOBER)
    price = months_used.price(session, "team")
    for _ in range(10):
        months_used.call(session, key, integration, price, at=OCTOBER + timedelta(days=3))

    preview = previewed(
        operator, opened(operator), **{"base-usd-month": "109", "c0-calls-usd-price": "0.1", "move": "follow"}
    )

    assert "October 2026" in preview.text
    assert "$99.05" in preview.text, "a base fee, and ten calls of half a cent"
    assert "$110.00" in preview.text
    assert "+$10.95" in preview.text
    assert "They are told, and follow" in preview.text


def test_who_follows_is_planned_for_and_told(session, operator, make, now):
    apply(session, now=now)
    organisation = make.organisation(owner=make.person(email="olive@example.com"))
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)

    preview = previewed(operator, opened(operator), **{"base-usd-month": "109", "move": "follow", "notice": "40"})
    assert "follow on 1 Feb 2027" in preview.text
    applied(operator, preview)

    session.expire_all()
    held = queries.subscription_at(session, organisation.id, now)
    assert (held.next_at, held.next_by) == (datetime(2027, 2, 1, tzinfo=UTC), "operator")
    assert [letter.template for letter in session.exec(select(Mail)).all()] == ["plan_changes"]


def test_a_form_that_is_out_of_date_is_refused_and_keeps_what_was_written(session, operator, now):
    apply(session, now=now)
    fields = opened(operator)
    apply(session, SMALL.replace('words = "For products."', 'words = "For teams."'), now=now)

    refused = operator.post("/operator/plans/preview", status=409, **{**fields, "base-usd-month": "109"})

    assert "“team” has been changed since you opened this page. Version 2 came from a file" in refused.text
    assert fields_of(refused)["base-usd-month"] == "109"


def test_a_preview_that_is_out_of_date_cannot_be_applied(session, operator, now):
    apply(session, now=now)
    preview = previewed(operator, opened(operator), **{"base-usd-month": "109"})
    apply(session, SMALL.replace('words = "For products."', 'words = "For teams."'), now=now)

    operator.post("/operator/plans/apply", status=409, **sent(preview))

    session.expire_all()
    assert queries.newest(session)["team"].version.number == 2


def test_a_new_plan_can_be_added_with_two_charges_without_a_script(session, operator, make, now):
    apply(session, now=now)
    make.integration("search")
    fields = fields_of(operator.get("/operator/plans/new")) | {
        "name": "Small", "slug": "small", "words": "For a start.", "kind": "payg",
        "c0-key": "calls", "c0-label": "Calls",
        "c0-calls-usd-model": "graduated", "c0-calls-eur-model": "graduated",
        "c0-calls-usd-price": "first 1,000: 0.01\nnext 9,000: 0.005\nthen: 0.002 + 1.00 once",
        "c0-calls-eur-price": "up to 1,000: 0.01\nup to 10,000: 0.005\nrest: 0.002 + 1.00 once",
    }  # fmt: skip

    more = fields_of(previewed(operator, fields, further="1"))
    more |= {"c1-key": "search", "c1-label": "Searches", "c1-integration": "search"}
    more |= {f"c1-calls-{currency}-model": "package" for currency in ("usd", "eur")}
    more |= {f"c1-calls-{currency}-price": "2" for currency in ("usd", "eur")}
    more |= {f"c1-calls-{currency}-size": "1000" for currency in ("usd", "eur")}
    applied(operator, previewed(operator, more))

    session.expire_all()
    said = queries.newest(session)["small"].document
    assert [charge.key for charge in said.charges] == ["calls", "search"]
    prices = said.charges[0].prices
    assert prices["usd"] == prices["eur"]
    assert [tier.up_to for tier in prices["usd"]["calls"].tiers] == [1_000, 10_000, None]
    assert prices["usd"]["calls"].tiers[2].flat_nanos == 100 * 10**9
    assert (said.charges[1].prices["eur"]["calls"].package, said.charges[1].integration) == (1000, "search")


def test_another_default_plan_ends_the_first_ones_turn(session, operator, now):
    apply(session, now=now)
    fields = fields_of(operator.get("/operator/plans/new")) | {
        "name": "Trial", "slug": "trial", "words": "For a start.", "kind": "free", "default": "1",
    }  # fmt: skip

    preview = previewed(operator, fields)
    assert "“Free” changes as well: default: yes → no." in preview.text
    applied(operator, preview)

    session.expire_all()
    assert queries.default(session, at=now).plan.slug == "trial"
    only = {name: value for name, value in opened(operator, "trial").items() if name != "default"}
    assert "One plan is the default." in operator.post("/operator/plans/preview", status=422, **only).text


def test_others_find_nothing_there(owner, operator):
    for path in ("/operator/plans/", "/operator/plans/new", "/operator/plans/plans.toml"):
        owner.get(path, status=404)


def test_the_file_can_be_taken_from_the_page(session, operator, now):
    apply(session, now=now)

    answer = operator.open("GET", "/operator/plans/plans.toml")

    assert answer.headers["Content-Disposition"] == "attachment; filename=plans.toml"
    assert reading.from_text(answer.html).plans == reading.from_text(SMALL).plans


@pytest.mark.parametrize("text", [SMALL, ALL_KINDS, (ROOT / "plans.toml").read_text()])
def test_every_plan_of_a_file_can_be_said_by_the_form(database_url, text):
    catalogue = reading.from_text(text)
    currencies = sorted({currency for said in catalogue.plans.values() for currency in said.currencies})

    for said in catalogue.plans.values():
        assert plan_form.read(plan_form.fill(said, currencies), currencies) == said


NAMES = ["name", "kind", "base-usd-month", "c0-key", "c0-calls-usd-model", "c0-calls-usd-price", "c3-bytes-usd-size"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=12), max_size=8))
@settings(max_examples=60)
def test_whatever_is_sent_is_a_plan_or_refused_in_words(database_url, fields):
    with suppress(WrongForm):
        plan_form.read(fields, ["usd"])


def test_a_rise_that_is_taken_back_is_shown_as_withdrawn_and_said_beforehand(session, operator, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    later = {"effective": "2027-01-01", "move": "follow", "notice": "0"}
    rise = previewed(operator, opened(operator), **{"base-usd-month": "109"}, **later)
    assert "Nobody is told beforehand" in rise.text
    applied(operator, rise)
    assert "Coming" in operator.get("/operator/plans/").text

    back = previewed(operator, opened(operator), **{"base-usd-month": "99"})

    assert "1 organisation was to follow to an older version, and will not" in back.text
    assert "They stay: for them nothing would be different" in back.text
    applied(operator, back)
    page = operator.get("/operator/plans/").text
    assert "Withdrawn" in page
    assert "Coming" not in page
    assert "Others follow here" not in page


def test_a_form_in_which_nothing_was_changed_says_so(session, operator, now):
    apply(session, now=now)

    shown = previewed(operator, opened(operator)).text

    assert "Nothing changes" in shown
    assert "The new plan" not in shown


def test_what_customers_said_when_they_cancelled_is_read_by_operators(session, operator, make, now):
    apply(session, now=now)
    organisation = make.organisation("Leavers")
    services.change(session, organisation=organisation, choice=choice(session, "payg", now=now), now=now)
    services.cancel(session, organisation=organisation, reason="Too dear.\nAnd slow.", now=now)

    shown = operator.get("/operator/plans/cancellations").text

    assert "Leavers" in shown
    assert "Too dear. And slow." in " ".join(shown.split())
