"""What operators type to give credit, and what they read about it."""

from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlmodel import select

from app.billing import credit as wallets
from app.billing.wallet_models import CreditGrant
from app.cli import credit as command
from app.core import db
from app.core.errors import Invalid
from app.limits import prepaid
from tests.billing.purse import expire, give, settle, use


@pytest.fixture
def run(engine, monkeypatch):
    monkeypatch.setattr(db, "create", lambda *_: engine)

    def invoke(*words):
        result = CliRunner().invoke(command.credit, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_a_gift_is_given_once_for_a_reference_and_shown(session, make, run):
    organisation = make.organisation()
    session.commit()

    words = ("give", organisation.slug, "25.00", "--reference", "launch", "--expires", "2099-01-01")
    said = [run(*words), run(*words)]

    expected = f"{organisation.slug} has $25.00 of credit until 2099-01-01 00:00 UTC; $25.00 are left in all.\n"
    assert said == [expected] * 2
    assert len(session.exec(select(CreditGrant)).all()) == 1
    assert run("list", organisation.slug) == "$25.00\n  $25.00 of $25.00  gift  2099-01-01 00:00 UTC\n"


def test_a_promotion_has_to_end(session, make, run):
    organisation = make.organisation()
    session.commit()

    with pytest.raises(Invalid, match="at most 2 decimals"):
        run("give", organisation.slug, "1.005")
    with pytest.raises(Invalid, match="A promotion ends"):
        run("give", organisation.slug, "5.00", "--promotion")
    run("give", organisation.slug, "5.00", "--promotion", "--expires", "2099-01-01")

    assert run("list", organisation.slug) == "$5.00\n  $5.00 of $5.00  promotional  2099-01-01 00:00 UTC\n"


def test_the_balance_knows_of_calls_at_once(session, engine, make, now):
    organisation = make.organisation()
    prepaid.follow(session, organisation.id, currency="usd", now=now)
    later = now + timedelta(days=1)
    give(session, organisation, 10, now, "a", expires_at=later)
    give(session, organisation, 10, now, "b")

    def balance(at):
        return wallets.balance(session, organisation.id, "usd", at=at)

    use(engine, organisation, 4)
    before = [balance(now), balance(later)]
    settle(session, organisation, now)

    assert before == [balance(now), balance(later)] == [16, 10]
    expire(session, organisation, later)
    assert balance(later) == 10
