"""From plans.toml to versions: what changes and for whom, and nothing in use ever in place."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from app.core import changes
from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid
from app.core.mail import Mail
from app.plans import applying, checking, moving, pricing, queries, reading, services, succession, versions, writing
from app.plans.applying import Source
from app.plans.models import FROM_PAGE, PlanVersion, PriceVersion, Subscription
from tests.plans import catalogues
from tests.plans.catalogues import SMALL, apply, choice

DEARER = SMALL.replace('usd.calls = { each = "0.005" }', 'usd.calls = { each = "0.006" }')


def test_a_catalogue_becomes_versions_and_prices(session, now):
    found = apply(session, now=now)

    assert [difference.slug for difference in found] == ["free", "payg", "team"]
    assert [offer.plan.slug for offer in queries.catalogue(session, at=now)] == ["free", "payg", "team"]
    assert queries.default(session, at=now).plan.slug == "free"
    prices = session.exec(select(PriceVersion)).all()
    assert sorted((price.charge, price.currency, price.nanos_per_unit) for price in prices) == [
        ("calls", "eur", 0),
        ("calls", "eur", 500_000_000),
        ("calls", "usd", 0),
        ("calls", "usd", 500_000_000),
    ]
    assert all(price.digest == pricing.digest_of(price) for price in prices)


def test_applying_the_same_again_changes_nothing(session, now):
    apply(session, now=now)

    assert apply(session, now=now + timedelta(days=1)) == []
    assert len(session.exec(select(PlanVersion)).all()) == 3


def test_a_changed_plan_becomes_a_version_and_says_what_changes_for_whom(session, make, now):
    apply(session, now=now)
    services.subscribe(session, organisation=make.organisation(), choice=choice(session, "team", now=now), now=now)

    [difference] = apply(session, DEARER, now=now)

    assert (difference.slug, difference.organisations) == ("team", 1)
    assert difference.lines == ["charge “calls”, calls, usd: $0.005 per call → $0.006 per call"]
    assert queries.newest(session)["team"].version.number == 2
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "plan.set")).all()[-1]
    assert (entry.details["plan"], entry.details["organisations"]) == ("team", "1")
    assert "plan" in {change.kind for change in changes.since(session, 0)}


def test_who_is_on_a_version_stays_on_it(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)

    apply(session, DEARER, now=now)

    assert queries.standing(session, organisation.id, at=now + timedelta(days=90)).offer.version.number == 1


def test_who_has_chosen_nothing_stays_on_the_default_plan_as_it_was(session, make, now):
    organisation = make.organisation()
    apply(session, now=now)

    apply(session, SMALL.replace("calls_per_month = 1000", "calls_per_month = 10"), now=now + timedelta(hours=1))

    standing = queries.standing(session, organisation.id, at=now + timedelta(days=2))
    assert standing.offer.document.allowances == {"calls_per_month": 1000}
    fresh = queries.default(session, at=now + timedelta(days=2))
    assert fresh.document.allowances == {"calls_per_month": 10}


def test_moved_subscribers_follow_when_their_notice_has_run_out(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)

    apply(session, DEARER, now=now, is_moving=True, notice_days=30)

    planned = queries.subscription_at(session, organisation.id, now)
    assert (planned.next_at, planned.next_by) == (datetime(2027, 1, 1, tzinfo=UTC), "operator")
    succession.apply_due(session, now=planned.next_at)
    assert queries.standing(session, organisation.id, at=planned.next_at).offer.version.number == 2
    assert (
        queries.standing(session, organisation.id, at=planned.next_at - timedelta(microseconds=1)).offer.version.number
        == 1
    )


def test_a_customer_who_leaves_is_not_moved(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    services.cancel(session, organisation=organisation, reason="", now=now)

    apply(session, DEARER, now=now, is_moving=True)

    assert session.exec(select(Subscription)).one().next_plan_version_id is None


def test_a_version_holds_from_its_moment_on(session, now):
    apply(session, now=now)
    later = now + timedelta(days=40)
    apply(session, DEARER, now=now, effective_at=later)

    before, after = (queries.offer(session, "team", at=at) for at in (later - timedelta(microseconds=1), later))

    assert (before.version.number, after.version.number) == (1, 2)


def test_a_plan_that_the_file_has_no_more_is_withdrawn_and_kept_for_those_on_it(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    services.subscribe(session, organisation=organisation, choice=choice(session, "payg", now=now), now=now)
    start, end = SMALL.index("[plans.payg]"), SMALL.index("[plans.team]")

    [difference] = apply(session, SMALL[:start] + SMALL[end:], now=now)

    assert (difference.slug, difference.lines) == ("payg", ["published: yes → no"])
    assert [offer.plan.slug for offer in queries.catalogue(session, at=now)] == ["free", "team"]
    assert queries.standing(session, organisation.id, at=now).offer.plan.slug == "payg"
    assert apply(session, SMALL[:start] + SMALL[end:], now=now) == []


def test_a_dry_run_says_the_same_and_leaves_nothing(session, now):
    told = applying.compare(session, reading.from_text(SMALL), now=now)

    assert [difference.slug for difference in told] == ["free", "payg", "team"]
    assert session.exec(select(PlanVersion)).all() == []


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ('integration = "nope"', "The charge “calls” of the plan “team”: There is no integration called “nope”"),
        ('integration = "sampler"\ntool = "nope"', "has no tool called “nope”. It has: greet"),
    ],
)
def test_b23_prices_for_what_is_not_there_are_refused(session, make, now, place, words):
    make.integration("sampler")
    changed = SMALL.replace('label = "Calls"\nusd.calls = { each', f'label = "Calls"\n{place}\nusd.calls = {{ each')

    with pytest.raises(Invalid, match=words):
        apply(session, changed, now=now)


def test_a_plan_cannot_begin_in_the_past(session, now):
    with pytest.raises(Invalid, match="past"):
        apply(session, now=now, effective_at=now - timedelta(seconds=1))


def test_versions_are_known_by_their_digest(engine, session, now):
    apply(session, now=now)
    session.commit()

    with engine.connect() as connection:
        assert list(checking.changed(connection)) == []
        assert list(checking.changed_plans(connection)) == []
    offer = queries.offer(session, "team", at=now)
    offer.version.document = {**offer.version.document, "name": "Cheaper"}
    assert versions.digest_of(offer.plan.slug, offer.version) != offer.version.digest
    session.rollback()


def test_a_catalogue_of_tests_is_one_that_could_be_sold():
    assert reading.from_text(catalogues.SMALL).default == "free"


ELSEWHERE = SMALL.replace('words = "By use."', 'words = "By what you use."')


def test_a_file_does_not_overwrite_what_was_changed_on_the_page(session, now):
    apply(session, now=now)
    apply(session, ELSEWHERE, now=now, source=Source(FROM_PAGE))

    with pytest.raises(Conflict, match=r"“payg” was changed on the operator’s page.*plans export.*--overwrite"):
        apply(session, DEARER, now=now)

    exported = writing.catalogue(queries.newest(session))
    dearer = exported.replace('usd.calls = { each = "0.005" }', 'usd.calls = { each = "0.006" }')
    assert [one.slug for one in apply(session, dearer, now=now)] == ["team"]
    assert [one.slug for one in apply(session, SMALL, now=now, overwrites=True)] == ["payg", "team"]


def test_a_page_that_was_opened_before_another_change_changes_nothing(session, now):
    apply(session, now=now)
    seen = {"payg": queries.newest(session)["payg"].version.id}
    apply(session, ELSEWHERE, now=now)

    with pytest.raises(
        Conflict, match=r"“payg” has been changed since you opened this page. Version 2 came from a file"
    ):
        apply(session, SMALL, now=now, source=Source(FROM_PAGE, made_from=seen))


def test_who_came_back_from_leaving_is_moved_as_well_and_told_once(session, make, now):
    apply(session, now=now)
    organisation = make.organisation(owner=make.person(email="olive@example.com"))
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    services.cancel(session, organisation=organisation, reason="", now=now)
    apply(session, DEARER, now=now, is_moving=True, notice_days=60)
    assert session.exec(select(Mail)).all() == []

    services.resume(session, organisation=organisation, now=now + timedelta(days=1))
    assert moving.carry_on(session, now=now + timedelta(days=1)) == 1
    assert moving.carry_on(session, now=now + timedelta(days=1)) == 0

    current = queries.subscription_at(session, organisation.id, now)
    assert (current.next_by, current.next_at) == ("operator", datetime(2027, 2, 1, tzinfo=UTC))
    [letter] = session.exec(select(Mail)).all()
    assert (letter.recipient, letter.context["on"]) == ("olive@example.com", "1 February 2027")
    assert letter.context["changes"] == ["Calls (calls): $0.005 per call → $0.006 per call"]


def test_who_cannot_pay_for_the_new_version_stays(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    chosen = choice(session, "team", now=now, currency="eur")
    services.subscribe(session, organisation=organisation, choice=chosen, now=now)
    dollars = "\n".join(line for line in DEARER.splitlines() if "eur." not in line and ".eur" not in line)

    apply(session, dollars.replace('["usd", "eur"]', '["usd"]'), now=now, is_moving=True)

    assert queries.subscription_at(session, organisation.id, now).next_at is None


def test_notice_that_runs_out_on_the_first_of_a_month_is_enough_for_that_month(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    january = datetime(2027, 1, 1, tzinfo=UTC)

    apply(session, DEARER, now=now, effective_at=january, is_moving=True, notice_days=30)

    assert queries.subscription_at(session, organisation.id, now).next_at == january
