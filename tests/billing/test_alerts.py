"""Warnings: each once for each limit as it stands, period and threshold, whoever looks and however often."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.billing import alerts
from app.billing.lookout import Lookout
from app.core.mail import Mail
from app.limits import services
from app.limits.models import LimitRule
from app.limits.services import Selection
from app.plans.models import UsageCharge
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.billing import months_used
from tests.billing.capping import AT, Scene, refuse, spend

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def scene(session, make):
    return Scene(session, make)


def test_each_threshold_is_told_once(scene):
    scene.cap()
    told = []
    for _ in range(12):
        scene.spend(100)
        told += [scene.look(), scene.look()]

    assert sum(told) == 3
    assert scene.written == [50, 80, 100]
    assert scene.mails == [
        "50 % of the cap of $10.00 a month for all calls is used",
        "80 % of the cap of $10.00 a month for all calls is used",
        "The cap of $10.00 a month for all calls is used up",
    ]


@on_sqlite
def test_what_is_passed_in_one_moment_is_one_mail_and_a_row_for_each(scene):
    scene.cap(period="day")
    scene.spend(900)

    assert scene.look() == 2
    assert scene.written == [50, 80]
    assert scene.mails == ["80 % of the cap of $10.00 a day for all calls is used"]


@on_sqlite
def test_a_new_period_warns_anew(scene):
    scene.cap(period="day")
    scene.spend(600)
    scene.look()
    tomorrow = AT + timedelta(days=1)
    scene.spend(600, at=tomorrow)

    assert (scene.look(at=tomorrow), scene.written) == (1, [50, 50])


@on_sqlite
def test_what_was_used_in_a_periods_last_seconds_is_told_after_it(scene):
    midnight = AT.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    scene.cap(period="day")
    scene.spend(600, at=midnight - timedelta(seconds=1))

    assert scene.look(at=midnight + timedelta(seconds=2)) == 1
    assert scene.look(at=midnight + timedelta(hours=2)) == 0


@on_sqlite
def test_a_changed_cap_warns_of_what_is_passed_from_then_on(scene):
    scene.cap(1000)
    scene.spend(1000)
    scene.look()

    scene.cap(1900)  # 52 % are used already

    assert scene.look() == 0
    scene.spend(600)  # 84 %
    assert scene.look() == 1
    assert scene.mails[-1] == "80 % of the cap of $19.00 a month for all calls is used"


@on_sqlite
def test_a_cap_that_is_lowered_below_what_is_used_says_so_once(scene):
    scene.spend(600)
    scene.cap(500)

    assert [scene.look(), scene.look()] == [1, 0]
    assert scene.mails == ["The cap of $5.00 a month for all calls is used up"]


@on_sqlite
def test_a_cap_set_back_to_what_it_was_is_not_warned_of_again(scene):
    scene.cap(1000)
    scene.spend(600)
    scene.look()
    scene.cap(2000)
    scene.cap(1000)

    assert scene.look() == 0


@on_sqlite
def test_a_cap_that_refuses_is_used_up_though_something_is_left(scene):
    rule = scene.cap()
    scene.spend(990)
    scene.look()

    refuse(scene.session, scene.key, rule, at=AT + timedelta(minutes=1))

    assert scene.look(at=AT + timedelta(minutes=1)) == 1
    assert scene.mails[-1] == "The cap of $10.00 a month for all calls is used up"


@on_sqlite
def test_a_refusal_before_a_cap_was_raised_says_nothing_of_the_new_one(scene):
    rule = scene.cap()
    scene.spend(999)
    refuse(scene.session, scene.key, rule, at=AT)
    scene.look()

    scene.cap(5000, at=AT + timedelta(minutes=1))

    assert scene.look(at=AT + timedelta(minutes=2)) == 0


@on_sqlite
def test_only_what_a_cap_is_for_counts(scene):
    other = scene.make.key(scene.organisation, name="other")
    elsewhere = scene.make.integration("elsewhere")
    scene.cap(100, key=other)
    scene.cap(100, integration=elsewhere)
    scene.spend(400)

    assert scene.look() == 0
    spend(scene.session, other, elsewhere, 60, at=AT)
    assert scene.look() == 2
    assert set(scene.mails) == {
        "50 % of the cap of $1.00 a month for the key “other” is used",
        "50 % of the cap of $1.00 a month for “Elsewhere” is used",
    }


@on_sqlite
def test_allowances_of_the_plan_and_free_units_are_warned_of(scene, session):
    months_used.subscribed(session, scene.organisation)
    selection = Selection(organisation=scene.organisation)
    services.set_limit(session, selection=selection, measure="calls", period="month", most=10, set_by="plan", now=AT)
    scene.spend(0, units=8)
    place = {"organisation_id": scene.organisation.id, "price_version_id": months_used.price(session).id}
    session.add(UsageCharge(**place, month_at=months_used.BEGINNING, metric="calls", quantity=1))
    session.flush()

    scene.look()

    assert set(scene.mails) == {
        "80 % of the allowance of 10 calls a month for all calls is used",
        "50 % of the allowance of 2 free calls a month for calls that your plan prices is used",
    }


@on_sqlite
def test_changed_thresholds_hold_for_what_is_passed_from_then_on(scene):
    scene.cap()
    scene.spend(600)

    def choose(*thresholds, by_mail=True):
        alerts.choose(
            scene.session,
            scene.organisation,
            thresholds=thresholds,
            by_mail=by_mail,
            currency="usd",
            person_id=scene.person.id,
            now=AT,
        )

    choose(10, 60, 70)
    assert scene.look() == 0
    choose(70, by_mail=False)
    scene.spend(100)
    assert (scene.look(), scene.mails) == (1, [])
    choose()
    scene.spend(900)
    assert scene.look() == 0


@on_sqlite
def test_mail_goes_where_bills_go_and_to_owners_once_each(scene):
    scene.make.membership(scene.organisation, scene.make.person("Max Member", email="max@example.com"))
    second = scene.make.person("Ona Owner", email="OLIVE@example.com")
    scene.make.membership(scene.organisation, second, role="owner")
    scene.cap()
    scene.spend(500)
    scene.look()

    assert [row.recipient.lower() for row in scene.session.exec(select(Mail))] == ["olive@example.com"]


def test_two_workers_at_once_tell_once(scene, engine):
    scene.cap()
    scene.spend(800)
    scene.session.commit()
    told = []
    for _ in range(2):
        with Session(engine) as session:
            told.append(alerts.look(session, scene.organisation, currency="usd", mode="test", now=AT))
            session.commit()

    assert sorted(told) == [0, 2]
    assert len(scene.mails) == 1


@on_sqlite
def test_a_worker_that_begins_looks_at_everybody_and_then_at_those_who_call(scene, settings, monkeypatch):
    scene.cap()
    scene.spend(500)
    scene.session.commit()
    lookout = Lookout()

    assert lookout.run(scene.session, settings, AT) == 1

    scene.spend(400)
    scene.session.commit()
    assert lookout.run(scene.session, settings, AT + timedelta(seconds=3)) == 0
    months_used.call(scene.session, scene.key, scene.sampler, at=AT + timedelta(seconds=4))
    scene.session.commit()
    assert lookout.run(scene.session, settings, AT + timedelta(seconds=6)) == 1
    assert Lookout().run(scene.session, settings, AT + timedelta(seconds=9)) == 0


@on_sqlite
def test_webhooks_are_told_of_each_threshold_whether_or_not_mail_goes_out(scene, session):
    endpoint = WebhookEndpoint(
        organisation_id=scene.organisation.id, url="https://a.example/", secret="", created_at=AT
    )
    session.add(endpoint)
    scene.cap(1000, period="day", action="slow", key=scene.key)
    scene.spend(850)

    scene.look()
    scene.look()

    told = [json.loads(body)["data"] for body in session.exec(select(WebhookDelivery.body))]
    assert sorted(one["threshold_percent"] for one in told) == [50, 80]
    assert (
        told[0].items()
        >= {
            "organisation": scene.organisation.slug,
            "measure": "spend",
            "period": "day",
            "period_begins_at": "2026-11-22T00:00:00Z",
            "most": "10.00",
            "used": "8.50",
            "currency": "usd",
            "key_id": str(scene.key.id),
            "integration_id": None,
            "set_by": "organisation",
            "action": "slow",
        }.items()
    )


def test_two_owners_who_set_the_same_cap_at_once_set_one(scene, engine):
    scene.session.commit()
    both = threading.Barrier(2)

    def put(cents):
        with Session(engine) as session:
            both.wait()
            Scene.cap(Theirs(scene, session), cents)
            session.commit()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(put, (500, 600)))

    assert len(scene.session.exec(select(LimitRule)).all()) == 1


@dataclass
class Theirs:
    """The same scene from another session."""

    scene: Scene
    session: Session

    def __getattr__(self, name):
        return getattr(self.scene, name)
