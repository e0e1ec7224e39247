"""Reconciliation of prepaid credit: silent where all agrees, and every drift of one unit is found."""

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import text, update
from sqlmodel import Session

from app.billing import findings, payments, reconciling
from app.billing.payment_models import CreditPayment
from app.billing.wallet_models import CreditGrant
from app.cli import credit as command
from app.core import config, db
from app.limits import prepaid, usage
from app.limits.models import LimitRule
from app.limits.settling import COUNTERS
from app.plans.amounts import NANOS
from tests.billing.counter import Counter
from tests.billing.purse import give
from tests.sandbox.stripe import running

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(session, engine, api, stand_in, hand, make):
    """Bought, used in part, refunded in part; some time ago."""
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.buy(1_000, keeps_card=True)
    call(shop, make, 300)
    shop.refund(100)
    shop.wait(hours=1)
    return shop


def call(shop, make, amount):
    """Charged against credit, and in the ledger."""
    shop.use(amount)
    rule = prepaid.counter_of(shop.organisation.id, "usd").rule_id
    key = make.key(shop.organisation)
    make.call(key, make.integration(), amount_nanos=amount * NANOS, rules=usage.short_id(rule), at=shop.hand.now)
    shop.session.commit()


def reconcile(shop):
    reconciling.run(shop.engine, shop.api, clock=lambda: shop.hand.now)
    with Session(shop.engine, expire_on_commit=False) as session:
        return findings.listed(session, is_open=True, limit=20)


def test_nothing_is_found_where_all_agrees(shop):
    shop.agree(below=700)
    shop.charge_due()
    shop.wait(hours=1)

    assert shop.charged() == 2
    assert reconcile(shop) == []


def test_a_top_up_that_has_no_invoice_is_found_until_it_has_one(shop):
    shop.agree(below=700)
    shop.charge_due()
    shop.wait(hours=7)

    [finding] = reconcile(shop)

    assert (finding.kind, finding.ours, finding.theirs) == ("late", 1_000, 0)
    assert "no invoice" in finding.proposal
    shop.invoice_due()
    assert reconcile(shop) == []


def test_what_nobody_heard_of_is_paid_without_credit_until_it_is_applied(shop):
    visit = shop.top_up(2_500)
    shop.pay(visit)
    assert reconcile(shop) == [], "it may be on its way"
    shop.wait(minutes=20)

    [found] = reconcile(shop)
    assert (found.kind, found.ours, found.theirs) == ("extra", 0, 2_500)
    name = found.proposal.rpartition(" ")[2]
    assert found.proposal == f"Paid, and not credited. Run: postern credit apply {name}"
    payments.apply(shop.session, payments.fetch(shop.api, name), shop.hand.now)
    shop.session.commit()

    assert reconcile(shop) == []
    assert shop.balance() == 1_000 - 300 - 100 + 2_500


def test_credit_that_nobody_paid_for_is_found(shop, session):
    give(session, shop.organisation, 500 * NANOS, shop.hand.now, "payment:pi_none")
    shop.wait(hours=1)

    [found] = reconcile(shop)

    assert (found.kind, found.ours, found.theirs) == ("missing", 500, 0)


def test_a_refund_that_nobody_heard_of_is_found(shop):
    shop.stand_in.client.v1.refunds.create({"payment_intent": shop.payment().payment_id, "amount": 1})

    [found] = reconcile(shop)

    assert (found.kind, found.ours, found.theirs) == ("value", 100, 101)


def test_a_payment_that_waits_too_long_is_found(shop):
    shop.agree(below=700)
    shop.stand_in.faults(rate_limited=1, paths=["/v1/payment_intents"])
    shop.charge_due()
    shop.stand_in.faults()
    shop.wait(hours=7)

    [found] = reconcile(shop)

    assert (found.kind, found.ours) == ("late", 1_000)


DRIFTS = {
    "spent": (update(COUNTERS).values(spent=COUNTERS.c.spent + 1), ["what calls have cost"]),
    "most": (update(COUNTERS).values(most=COUNTERS.c.most + 1), ["what may be spent", "what the limit allows"]),
    "rule": (update(LimitRule).where(LimitRule.set_by == "wallet").values(most=LimitRule.most - 1), ["what the limit"]),
    "used": (
        update(CreditGrant).values(used_nanos=CreditGrant.used_nanos + 1),
        ["what is left of", "what is gone as “usage”"],
    ),
    "moved": (
        update(CreditGrant).values(used_nanos=CreditGrant.used_nanos + 1, voided_nanos=CreditGrant.voided_nanos - 1),
        ["what is gone as “usage”", "what is gone as “refunded”", "what may be spent"],
    ),
    "amount": (update(CreditGrant).values(nanos=CreditGrant.nanos + 1), ["what is left of", "what may be spent"]),
    "paid back": (
        update(CreditPayment).values(asked_back_nanos=CreditPayment.asked_back_nanos + NANOS),
        ["paid back"],
    ),
}


TABLES = [COUNTERS, *(model.__table__ for model in (LimitRule, CreditGrant, CreditPayment))]


@pytest.mark.parametrize("name", DRIFTS)
def test_i15_one_unit_more_or_less_is_found_once_and_ends_when_mended(shop, engine, name):
    statement, subjects = DRIFTS[name]
    with engine.connect() as connection:
        kept = {table: connection.execute(table.select()).all() for table in TABLES}
    with engine.begin() as connection:
        connection.execute(statement)

    found, again = reconcile(shop), reconcile(shop)

    assert sorted(one.id for one in found) == sorted(one.id for one in again)
    assert len(found) == len(subjects)
    assert all(any(subject in one.subject for one in found) for subject in subjects)
    assert all(abs(one.ours - one.theirs) == 1 and one.kind == "value" for one in found)
    with engine.begin() as connection:
        for table, rows in kept.items():
            connection.execute(table.delete())
            connection.execute(table.insert(), [row._asdict() for row in rows])
    assert reconcile(shop) == []


def test_a_journal_that_somebody_wrote_into_is_found(shop, session):
    group = session.exec(text("SELECT id FROM journal_group LIMIT 1")).scalar_one()
    session.execute(text("INSERT INTO journal_entry VALUES (:group, 'nowhere', 'usd', 1)"), {"group": group})
    session.commit()

    [found] = reconcile(shop)

    assert ("the sides of" in found.subject, found.ours, found.theirs) == (True, 1, 0)


def test_a_gift_needs_no_account_at_stripe_to_be_looked_at(shop, make, session):
    other = make.organisation("Gifted")
    give(session, other, 10, shop.hand.now, "a gift", kind="gift")
    session.execute(update(CreditGrant).where(CreditGrant.organisation_id == other.id).values(voided_nanos=1))
    session.commit()

    assert {one.organisation_id for one in reconcile(shop)} == {other.id}


def test_the_proposed_repair_is_a_command(shop, monkeypatch, settings, stand_in):
    visit = shop.top_up(2_500)
    shop.pay(visit)
    name = shop.stand_in.desk.need("checkout.session", visit.session_id)["payment_intent"]
    known = settings.model_copy(update={"stripe_key": SecretStr(running.KEY), "stripe_url": stand_in.url})
    monkeypatch.setattr(config, "load", lambda: known)
    monkeypatch.setattr(db, "create", lambda *_: shop.engine)

    for _ in range(2):
        result = CliRunner().invoke(command.credit, ("apply", name), catch_exceptions=False)

    assert result.output == f"{name} is paid: $25.00 of credit, $0.00 of it paid back.\n"
    assert shop.balance() == 3_100
