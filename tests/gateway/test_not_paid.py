"""A plan that is not paid for: what costs something is refused in words, and passes again once it is paid."""

import asyncio

from sqlmodel import Session, select

from app.core import clock
from app.limits import entitlements
from app.organisations.models import Organisation
from app.plans import owing
from app.plans import queries as plans
from tests.gateway.test_limits import OK
from tests.gateway.test_plan_prices import on_plan
from tests.gateway.upstreams import Upstream
from tests.waiting import PATIENCE_S


async def test_what_costs_something_stops_while_it_is_unpaid_and_passes_once_it_is(open_gateway):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await on_plan(caller, "team")
        assert "result" in (await caller.call()).json

        stand(caller, "unpaid")
        refused = await until(caller, lambda answer: "result" not in answer.json)

        assert refused.error["data"]["reason"] == "not_paid"
        assert "the plan is paused or not paid for" in refused.error["message"]
        assert refused.error["message"].endswith("See what mends it: http://portal.example/billing/")
        passed = len(upstream.requests)
        await caller.call()
        assert len(upstream.requests) == passed

        stand(caller, "active")
        await until(caller, lambda answer: "result" in answer.json)


def stand(caller, state):
    with Session(caller.engine) as session:
        organisation = session.exec(select(Organisation)).one()
        subscription = plans.subscription_at(session, organisation.id, clock.now())
        owing.set_state(session, subscription=subscription, state=state, now=clock.now())
        entitlements.apply(session, organisation=organisation, now=clock.now())
        session.commit()


async def until(caller, is_so):
    async with asyncio.timeout(PATIENCE_S):
        while not is_so(answer := await caller.call()):
            await asyncio.sleep(0.05)
    return answer
