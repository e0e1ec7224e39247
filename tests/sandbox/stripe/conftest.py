"""One stand-in per test; its requests and answers must be Stripe's."""

import pytest

from tests.sandbox.stripe import running


@pytest.fixture(scope="session")
def served():
    with running.serving_one() as served:
        yield served


@pytest.fixture
def stripe(served):
    with served.afresh() as stand_in:
        yield stand_in


@pytest.fixture
def api(stripe):
    return stripe.client.v1
