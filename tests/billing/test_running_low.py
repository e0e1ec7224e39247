"""Nobody is surprised by a wallet: what runs low, is used up, was bought, or may be bought no more, is told once."""

import json
from datetime import timedelta

import pytest
from sqlmodel import select

from app.billing import automatic, low_words, running_low
from app.billing.alert_models import AlertSetting
from app.core import mail_letters
from app.core.mail import Mail
from app.jobs import JOBS
from app.metering.models import Attempt
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.billing.counter import Counter
from tests.billing.purse import give, key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(session, engine, api, stand_in, hand, make):
    """1,000 of credit, and a card that is kept."""
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.buy(1_000, keeps_card=True)
    return shop


def look(shop):
    shop.session.expire_all()
    return running_low.tell_due(shop.session, mode="test", now=shop.hand.now)


def mails(shop, template=low_words.TEMPLATE):
    shop.session.expire_all()
    found = shop.session.exec(select(Mail).where(Mail.template == template).order_by(Mail.queued_at))
    return list(found)


def titles(shop):
    return [one.context["title"].rpartition(" is ")[2] for one in mails(shop)]


def refuse(shop, request="req_1"):
    said = {"address_digest": "x", "reason": "cap_reached", "http_status": 402, "path": "/", "at": shop.hand.now}
    row = Attempt(id=request, organisation_id=shop.organisation.id, rule_id=key(shop.organisation).rule_id, **said)
    shop.session.add(row)
    shop.session.commit()


def test_credit_that_runs_low_and_out_is_told_once_each(shop):
    told = []
    for amount in (700, 100, 100, 50, 50):
        shop.use(amount)
        shop.wait(minutes=1)
        told += [look(shop), look(shop)]

    assert told == [0, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert titles(shop) == ["running low", "used up"]
    low, _ = mails(shop)
    assert (low.recipient, low.context["left"], low.context["bought"]) == ("olive@example.com", "$1.00", "$10.00")
    shop.wait(days=200)
    assert look(shop) == 0


def test_what_is_used_up_at_once_is_one_mail(shop):
    shop.use(1_000)

    assert [look(shop), look(shop)] == [1, 0]
    assert titles(shop) == ["used up"]


def test_more_credit_begins_anew(shop):
    shop.use(1_000)
    look(shop)
    shop.wait(minutes=1)
    shop.buy(2_000)
    assert look(shop) == 0

    shop.use(1_601)
    shop.wait(minutes=1)
    look(shop)
    shop.use(399)
    look(shop)

    assert titles(shop) == ["used up", "running low", "used up"]


def test_a_gift_beside_what_was_bought_does_not_say_low_again(shop):
    shop.use(900)
    look(shop)
    give(shop.session, shop.organisation, 10**10, shop.hand.now + timedelta(minutes=1), kind="gift")

    assert look(shop) == 0
    assert titles(shop) == ["running low"]


def test_too_little_for_a_call_that_was_refused_is_used_up(shop):
    shop.use(999)
    look(shop)
    shop.wait(minutes=1)
    refuse(shop)

    assert [look(shop), look(shop)] == [1, 0]
    assert titles(shop) == ["running low", "used up"]


def test_one_large_call_that_was_refused_uses_nothing_up(shop):
    shop.use(100)
    shop.wait(minutes=1)
    refuse(shop)

    assert look(shop) == 0


def test_low_is_where_automatic_top_up_stood_when_it_was_switched_off(shop):
    shop.agree(below=500)
    who = {"organisation_id": shop.organisation.id, "mode": "test", "person_id": None}
    automatic.switch_off(shop.session, **who, now=shop.hand.now)
    shop.session.commit()
    shop.use(501)

    assert look(shop) == 1


def test_low_is_not_told_while_more_is_bought_by_itself(shop):
    shop.agree()
    shop.use(900)

    assert look(shop) == 0
    shop.agree(month_most=1_000)
    shop.charge_due()
    shop.use(1_000)
    assert look(shop) == 1, "the most of the month is reached, so nothing more comes"


def test_an_organisation_on_another_plan_or_silent_for_long_is_told_nothing(shop):
    shop.use(1_000)
    shop.choose("payg")
    assert look(shop) == 0
    shop.choose("prepaid")
    shop.wait(days=8)

    assert look(shop) == 0


def test_whoever_wants_no_warnings_by_mail_is_told_by_webhooks(shop):
    shop.session.add(
        WebhookEndpoint(
            organisation_id=shop.organisation.id, url="https://a.example", secret="s", created_at=shop.hand.now
        )
    )
    said = {"thresholds": [80], "by_mail": False, "changed_at": shop.hand.now}
    shop.session.add(AlertSetting(organisation_id=shop.organisation.id, **said))
    shop.use(850)
    look(shop)
    shop.use(150)
    look(shop)

    assert mails(shop) == []
    told = [json.loads(one.body) for one in shop.session.exec(select(WebhookDelivery))]
    assert sorted((one["type"], one["data"]["left"]) for one in told) == [
        ("credit.low", "1.50"),
        ("credit.used_up", "0.00"),
    ]


def test_an_automatic_top_up_is_told_with_card_and_what_is_left_of_the_month(shop):
    shop.agree(month_most=3_000)
    shop.use(900)
    for _ in range(3):
        shop.charge_due()
        shop.hear()
        shop.work()

    [letter] = mails(shop, "top_up_made")
    wanted = {"amount": "$10.00", "card": "the card ending in 4242", "room": "$20.00", "left": "$11.00"}
    assert letter.context | wanted == letter.context
    assert letter.key == f"top_up_made:{shop.payment().id}"


def test_what_somebody_bought_at_checkout_is_no_automatic_top_up(shop):
    assert mails(shop, "top_up_made") == []


def test_the_most_of_a_month_is_told_once_in_that_month(shop):
    shop.agree(month_most=1_000)
    for _ in range(4):
        shop.use(900)
        shop.charge_due()

    [letter] = mails(shop, "top_up_at_most")
    wanted = {"bought": "$10.00", "most": "$10.00", "month": f"{shop.hand.now:%B %Y}"}
    assert letter.context | wanted == letter.context
    shop.wait_until_december()
    for _ in range(4):
        shop.use(900)
        shop.charge_due()
    assert len(mails(shop, "top_up_at_most")) == 2


def test_the_mails_can_be_written(shop, settings):
    shop.agree(month_most=1_000)
    shop.use(900)
    shop.charge_due()
    shop.use(1_100)
    shop.charge_due()
    look(shop)

    letters = [mail_letters.write(one.template, one.context, settings) for one in shop.session.exec(select(Mail))]

    assert len(letters) == 3
    assert all("/billing/wallet/" in one.text and "/billing/wallet/" in one.html for one in letters)


def test_the_worker_tells_when_it_settles(shop, settings):
    shop.use(1_000)
    job = next(job for job in JOBS if job.name == "settle_credit")

    assert job.run(shop.session, settings, shop.hand.now) == 1
    assert titles(shop) == ["used up"]
