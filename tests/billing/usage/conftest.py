"""An installation that sends its usage to a stand-in for Stripe."""

import pytest

from tests.billing.usage.world import World
from tests.sandbox.stripe import running


@pytest.fixture(scope="session")
def served():
    with running.serving_one() as served:
        yield served


@pytest.fixture
def world(engine, session, settings, served, now):
    with served.afresh(at=int(now.timestamp()), is_strict=True) as stand_in:
        yield World(engine, session, settings, stand_in, now)
