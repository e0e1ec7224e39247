"""`postern reconcile` says whether the ledger and Stripe agree, and where not."""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from app.cli import postern
from app.core import clock, db
from tests.billing.conftest import WEBHOOK_SECRET
from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import KEY


@pytest.fixture
def run(world, monkeypatch):
    monkeypatch.setattr(db, "create", lambda url: world.engine)
    monkeypatch.setattr(clock, "now", world.clock)
    environment = {
        "POSTERN_STRIPE_KEY": KEY,
        "POSTERN_STRIPE_URL": world.stripe.url,
        "POSTERN_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }

    def run():
        result = CliRunner(env=environment).invoke(postern, ["reconcile"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return run


def test_the_command_says_that_they_agree_or_where_not(world, run):
    customer = world.customer()
    world.stock()
    world.use(customer, 3)
    world.cut()
    world.drain()
    world.go(hours=1)
    assert run() == (0, "The ledger and Stripe agree in 1 place.\n")

    at = int((world.now - timedelta(hours=1)).timestamp())
    shop.use(world.stripe, customer.account.customer_id, 1, world.event_name, timestamp=at)

    code, output = run()
    assert code == 1
    assert "extra" in output
    assert "ours 3, Stripe 4" in output
    assert "/operator/money/" in output
