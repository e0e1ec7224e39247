"""The worker tells of unusual use once for each event, whom it concerns, and knows when it is over."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from app.core import clock, mail_letters, net, vault
from app.core.config import Settings
from app.core.mail import Mail
from app.keys.seen_models import KeySighting, SecretUse
from app.metering.models import UsageDay, UsageHour, UsageMonth
from app.organisations import closing
from app.plans import periods
from app.unusual import queries, rules, services
from app.unusual.models import UseAlert
from app.unusual.rules import Choice
from app.unusual.watch import NO_NEWS, USUAL_AGAIN, Watch
from app.webhooks import services as webhooks
from app.webhooks.models import WebhookDelivery
from tests.databases import on_one
from tests.unusual import mmdb

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOBODY = UUID(int=1)


@pytest.fixture
def cast(session, make):
    """An organisation with a person in each role but billing."""
    people = {
        name: make.person(name, email=f"{name}@example.com") for name in ("owner", "admin", "developer", "viewer")
    }
    organisation = make.organisation("Acme", owner=people["owner"])
    for role in ("admin", "developer", "viewer"):
        make.membership(organisation, people[role], role=role)
    return organisation, people


@pytest.fixture
def used(session):
    """`used(organisation, at, calls, errors)` puts so many calls into the ledger's totals."""

    def put(organisation, at, calls, errors=0):
        place = {"key_id": NOBODY, "integration_id": NOBODY, "tool": "greet", "status": "ok", "error_class": ""}
        for table, moment in ((UsageHour, {"hour_at": clock.hour_of(at)}), (UsageDay, {"day_at": clock.day_of(at)})):
            where = {"organisation_id": organisation.id, **moment, **place}
            row = session.exec(select(table).filter_by(**where)).first() or table(**where, calls=0, errors=0)
            row.calls, row.errors = row.calls + calls, row.errors + errors
            session.add(row)
        session.merge(
            UsageMonth(
                organisation_id=organisation.id,
                month_at=periods.start_of(periods.MONTH, at),
                units=1,
                amount_nanos=0,
            )
        )
        session.flush()

    return put


@pytest.fixture
def seen(session):
    """`seen(key, at, client, address)` is what a gateway writes of it."""

    def put(key, at, client="curl/8.5", address="192.0.2.7"):
        session.add(KeySighting(key_id=key.id, address=address, client=client, first_at=at, last_at=at))
        session.flush()

    return put


def letters(session):
    """(recipient, subject) of all mail."""
    return sorted(
        (one.recipient.partition("@")[0], mail_letters.write(one.template, one.context, Settings()).subject)
        for one in session.exec(select(Mail))
    )


def watch(session, at, *, watcher=None):
    return (watcher or Watch()).run(session, Settings(), at)


def usual_days(used, organisation, now, calls=100):
    for back in range(1, 8):
        for shift in (-1, 0, 1):
            used(organisation, now - back * DAY + shift * HOUR, calls)


def test_far_more_calls_than_usual_are_told_once_until_an_hour_was_usual(session, cast, used, now):
    organisation, _ = cast
    usual_days(used, organisation, now)
    used(organisation, now, 499)
    watcher = Watch()
    assert watch(session, now, watcher=watcher) == 0

    used(organisation, now, 41)
    told = [
        watch(session, now + timedelta(minutes=minute), watcher=one)
        for minute in range(3)
        for one in (watcher, Watch())
    ]
    used(organisation, now + HOUR, 2000)
    told += [watch(session, now + HOUR, watcher=watcher)]

    assert told == [1, 0, 0, 0, 0, 0, 0]
    [alert] = session.exec(select(UseAlert))
    assert alert.words == "540 calls since 14:00 UTC; usual at this time of day: at most 100 an hour."
    assert alert.ended_at is None
    assert letters(session) == [(one, "Acme: Unusually many calls") for one in ("admin", "developer", "owner")]
    watch(session, now + 2 * HOUR, watcher=watcher)
    assert alert.ended_at is None, "the hour before was as unusual"
    watch(session, now + 3 * HOUR, watcher=watcher)
    assert (alert.ended_at, alert.why_ended) == (now + 3 * HOUR, USUAL_AGAIN)


def test_who_has_just_begun_has_no_usual_rate(session, cast, used, now):
    organisation, _ = cast
    used(organisation, now - 2 * DAY, 1)
    used(organisation, now, 100_000)

    assert watch(session, now) == 0


def test_many_failing_calls_are_told_by_each_organisations_own_numbers(session, cast, used, make, now):
    organisation, people = cast
    strict = make.organisation("Strict", owner=people["owner"])
    choice = Choice(error_percent=2, error_calls=10, off=frozenset({rules.RATE}))
    services.choose(session, strict, choice, person_id=people["owner"].id, now=now)
    off = make.organisation("Off", owner=people["owner"])
    services.choose(session, off, Choice(off=frozenset({rules.ERRORS})), person_id=people["owner"].id, now=now)
    for one, errors in ((organisation, 9), (strict, 1), (off, 50)):
        used(one, now - HOUR, 50, errors)

    assert watch(session, now) == 1

    [alert] = session.exec(select(UseAlert))
    assert (alert.organisation_id, alert.rule) == (strict.id, rules.ERRORS)
    assert alert.words == "1 of 50 calls from 13:00 to 14:00 UTC failed (2 %)."
    used(organisation, now, 50, 10)
    assert watch(session, now) == 1
    used(organisation, now, 1000)
    watch(session, now + timedelta(minutes=5))
    [lately] = queries.alerts_of(session, organisation, limit=2)
    assert lately.ended_at is None, "it may be as bad again before the hour is over"
    watch(session, now + HOUR)
    assert lately.why_ended == USUAL_AGAIN


