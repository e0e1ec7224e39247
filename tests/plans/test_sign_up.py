"""Whoever comes in is on the default plan from the first moment, with its limits."""

from sqlmodel import select

from app import portal
from app.limits.models import LimitRule
from app.organisations.models import Organisation
from app.plans import queries
from tests.plans.catalogues import apply


def test_a_newcomer_begins_on_the_default_plan_with_its_limits(session, make, now):
    apply(session, now=now)

    portal._welcome(session, make.person(), now, is_invited=False, brand="pst")

    organisation = session.exec(select(Organisation)).one()
    standing = queries.standing(session, organisation.id, at=now)
    assert (standing.offer.plan.slug, standing.subscription.begins_at) == ("free", now)
    rules = session.exec(select(LimitRule)).all()
    assert {rule.most for rule in rules if rule.measure == "calls"} == {60, 1000}
    assert {rule.organisation_id for rule in rules} == {organisation.id}


def test_without_a_catalogue_nothing_is_limited(session, make, now):
    portal._welcome(session, make.person(), now, is_invited=False, brand="pst")

    assert session.exec(select(LimitRule)).all() == []
