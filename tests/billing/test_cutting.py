"""Usage is cut into ranges: every sealed event is in exactly one, none straddles a month, no remainder is lost."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from app.billing import cutting
from app.billing.cutting import Portion
from app.billing.models import BillingAccount
from app.billing.usage_models import LATE, METERED, StripeOutbox, UsageMark
from app.core import vault
from app.metering.sealing import Sealer
from app.organisations.models import Organisation
from app.plans import periods

OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def account(session, make, now):
    organisation = make.organisation()
    account = BillingAccount(
        organisation_id=organisation.id,
        mode="test",
        customer_id="cus_1",
        currency="usd",
        created_at=now,
        updated_at=now,
    )
    session.add(account)
    session.flush()
    return account


@pytest.fixture
def calls(session, make, account, settings):
    """Makes calls of the account's organisation at these moments, and seals them: `calls([(at, amount_nanos), …])`."""
    organisation = session.get_one(Organisation, account.organisation_id)
    key, integration = make.key(organisation), make.integration()

    def go(found, *, now):
        for at, amount in found:
            make.call(key, integration, at=at, amount_nanos=amount, currency="usd")
        Sealer().run(session, vault.from_settings(settings), now=now)

    return go


def by_call(event):
    return [Portion("calls", event["units"], 1, "usd")]


def as_money(event):
    return [Portion("money", event["amount_nanos"], 1000, "usd")]


def added(event_name, month_at, told, quantity):
    """Two cents for each call that is more than were told."""
    return 2 * (quantity - told)


def cut_all(session, account, portions, *, now):
    while cutting.cut(session, account, portions, added=added, now=now):
        pass
    return list(session.exec(select(StripeOutbox).order_by(StripeOutbox.first_seq)))


def test_each_event_is_in_exactly_one_range(session, account, calls, now):
    for batch in (3, 1, 4):
        calls([(now, 0)] * batch, now=now)
        cut_all(session, account, by_call, now=now)

    ranges = cut_all(session, account, by_call, now=now)

    assert [row.value for row in ranges] == [3, 1, 4]
    assert [(row.first_seq, row.last_seq) for row in ranges] == [(1, 3), (4, 4), (5, 8)]
    assert session.exec(select(UsageMark.seq)).one() == 8
    assert len({row.identifier for row in ranges}) == 3
    assert all(len(row.identifier) <= 100 for row in ranges)


def test_a_range_never_straddles_a_month(session, account, calls):
    edge = NOVEMBER
    moments = [edge - timedelta(microseconds=1), edge, edge + timedelta(hours=1)]
    calls([(at, 0) for at in moments], now=edge + timedelta(minutes=5))

    ranges = cut_all(session, account, by_call, now=edge + timedelta(minutes=5))

    assert {row.month_at: row.value for row in ranges} == {OCTOBER: 1, NOVEMBER: 2}
    for row in ranges:
        assert row.month_at <= row.at < periods.end_of(periods.MONTH, row.month_at)


def test_no_remainder_of_money_is_lost_however_it_is_cut(session, account, calls, now):
    amounts = [1, 999, 1500, 250, 250, 7, 2_000_001]
    for amount in amounts:
        calls([(now, amount)], now=now)
        cut_all(session, account, as_money, now=now)

    ranges = cut_all(session, account, as_money, now=now)

    assert sum(row.value for row in ranges) == sum(amounts) // 1000


def test_what_comes_after_the_invoice_is_closed_is_money_that_names_its_month(session, account, calls, now):
    calls([(OCTOBER + timedelta(days=3), 2_500_000_000), (now, 10)], now=now)

    found = defaultdict(list)
    for row in cut_all(session, account, by_call, now=now):
        found[row.kind].append((row.event_name, row.month_at, row.value, row.currency))

    assert found[LATE] == [("late_calls", OCTOBER, 2, "usd")]
    assert found[METERED] == [("calls", NOVEMBER, 1, "")]