def test_a_new_client_of_a_key_is_told_to_its_owner_and_to_who_runs_the_place(session, cast, seen, make, now):
    organisation, people = cast
    key = make.key(organisation, name="ci", person_id=people["developer"].id)
    quiet = make.key(organisation, name="new", person_id=people["developer"].id)
    seen(key, now - 3 * DAY)
    seen(key, now - 3 * DAY + HOUR, "node")
    seen(key, now - timedelta(minutes=2), "curl/9", "198.51.100.1")
    seen(key, now - 2 * DAY, "Claude/1.2 via python-httpx/0.27")
    seen(key, now - timedelta(minutes=2), "python-httpx/0.28", "198.51.100.1")
    seen(quiet, now - timedelta(minutes=9))
    seen(quiet, now - timedelta(minutes=8), "python-requests/2.3")
    assert watch(session, now) == 0

    seen(key, now - timedelta(minutes=1), "evil/1.0", "203.0.113.9")
    watch(session, now)
    watch(session, now)

    [alert] = session.exec(select(UseAlert))
    assert alert.words == "The key “ci” was used by a new client: “evil”, from 203.0.113.9."
    who = ["admin", "developer", "owner"]
    assert letters(session) == [(one, "Acme: A key is used by a new client") for one in who]
    watch(session, now + 7 * DAY)
    assert alert.why_ended == NO_NEWS


@on_one
def test_what_changes_its_name_with_every_call_does_not_fill_mailboxes(session, cast, seen, make, now):
    organisation, _ = cast
    key = make.key(organisation)
    seen(key, now - 3 * DAY)
    for number in range(8):
        seen(key, now - timedelta(minutes=8 - number), f"agent-{number:c<{number + 1}}")

    watch(session, now)

    alerts = queries.alerts_of(session, organisation, limit=20)
    assert sorted(alert.is_told for alert in alerts) == [False] * 3 + [True] * 5
    assert len(letters(session)) == 2 * 5


def test_a_key_in_regular_use_that_falls_silent_is_told_until_it_speaks(session, cast, make, now):
    organisation, _ = cast
    keys = {name: make.key(organisation, name=name) for name in ("daily", "weekly", "revoked")}
    last = now - 7 * DAY - timedelta(minutes=5)
    for name, step in (("daily", 1), ("weekly", 7), ("revoked", 1)):
        keys[name].last_used_at = last
        for back in range(0, 14, step):
            place = {"secret": "x", "calls": 1, "last_at": last, "address": "", "client": ""}
            session.add(SecretUse(key_id=keys[name].id, used_on=last.date() - timedelta(days=back), **place))
    keys["revoked"].revoked_at = now
    session.flush()

    assert watch(session, now - HOUR) == 0
    assert [watch(session, now), watch(session, now + HOUR)] == [1, 0]

    [alert] = session.exec(select(UseAlert))
    assert alert.words == "The key “daily” was used on 14 of 14 days, and not since 2026-11-15 13:58 UTC."
    keys["daily"].last_used_at = now + HOUR
    session.commit()
    watch(session, now + 2 * HOUR)
    assert alert.why_ended == "The key was used again."


@on_one
def test_webhooks_are_told_and_whoever_goes_is_not(session, cast, used, make, now):
    organisation, people = cast
    closed = make.organisation("Closing", owner=people["owner"])
    closing.begin(session, organisation=closed, words="Gone.", person_id=None, now=now)
    for one in (organisation, closed):
        webhooks.add(
            session,
            organisation=one,
            url="https://example.com/hook",
            guard=net.Guard(),
            safe=vault.Vault(["a key of thirty-two characters or more"]),
            person_id=people["owner"].id,
            now=now,
        )
        used(one, now, 50, 50)

    assert watch(session, now) == 1

    [delivery] = session.exec(select(WebhookDelivery))
    said = json.loads(delivery.body)
    assert said["type"] == "usage.unusual"
    assert said["data"] == {
        "organisation": organisation.slug,
        "words": "50 of 50 calls since 14:00 UTC failed (100 %).",
        "rule": "errors",
        "key_id": None,
        "place": None,
        "began_at": "2026-11-22T14:00:00Z",
    }


@on_one
def test_a_rule_that_fails_keeps_no_other_from_being_told(session, cast, used, now, monkeypatch):
    used(cast[0], now, 50, 50)
    monkeypatch.setattr("app.unusual.places.look", lambda *_, **__: 1 / 0)

    assert watch(session, now) == 1


@on_one
def test_a_new_country_is_told_where_countries_are_known(session, cast, seen, make, now, tmp_path, caplog):
    key = make.key(cast[0], name="ci")
    file, watcher = tmp_path / "countries.mmdb", Watch()
    settings = Settings(geoip_db=file)
    seen(key, now - 3 * DAY, address="192.0.2.7")
    seen(key, now - 2 * DAY, address="192.0.2.9")
    seen(key, now - timedelta(minutes=3), address="192.0.2.8")
    watcher.run(session, settings, now)
    watcher.run(session, settings, now)
    assert [record.message for record in caplog.records] == ["countries.unreadable"]

    file.write_bytes(mmdb.written({"192.0.2.0/24": ("NO", "Norway"), "203.0.113.0/24": ("FR", "France")}))
    for address in ("203.0.113.5", "203.0.113.6", "198.51.100.1", "nonsense"):
        seen(key, now - timedelta(minutes=2), address=address)
    told = [watcher.run(session, settings, now), watcher.run(session, settings, now)]

    assert told == [1, 0]
    [alert] = session.exec(select(UseAlert))
    assert alert.words == "The key “ci” was used from a new country: France, from 203.0.113.5."
    assert alert.place == "FR"
