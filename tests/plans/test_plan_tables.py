"""The tables of plans: what was there before them stays as it was, and what is sold cannot be changed."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from app.core import migrate
from app.plans import checking
from app.plans.models import ACTIVE, INCOMPLETE, Plan, PlanVersion, PriceVersion, Subscription

OLD_PRICE = text(
    "INSERT INTO price_version "
    "(id, integration_id, tool, currency, nanos_per_unit, scheme, digest, effective_at, created_at) "
    "VALUES (:id, :integration_id, 'greet', 'usd', 100, :scheme, :digest, :at, :at)"
)
"""As the release before plans writes it."""
SCHEME = '{"kind": "per_unit", "nanos": 100, "tiers": [], "package": 1, "free": 0, "minimum_nanos": 0}'
DIGEST = "475eef75c27b6f365dce5fa2b9a0acecd713e16ac99ccec6922d8fd1e37c1c09"
"""As that release computes it."""
ID = UUID("3f2b8a52-6e5e-4d6c-9a3e-0d8f5c1b7a10")


def insert_old_price(engine, integration_id, now):
    said = {"id": ID, "integration_id": integration_id, "digest": DIGEST, "scheme": SCHEME, "at": now}
    if engine.dialect.name == "sqlite":
        at = now.replace(tzinfo=None).isoformat(" ", "microseconds")
        said |= {"id": ID.hex, "integration_id": integration_id.hex, "at": at}
    with engine.begin() as connection:
        connection.execute(OLD_PRICE, said)


def a_plan(session, now):
    plan = Plan(slug="free", created_at=now)
    session.add(plan)
    session.flush()
    version = PlanVersion(plan_id=plan.id, number=1, document={}, digest="", effective_at=now, created_at=now)
    session.add(version)
    session.flush()
    return version


def test_prices_that_were_there_before_plans_keep_row_and_digest(engine, session, make, now):
    integration = make.integration("sampler", tools=())
    integration.id = UUID(int=7)
    session.commit()
    migrate.downgrade(engine, "0004")
    insert_old_price(engine, integration.id, now)

    migrate.upgrade(engine)

    with Session(engine) as fresh, engine.connect() as connection:
        price = fresh.get_one(PriceVersion, ID)
        assert (price.integration_id, price.tool, price.nanos_per_unit) == (integration.id, "greet", 100)
        assert (price.plan_version_id, price.charge, price.components, price.max_per_call) == (None, "", {}, {})
        assert list(checking.changed(connection)) == []
    with engine.connect() as connection, pytest.raises(DBAPIError, match="price_version is append-only"):
        connection.execute(text("UPDATE price_version SET nanos_per_unit = 1"))


def test_the_release_before_can_still_set_a_price(engine, session, make, now):
    integration = make.integration("sampler", tools=())
    integration.id = UUID(int=7)
    session.commit()

    insert_old_price(engine, integration.id, now)

    with engine.connect() as connection:
        assert list(checking.changed(connection)) == []


def test_prices_of_plans_go_when_plans_go(engine, session, make, now):
    version = a_plan(session, now)
    shared = {"currency": "usd", "nanos_per_unit": 1, "scheme": {}, "digest": "", "effective_at": now}
    session.add(PriceVersion(**shared, created_at=now, plan_version_id=version.id, charge="calls"))
    own = PriceVersion(**shared, created_at=now, integration_id=make.integration().id)
    session.add(own)
    session.commit()

    migrate.downgrade(engine, "0004")

    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM price_version")).scalar_one() == 1
    migrate.upgrade(engine)
    with Session(engine) as fresh:
        assert fresh.get_one(PriceVersion, own.id).nanos_per_unit == 1


@pytest.mark.parametrize("change", ["UPDATE plan_version SET number = 2", "DELETE FROM plan_version"])
def test_the_database_refuses_to_change_a_version_of_a_plan(engine, session, now, change):
    a_plan(session, now)
    session.commit()

    with engine.connect() as connection, pytest.raises(DBAPIError, match="plan_version is append-only"):
        connection.execute(text(change))


def test_an_organisation_has_one_open_subscription(session, make, now):
    version, organisation = a_plan(session, now), make.organisation()

    def subscribe(state=ACTIVE, ends_at=None):
        shared = {"organisation_id": organisation.id, "plan_version_id": version.id, "anchor_at": now}
        session.add(Subscription(id=uuid4(), **shared, state=state, begins_at=now, ends_at=ends_at, created_at=now))
        session.flush()

    subscribe(ends_at=now)
    subscribe(INCOMPLETE)
    subscribe(INCOMPLETE)
    subscribe()

    with pytest.raises(IntegrityError):
        subscribe()
