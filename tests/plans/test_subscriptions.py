"""Who is on which plan: one at each moment, up at once, down at the end of what is paid for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from app.core import changes, db
from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid, NotFound
from app.plans import queries, services, succession
from app.plans.choosing import Choice
from app.plans.models import Plan
from tests.factories import Factory
from tests.plans.catalogues import apply, choice

DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def organisation(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    succession.enrol(session, now=now)
    return organisation


def change(session, organisation, slug, now, **more):
    return services.change(session, organisation=organisation, choice=choice(session, slug, now=now, **more), now=now)


def slugs(session, organisation, at):
    return queries.standing(session, organisation.id, at=at).offer.plan.slug


def test_an_organisation_without_a_row_is_on_the_default_plan(session, make, now):
    organisation = make.organisation()
    assert queries.standing(session, organisation.id, at=now) is None

    apply(session, now=now)

    standing = queries.standing(session, organisation.id, at=now)
    assert (standing.offer.plan.slug, standing.subscription) == ("free", None)
    assert succession.enrol(session, now=now) == 1
    assert succession.enrol(session, now=now) == 0
    assert queries.standing(session, organisation.id, at=now).subscription.begins_at == now


def test_an_upgrade_holds_at_once(session, organisation, now):
    later = now + timedelta(days=1)

    change(session, organisation, "team", later)

    assert slugs(session, organisation, later - timedelta(microseconds=1)) == "free"
    assert slugs(session, organisation, later) == "team"
    assert changes.since(session, 0)[-1].kind == "subscription"
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "subscription.begun")).one()
    assert (entry.organisation_id, entry.details["plan"]) == (organisation.id, "team")


def test_a_downgrade_holds_from_the_end_of_the_month(session, organisation, now):
    change(session, organisation, "team", now)

    current = change(session, organisation, "payg", now + timedelta(days=1))

    assert (slugs(session, organisation, now + timedelta(days=2)), current.next_at) == ("team", DECEMBER)
    assert succession.apply_due(session, now=DECEMBER - timedelta(microseconds=1)) == 0
    assert succession.apply_due(session, now=DECEMBER + timedelta(hours=3)) == 1
    assert slugs(session, organisation, DECEMBER) == "payg"


def test_a_year_that_is_paid_for_is_lived_through(session, organisation, now):
    change(session, organisation, "team", now, interval="year")

    first = change(session, organisation, "team", now, interval="month")

    assert first.next_at == DECEMBER  # the rest of November was paid for, and no year yet
    services.resume(session, organisation=organisation, now=now)
    in_the_year = DECEMBER + timedelta(days=100)
    assert change(session, organisation, "payg", in_the_year).next_at == DECEMBER.replace(year=2027)


def test_more_seats_hold_at_once_and_fewer_at_the_end(session, organisation, now):
    change(session, organisation, "team", now)

    assert change(session, organisation, "team", now + timedelta(days=1), seats=4).seats == 4
    assert change(session, organisation, "team", now + timedelta(days=2), seats=3).next_seats == 3


def test_cancelling_keeps_the_reason_and_ends_with_the_month(session, organisation, now):
    change(session, organisation, "team", now)

    services.cancel(session, organisation=organisation, reason="  Too dear. ", now=now)

    assert queries.subscription_at(session, organisation.id, now).cancel_reason == "Too dear."
    succession.apply_due(session, now=DECEMBER)
    assert slugs(session, organisation, DECEMBER) == "free"
    assert [one.state for one in queries.history(session, organisation.id)] == ["active", "cancelled", "active"]
    with pytest.raises(Conflict, match="no subscription to cancel"):
        services.cancel(session, organisation=organisation, reason="", now=DECEMBER)


def test_who_resumes_stays(session, organisation, now):
    change(session, organisation, "team", now)
    services.cancel(session, organisation=organisation, reason="", now=now)

    services.resume(session, organisation=organisation, now=now)

    assert succession.apply_due(session, now=DECEMBER) == 0
    assert slugs(session, organisation, DECEMBER) == "team"
    with pytest.raises(Conflict, match="Nothing is planned"):
        services.resume(session, organisation=organisation, now=now)


@pytest.mark.parametrize(
    ("slug", "more", "words"),
    [
        ("team", {"currency": "jpy"}, "can be paid in eur or usd"),
        ("team", {"interval": "week"}, "is paid by the month or year"),
        ("team", {"seats": 5}, "“Team” can have from 2 to 4 seats"),
        ("payg", {"seats": 3}, "“Pay as you go” has no number of seats"),
        ("payg", {"interval": "month"}, "has no base fee"),
    ],
)
def test_what_a_plan_does_not_offer_is_refused_in_words(session, organisation, now, slug, more, words):
    with pytest.raises(Invalid, match=words):
        change(session, organisation, slug, now, **more)


def test_a_currency_stays(session, organisation, now):
    change(session, organisation, "team", now)

    with pytest.raises(Conflict, match="pays in US dollars"):
        change(session, organisation, "payg", now, currency="eur")


def test_people_without_a_seat_are_not_forgotten(session, organisation, make, now):
    for name in ("A", "B", "C"):
        make.membership(organisation, make.person(name))

    with pytest.raises(Conflict, match="3 people belong"):
        change(session, organisation, "team", now)
    assert change(session, organisation, "team", now, seats=3).seats == 3


def test_the_same_again_is_a_conflict(session, organisation, now):
    change(session, organisation, "team", now)

    with pytest.raises(Conflict, match="on “Team” with 2 seats already"):
        change(session, organisation, "team", now + timedelta(days=1))


def test_a_contract_can_be_chosen_by_its_organisation_alone(session, organisation, make, now):
    plan = session.exec(select(Plan).where(Plan.slug == "team")).one()
    plan.organisation_id = organisation.id
    session.add(plan)
    session.flush()
    stranger = make.organisation()

    assert queries.offer(session, "team", at=now, organisation=organisation).plan.id == plan.id
    with pytest.raises(NotFound):
        queries.offer(session, "team", at=now, organisation=stranger)
    stolen = Choice(queries.offer(session, "team", at=now, organisation=organisation), "usd", "month", 2)
    with pytest.raises(Invalid, match="no plan “team”"):
        services.subscribe(session, organisation=stranger, choice=stolen, now=now)


steps = st.lists(
    st.tuples(st.sampled_from(["team", "payg", "free", "cancel", "resume", "due"]), st.integers(0, 40 * 24)), max_size=8
)


@settings(max_examples=25)
@given(steps=steps)
def test_b21_at_each_moment_exactly_one_subscription_is_in_force(sqlite_template, tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("plans") / "postern.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = db.create(f"sqlite:///{path}")
    now = began = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    with Session(engine) as session:
        organisation = Factory(session, now).organisation()
        apply(session, now=now)
        succession.enrol(session, now=now)
        for what, hours in steps:
            now += timedelta(hours=hours)
            try:
                if what == "due":
                    succession.apply_due(session, now=now)
                elif what == "cancel":
                    services.cancel(session, organisation=organisation, reason="", now=now)
                elif what == "resume":
                    services.resume(session, organisation=organisation, now=now)
                else:
                    succession.apply_due(session, now=now)
                    change(session, organisation, what, now)
            except Conflict:
                pass
        stretches = queries.history(session, organisation.id)
    engine.dispose()

    assert stretches[0].begins_at == began
    assert stretches[-1].ends_at is None
    assert all(one.ends_at == other.begins_at for one, other in pairwise(stretches))
    edges = {moment for one in stretches for moment in (one.begins_at, one.begins_at - timedelta(microseconds=1))}
    for moment in [edge for edge in edges if edge >= began]:
        assert sum(one.is_in_force(moment) for one in stretches) == 1
