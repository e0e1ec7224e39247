"""Setting limits and prices for a gateway that runs, and waiting until it knows them."""

from contextlib import asynccontextmanager

from sqlmodel import Session, select

from app.core import clock
from app.integrations import queries as integrations
from app.keys.models import Key
from app.limits import services, wording
from app.limits.services import Selection
from app.organisations.models import Organisation
from app.plans import amounts, pricing
from tests.waiting import PATIENCE_S


async def limit(
    caller, measure, quantity, *, per="", tool="", for_key=False, set_by="operator", integration=False, action="stop"
):
    """A limit on the caller's organisation, in force when this returns."""
    period, most = wording.parse(measure, quantity, currency="usd")
    with Session(caller.engine) as session:
        known = integrations.by_slug(session, "sampler") if tool or integration else None
        rule = services.set_limit(
            session,
            selection=Selection(
                organisation=session.exec(select(Organisation)).one(),
                key=session.exec(select(Key)).one() if for_key else None,
                integration=known,
                tool=tool,
                per=per,
            ),
            measure=measure,
            period=period,
            most=most,
            set_by=set_by,
            action=action,
            now=clock.now(),
        )
        session.commit()
        rule_id = rule.id
    await known_by(caller)
    return rule_id


async def price(caller, amount, *, tool=""):
    with Session(caller.engine) as session:
        pricing.set_price(
            session,
            integration=integrations.by_slug(session, "sampler"),
            tool=tool,
            nanos_per_unit=amounts.parse(amount, currency="usd"),
            currency="usd",
            now=clock.now(),
        )
        session.commit()
    await known_by(caller)


async def known_by(caller):
    """Once the gateway knows all that is committed."""
    assert await caller.gateway.parts.feed.catch_up(timeout_s=PATIENCE_S)


@asynccontextmanager
async def limited(open_gateway, upstream, *limits, **settings):
    """A caller of a gateway with these limits: each ("calls", "3/month") or with a dictionary of more."""
    async with open_gateway(upstream_url=upstream.url, **settings) as caller:
        for measure, quantity, *more in limits:
            await limit(caller, measure, quantity, **(more[0] if more else {}))
        yield caller
