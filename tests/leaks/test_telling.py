"""Whom a leak concerns is told by mail and webhook, once, after what was done."""

import json
from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import mail_letters, net, vault
from app.core.config import Settings
from app.core.mail import Mail
from app.leaks import models, services, telling, words
from app.leaks.models import LeakFind
from app.leaks.reports import Report
from app.organisations.models import Organisation
from app.webhooks import services as webhooks
from app.webhooks.models import WebhookDelivery
from tests.databases import on_one


@pytest.fixture
def scene(session, make, now):
    """A developer's key in an organisation with an owner, an admin, and somebody who has left."""
    owner, admin, developer = (make.person(name, email=f"{name}@example.com") for name in ("owner", "admin", "dev"))
    organisation = make.organisation("Acme", owner=owner)
    make.membership(organisation, admin, role="admin")
    make.membership(organisation, developer, role="developer")
    secrets = []
    key = make.key(organisation, name="ci", person_id=developer.id, secret=secrets)
    session.commit()
    return organisation, key, secrets[0]


def leak(session, secret, *places, now, reporter=models.GITHUB):
    found = [Report(secret, "commit" if reporter == models.GITHUB else "form", place) for place in places]
    services.take_in(session, found, reporter=reporter, now=now)
    session.commit()


def letters(session):
    """By recipient, in words."""
    settings = Settings(environment="development")
    return {
        one.recipient: mail_letters.write(one.template, one.context, settings) for one in session.exec(select(Mail))
    }


def test_the_keys_owner_and_the_organisations_owners_are_told_once(session, scene, now):
    _, key, secret = scene
    leak(session, secret, "https://github.com/a/b", now=now)

    assert [telling.tell_due(session, now=now) for _ in range(2)] == [1, 0]

    found = letters(session)
    assert set(found) == {"owner@example.com", "dev@example.com"}
    for letter in found.values():
        assert letter.subject == "A leaked key was stopped: “ci”"
        assert "/keys/new\n" in letter.text, "an address ends with its line"
        assert "/usage/\n" in letter.text
        for text in (letter.text, letter.html):
            assert "https://github.com/a/b" in text
            assert key.hint in text
            assert "It was revoked" in text
            assert "be careful" not in text
            assert "cannot be switched off" in text
            assert secret not in text
    (find,) = session.exec(select(LeakFind))
    assert find.told_at == now


@on_one
def test_who_left_the_organisation_is_not_told(session, scene, make, now):
    organisation, _, _ = scene
    gone = make.person("gone", email="gone@example.com")
    secrets = []
    make.key(organisation, person_id=gone.id, secret=secrets)
    leak(session, secrets[0], "here", now=now)

    telling.tell_due(session, now=now)

    assert set(letters(session)) == {"owner@example.com"}


@on_one
def test_many_places_are_one_mail_and_hearsay_is_called_so(session, scene, now):
    organisation, _, secret = scene
    services.choose(session, organisation=organisation, act="notify", person_id=None, now=now)
    leak(session, secret, *(f"place {number:02}" for number in range(30)), now=now, reporter=models.FORM)

    assert telling.tell_due(session, now=now) == 30

    letter = letters(session)["owner@example.com"]
    assert letter.subject == "A key leaked and still works: “ci”"
    assert letter.text.count("- a place that somebody reported: place") == telling.SHOWN_AT_MOST
    assert "and 10 more" in letter.text
    assert "be careful with the address" in letter.text


@on_one
def test_a_key_that_goes_on_working_does_not_fill_mailboxes(session, scene, now):
    organisation, _, secret = scene
    services.choose(session, organisation=organisation, act="notify", person_id=None, now=now)

    told = []
    for minutes in (0, 10, 30, 61):
        at = now + timedelta(minutes=minutes)
        leak(session, secret, f"place {minutes}", now=at)
        told.append(telling.tell_due(session, now=at))

    assert told == [1, 0, 0, 3]


@on_one
def test_test_keys_and_dead_ones_alarm_nobody(session, scene, make, now):
    organisation, _, secret = scene
    secrets = []
    make.key(organisation, environment="test", secret=secrets)
    leak(session, secrets[0], "here", now=now)
    leak(session, secret, "here", now=now)
    telling.tell_due(session, now=now)
    leak(session, secret, "there", now=now)

    assert telling.tell_due(session, now=now) == 0
    assert len(letters(session)) == 2


@on_one
def test_webhooks_are_told_with_what_was_done(session, scene, make, now):
    organisation, key, secret = scene
    webhooks.add(
        session,
        organisation=organisation,
        url="https://example.com/hook",
        guard=net.Guard(),
        safe=vault.Vault(["a key of thirty-two characters or more"]),
        person_id=make.person().id,
        now=now,
    )
    leak(session, secret, "https://github.com/a/b", now=now)

    telling.tell_due(session, now=now)
    telling.tell_due(session, now=now)

    (delivery,) = session.exec(select(WebhookDelivery))
    said = json.loads(delivery.body)
    assert said["type"] == "key.leaked"
    assert said["data"] == {
        "organisation": session.get(Organisation, organisation.id).slug,
        "words": f"“ci” was found in a commit on GitHub: https://github.com/a/b. {words.SENTENCES['revoked']}",
        "key_id": str(key.id),
        "admin_key_id": None,
        "key": key.hint,
        "name": "ci",
        "done": "revoked",
        "source": "commit",
        "url": "https://github.com/a/b",
        "reported_by": "github",
        "found_at": "2026-11-22T14:03:22Z",
        "drill": False,
    }
    assert secret not in delivery.body


@on_one
def test_a_drill_is_left_to_tell_by_itself(session, scene, now):
    _, _, secret = scene
    services.take_in(session, [Report(secret, "drill", "")], reporter=models.DRILL, now=now)
    session.commit()

    assert telling.tell_due(session, now=now) == 0
    assert letters(session) == {}
