"""Who calls, at what price, and within which limits."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session

from app.core import clock
from app.limits import services as limits
from app.limits.models import LimitRule
from app.limits.services import Selection
from app.organisations.models import Organisation
from app.plans import pricing
from tests.factories import Factory

PRICE_NANOS = 250_000_000
"""A quarter of a cent."""
PLENTY = 10_000_000


@dataclass
class World:
    """secrets: of keys, by the name of their organisation. rules: those that are to be reached."""

    secrets: dict[str, list[str]]
    organisations: dict[str, UUID]
    rules: dict[str, UUID]


def make_world(engine: Engine, *, upstream_url: str, capped: int, counted: int) -> World:
    """Four organisations: one whose cap on spending is reached, one whose allowance is, one whose limits are far away,
    and one without any.

    capped, counted: calls that the first and the second may make.
    """
    with Session(engine, expire_on_commit=False) as session:
        now = clock.now()
        make = Factory(session, now)
        integration = make.integration("sampler", upstream_url=upstream_url)
        pricing.set_price(
            session, integration=integration, tool="", nanos_per_unit=PRICE_NANOS, currency="usd", now=now
        )
        names = ("capped", "counted", "roomy", "free")
        theirs = {name: make.organisation(name) for name in names}
        secrets: dict[str, list[str]] = {name: [] for name in names}
        for name in names:
            for key_name in ("first", "second"):
                make.key(theirs[name], name=key_name, secret=secrets[name])

        def limit(name: str, measure: str, most: int, **more: str) -> LimitRule:
            selection = Selection(organisation=theirs[name], **more)
            return limits.set_limit(session, selection=selection, measure=measure, period="month", most=most, now=now)

        rules = {
            "capped": limit("capped", "spend", capped * PRICE_NANOS).id,
            "counted": limit("counted", "calls", counted).id,
        }
        limit("roomy", "spend", PLENTY * PRICE_NANOS)
        limit("roomy", "calls", PLENTY, per="key")
        session.commit()
    return World(secrets, {name: one.id for name, one in theirs.items()}, rules)


def give_room(engine: Engine, world: World, calls: int, names: Iterable[str] = ("capped", "counted")) -> None:
    """Let them make so many calls more, as an operator does while everything runs."""
    with Session(engine) as session:
        for name in names:
            rule = session.get_one(LimitRule, world.rules[name])
            unit = PRICE_NANOS if rule.measure == "spend" else 1
            selection = _selection_of(session, world, name)
            most, period = rule.most + calls * unit, rule.period
            limits.set_limit(
                session, selection=selection, measure=rule.measure, period=period, most=most, now=clock.now()
            )
        session.commit()


def _selection_of(session: Session, world: World, name: str) -> Selection:
    return Selection(organisation=session.get_one(Organisation, world.organisations[name]))
