"""Whom it concerns gets mail before a key expires, and before an earlier secret ends that is still used: once each."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import mail_letters
from app.core.config import Settings
from app.core.mail import Mail
from app.keys import ending, rotation, seen
from app.keys.rotation import Overlap
from app.keys.seen_models import SecretUse
from app.organisations import closing
from tests.databases import on_one

LIFE = timedelta(days=30)


@pytest.fixture
def scene(session, make):
    """An organisation of five, and who has left it."""
    people = {
        role: make.person(role, email=f"{role}@example.com") for role in ("owner", "admin", "developer", "viewer")
    }
    organisation = make.organisation("Acme", owner=people["owner"])
    for role in ("admin", "developer", "viewer"):
        make.membership(organisation, people[role], role=role)
    other = make.person("other", email="other@example.com")
    make.membership(organisation, other, role="developer")
    people["gone"] = make.person("gone", email="gone@example.com")
    return organisation, people


def letters(session):
    settings = Settings(environment="development")
    return {
        one.recipient: mail_letters.write(one.template, one.context, settings) for one in session.exec(select(Mail))
    }


def test_a_key_is_told_of_at_each_stage_once_to_whom_it_concerns(session, scene, make, now):
    organisation, people = scene
    key = make.key(organisation, name="ci", person_id=people["developer"].id, expires_at=now + LIFE)
    looked = {}

    for days in range(31):
        for hours in (0, 1, 23):
            at = now + timedelta(days=days, hours=hours)
            if count := ending.tell_due(session, now=at):
                looked[days] = looked.get(days, 0) + count

    assert looked == {16: 3, 27: 3, 29: 3}
    found = letters(session)
    assert set(found) == {"owner@example.com", "admin@example.com", "developer@example.com"}
    subjects = {mail_letters.write(one.template, one.context, Settings()).subject for one in session.exec(select(Mail))}
    assert subjects == {f"The key “ci” expires {when}" for when in ("in 14 days", "in 3 days", "within a day")}
    for text in (found["developer@example.com"].text, found["developer@example.com"].html):
        assert f"/keys/{key.id}/" in text
        assert key.hint in text
        assert "2026-12-22 14:03 UTC" in text


@on_one
def test_nobody_is_told_of_what_does_not_end_or_is_known_to(session, scene, make, now):
    organisation, people = scene
    soon = now + timedelta(hours=20)
    make.key(organisation, person_id=people["gone"].id, expires_at=soon)
    make.key(organisation, is_enabled=False, expires_at=now + LIFE)
    make.key(organisation, revoked_at=now, expires_at=now + LIFE)
    make.key(organisation)
    closed = make.organisation("Closing", owner=people["owner"])
    make.key(closed, expires_at=now + LIFE)
    closing.begin(session, organisation=closed, words="Gone.", person_id=None, now=now)
    session.flush()

    told = [ending.tell_due(session, now=now + timedelta(hours=12 * step)) for step in range(62)]

    assert sum(told) == 0


def test_an_earlier_secret_is_told_of_only_while_somebody_uses_it(session, scene, make, now):
    organisation, _ = scene
    key, quiet = make.key(organisation, name="ci"), make.key(organisation, name="quiet")
    for one in (key, quiet):
        rotation.rotate(session, key=one, overlap=Overlap(hours=72), brand="pst", person_id=None, now=now)
    [earlier] = rotation.secrets_of(session, key)
    for one, hours in ((earlier, 50), (rotation.secrets_of(session, quiet)[0], -1)):
        at = now + timedelta(hours=hours)
        place = {"used_on": at.date(), "secret": seen.secret_id(one.digest), "address": "192.0.2.7", "client": "curl/8"}
        session.add(SecretUse(key_id=one.key_id, calls=3, last_at=at, **place))
    session.flush()

    told = {hours: ending.tell_due(session, now=now + timedelta(hours=hours)) for hours in (1, 47, 51, 60, 71, 72)}

    assert told == {1: 0, 47: 0, 51: 2, 60: 0, 71: 2, 72: 0}
    letter = letters(session)["owner@example.com"]
    assert letter.subject == "An earlier secret of “ci” is still used and ends within 2 hours"
    assert "2026-11-24 16:03 UTC, from 192.0.2.7, by curl/8" in letter.text
    assert earlier.hint in letter.text
