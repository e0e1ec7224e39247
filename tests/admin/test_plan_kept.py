"""A plan that was written before one had to sign in again is not lost."""

import pytest
from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import select

from app.accounts.models import BrowserSession
from tests.admin.test_plans import opened, previewed, sent
from tests.plans.catalogues import apply

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def operator(sign_in, make):
    return sign_in(make.person("Opal Operator", is_operator=True))


@pytest.mark.parametrize("step", ["preview", "apply"])
def test_plan_that_was_written_long_ago_is_there_again_after_signing_in(session, operator, hand, now, step):
    apply(session, now=now)
    fields = opened(operator) | {"base-usd-month": "109", "notice": "45"}
    form = sent(previewed(operator, fields)) if step == "apply" else fields
    hand.moves(minutes=16)
    assert operator.post(f"/operator/plans/{step}", **form).location == "/account/again"
    assert "To change what plans cost and allow" in operator.get("/account/again").text
    assert operator.get("/operator/plans/team/edit", status=303).location == "/account/again"
    row = session.exec(select(BrowserSession).where(BrowserSession.person_id == operator.person.id)).one()
    row.data |= {"typed": f"operator_plans.{step}", "authenticated_at": int(hand.now.timestamp())}
    flag_modified(row, "data")

    again = opened(operator)

    assert (again["base-usd-month"], again["notice"]) == ("109.00" if step == "apply" else "109", "45")
