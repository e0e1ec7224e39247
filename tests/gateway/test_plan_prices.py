"""A plan at the gateway: its limits stop, its prices are charged, and a change holds within a second."""

from sqlmodel import Session, select

from app.core import clock
from app.core.audit import AuditEntry
from app.integrations import queries as integrations
from app.limits import entitlements
from app.metering import explaining, repricing
from app.metering.models import UsageEvent
from app.organisations.models import Organisation
from app.plans import pricing, succession
from app.plans import services as plans
from tests.gateway.limiting import known_by, limit, price
from tests.gateway.test_limits import OK
from tests.gateway.upstreams import Upstream
from tests.plans import catalogues


async def on_plan(caller, slug=None, *, currency="usd"):
    """The caller's organisation on the default plan, or on another from now on."""
    with Session(caller.engine) as session:
        now = clock.now()
        catalogues.apply(session, now=now)
        organisation = session.exec(select(Organisation)).one()
        succession.enrol(session, now=now)
        if slug is not None:
            choice = catalogues.choice(session, slug, now=now, currency=currency)
            plans.change(session, organisation=organisation, choice=choice, now=clock.now())
        entitlements.apply(session, organisation=organisation, now=clock.now())
        session.commit()
    await known_by(caller)


def amounts(caller):
    with Session(caller.engine) as session:
        return [event.amount_nanos // 10**9 for event in session.exec(select(UsageEvent).order_by(UsageEvent.at))]


async def test_calls_cost_what_the_plan_says_from_the_moment_it_is_chosen(open_gateway):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        assert "result" in (await caller.call()).json

        await on_plan(caller, "payg")
        for _ in range(7):
            assert "result" in (await caller.call()).json

        assert amounts(caller) == [0, 0, 0, 0, 2, 2, 1, 1]
        with caller.engine.connect() as connection, Session(caller.engine) as session:
            [organisation_id] = session.exec(select(Organisation.id)).all()
            assert list(repricing.wrong(connection, organisation_id)) == []
            assert session.exec(select(AuditEntry).where(AuditEntry.action == "subscription.begun")).one()


async def test_the_price_of_a_call_is_known_before_it_is_made(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await on_plan(caller, "payg")

        refused = await caller.call(headers=caller.usual(("Max-Cost", "0.01 usd")))
        passed = await caller.call(headers=caller.usual(("Max-Cost", "0.02 usd")))

        assert "it costs $0.02" in refused.error["message"]
        assert "result" in passed.json


async def test_b23_a_free_plan_does_not_spend(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await on_plan(caller)
        assert "result" in (await caller.call()).json

        await price(caller, "1c")
        refused = await caller.call()

        assert refused.error["data"]["reason"] == "cap_reached"
        assert "Your plan sets this limit; another may allow more" in refused.error["message"]
        assert len(upstream.requests) == 1
        await on_plan(caller, "payg")
        assert "result" in (await caller.call()).json
        assert amounts(caller) == [0, 1]


async def test_a_cap_is_said_in_the_currency_that_is_paid(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await on_plan(caller, "payg", currency="eur")
        await limit(caller, "spend", "0.03usd/month")

        answers = [await caller.call() for _ in range(6)]

        assert ["result" in got.json for got in answers] == [True] * 4 + [False] * 2
        assert "€0.03 a month" in answers[-1].error["message"]
        assert amounts(caller) == [0, 0, 0, 2]


async def test_a_price_in_another_currency_is_refused_in_words(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await on_plan(caller, "payg", currency="eur")
        assert "result" in (await caller.call(headers=caller.usual(("Max-Cost", "0.02 eur")))).json

        with Session(caller.engine) as session:
            sampler = integrations.by_slug(session, "sampler")
            pricing.set_price(session, integration=sampler, tool="", nanos_per_unit=1, currency="usd", now=clock.now())
            session.commit()
        await known_by(caller)
        refused = await caller.call()

        assert "it is set in usd, and calls are charged in eur" in refused.error["message"]


async def test_explain_names_the_charge_and_its_plan(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await on_plan(caller, "payg")
        for _ in range(4):
            await caller.call()

        with Session(caller.engine) as session:
            last = session.exec(select(UsageEvent).order_by(UsageEvent.at.desc())).first()
            addresses = {"keys_url": "", "gateway_url": "", "operator": ""}
            said = " ".join(explaining.of(session, last.id, kept_hours=1, addresses=addresses))

        assert "$0.02, by the price version" in said
        assert "the charge “calls” of the plan “Pay as you go”, version 1: first 3 calls free, then $0.02" in said
