"""Commands that are typed beside `postern run` find its stand-in for Stripe."""

import pytest

from app.core.config import Settings
from app.sandbox import directory
from tests.ports import free_base_port
from tests.sandbox.stripe import running


@pytest.fixture(scope="module")
def served():
    with running.serving_one() as served:
        yield served


def test_a_stand_in_that_runs_is_the_one_to_talk_to(served):
    port = int(served.url.rsplit(":", 1)[1])
    with served.afresh():
        found = directory.beside(Settings(stripe_port=port))

    assert (found.stripe_url, found.takes_payments, found.stripe_mode) == (served.url, True, "test")


def test_where_none_runs_or_a_key_is_set_nothing_changes():
    alone = Settings(stripe_port=free_base_port())
    own = Settings(stripe_key="sk_test_1", stripe_webhook_secret="whsec_1")

    assert directory.beside(alone) == alone
    assert directory.beside(own) == own
