"""Prepaid credit at the gateway: calls pass while it lasts, and again as soon as there is more."""

from sqlmodel import Session, select

from app.billing import wallet
from app.core import clock
from app.organisations.models import Organisation
from tests.billing.purse import PREPAID
from tests.gateway.test_limits import OK, counters
from tests.gateway.test_plan_prices import on_plan
from tests.gateway.upstreams import Upstream
from tests.plans import catalogues

CENT = 10**9


async def test_credit_burns_down_to_words_and_calls_pass_again_after_a_top_up(open_gateway, monkeypatch):
    monkeypatch.setattr(catalogues.apply, "__defaults__", (PREPAID,))
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        give(caller, 3 * CENT, "first")
        await on_plan(caller, "prepaid")

        got = [await caller.call() for _ in range(4)]

        assert ["result" in one.json for one in got] == [True, True, True, False]
        refused = got[-1].error
        assert refused["data"]["reason"] == "cap_reached"
        assert refused["data"]["resetAt"] is None
        assert "your organisation's prepaid balance is used up" in refused["message"]
        assert refused["message"].endswith("Top up: http://portal.example/billing/wallet/")
        assert len(upstream.requests) == 3

        give(caller, CENT, "second")
        assert "result" in (await caller.call()).json
        assert "result" not in (await caller.call()).json
        [counted] = [one for one in await counters(caller) if one.most == 4 * CENT]
        assert (counted.spent, counted.reserved) == (4 * CENT, 0)


def give(caller, nanos, reference):
    with Session(caller.engine) as session:
        organisation = session.exec(select(Organisation)).one()
        said = {"currency": "usd", "kind": "gift", "words": "Welcome", "reference": reference}
        wallet.give(session, organisation=organisation, nanos=nanos, now=clock.now(), **said)
        session.commit()
