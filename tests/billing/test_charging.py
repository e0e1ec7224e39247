"""Charging for a top-up that happens by itself: once, whatever is lost on the way and whoever dies or works beside."""

import threading
from datetime import timedelta

import pytest
from sqlmodel import Session

from app.billing import automatic, charging
from app.billing.problems import StripeAway
from tests.billing.counter import Counter
from tests.billing.purse import holds
from tests.databases import on_both
from tests.waiting import PATIENCE_S

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(session, engine, api, stand_in, hand, make):
    """1,000 of credit, a card that is kept, and 1,000 more below 500, at most 3,000 a month."""
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.buy(1_000, keeps_card=True)
    shop.agree()
    return shop


FAULTS = ["lost_before", "lost_after", "error_before", "error_after", "rate_limited"]


@on_sqlite
@pytest.mark.parametrize(
    ("path", "fault"), [*[("/v1/payment_intents", fault) for fault in FAULTS], ("/v1/customers", "lost_before")]
)
def test_whatever_is_lost_the_card_is_charged_once(shop, path, fault):
    shop.use(900)
    shop.stand_in.faults(**{fault: 1}, paths=[path])
    for _ in range(2):
        shop.charge_due()
        shop.wait(minutes=6)
    shop.stand_in.faults()

    for _ in range(3):
        shop.charge_due()
        shop.wait(minutes=6)

    assert (shop.charged(), shop.balance()) == (2, 1_100)
    holds(shop.session, shop.organisation)


@on_sqlite
@pytest.mark.parametrize("seed", range(2))
def test_under_everything_at_once_money_and_credit_agree(shop, seed):
    chances = {"lost_before": 0.1, "lost_after": 0.15, "error_after": 0.15, "error_before": 0.05, "rate_limited": 0.1}
    shop.agree(month_most=100_000)
    shop.stand_in.faults(seed=seed, **chances, paths=["/v1/payment_intents", "/v1/customers", "/v1/charges"])
    for _ in range(6):
        shop.use(400, 400)
        shop.charge_due()
        shop.wait(minutes=6)
    shop.stand_in.faults()
    for _ in range(3):
        shop.charge_due()
        shop.hear()
        shop.work()
        shop.wait(minutes=6)

    paid = sum(each["amount"] for each in shop.stand_in.desk.store.all("charge") if each["paid"])
    assert sum(grant.nanos for grant in shop.grants()) == paid * 10**9
    assert paid > 1_000
    assert automatic.under_way(shop.session, shop.organisation.id, "test") is None
    holds(shop.session, shop.organisation)


@on_sqlite
@pytest.mark.parametrize(
    ("after", "is_done"),
    [("_keep", False), ("_keep", True), ("_confirmed", False), ("_confirmed", True), ("_apply", False)],
)
def test_a_worker_that_dies_at_any_step_charges_once(shop, monkeypatch, after, is_done):
    step = getattr(charging, after)

    def dies(*arguments, **more):
        if is_done:
            step(*arguments, **more)
        raise KeyboardInterrupt

    shop.use(900)
    with monkeypatch.context() as patch:
        patch.setattr(charging, after, dies)
        with pytest.raises(KeyboardInterrupt):
            shop.charge_due()

    for _ in range(2):
        shop.charge_due()
        shop.wait(minutes=6)

    assert (shop.charged(), shop.balance()) == (2, 1_100)


@on_sqlite
def test_what_stripe_has_forgotten_under_its_key_is_still_charged_once(shop, monkeypatch):
    """A key is good for a day; here the answer to the confirmation is lost, and two days pass."""
    shop.use(900)
    shop.stand_in.faults(lost_after=1, paths=["/v1/payment_intents"])
    shop.charge_due()
    shop.stand_in.faults()

    shop.wait(days=2)
    shop.charge_due()
    shop.charge_due()

    assert (shop.charged(), shop.balance()) == (2, 1_100)


@on_both
def test_b12_many_workers_at_once_charge_once(shop, engine):
    shop.use(900)
    problems = []

    def work():
        try:
            charging.run(engine, shop.api, clock=lambda: shop.hand.now)
        except Exception as problem:  # noqa: BLE001  (whatever it is, it is to be seen)
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    for _ in range(2):
        shop.wait(minutes=6)
        shop.charge_due()

    assert problems == []
    assert (shop.charged(), shop.balance(), len(shop.payments())) == (2, 1_100, 2)


@on_both
def test_one_payment_at_a_time_is_kept_by_the_database(shop, engine, session):
    shop.use(900)
    with Session(engine) as own:
        assert automatic.begin(own, shop.organisation.id, "test", now=shop.hand.now)
        own.commit()

    assert not automatic.begin(session, shop.organisation.id, "test", now=shop.hand.now)
    session.commit()
    assert automatic.begin_due(session, "test", now=shop.hand.now + timedelta(days=1)) == 0


@on_sqlite
def test_a_retry_waits_longer_each_time(shop):
    shop.use(900)
    shop.stand_in.faults(rate_limited=1, paths=["/v1/payment_intents"])
    pauses = []
    for _ in range(3):
        shop.charge_due()
        pauses.append((shop.payment().due_at - shop.hand.now).total_seconds())
        shop.wait(seconds=pauses[-1])

    assert pauses == [2, 4, 8]
    assert shop.payment().error.startswith(StripeAway.__name__[:6])
