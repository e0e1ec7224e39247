"""Making a key with all that goes with it, and the page of each: what it says and what can be done there."""

import re
from datetime import date, timedelta

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.keys import lifetimes, rotation, seen, services
from app.keys.models import OPERATOR, Key, KeySecret
from app.keys.rotation import Overlap
from app.keys.seen_models import KeySighting, SecretUse
from app.limits.models import LimitRule
from tests.databases import on_both

SECRET = re.compile(r"pst_(?:live|test)_[0-9A-Za-z]{36}")


def only(session):
    session.expire_all()
    return session.exec(select(Key)).one()


@on_both
def test_a_key_is_made_with_all_its_terms(owner, session, make, now):
    integration = make.integration("sampler", tools=())
    make.tool(integration, "look", annotations={"readOnlyHint": True})
    make.tool(integration, "change")
    session.commit()
    page = owner.get("/keys/new")
    assert "only reads" in page.text

    answer = owner.post(
        "/keys/",
        status=200,
        name="farm",
        environment="test",
        way="chosen",
        scope=["sampler/look"],
        networks="10.0.0.0/8, 192.0.2.7",
        expires="30",
        owner="service",
        service="build farm",
        rate="60",
        cap_day="1.50",
        cap_month="20",
    )

    secret = SECRET.search(answer.html).group()
    key = only(session)
    assert secret.startswith("pst_test_")
    assert (key.environment, key.scopes, key.networks) == ("test", ["sampler/look"], ["10.0.0.0/8", "192.0.2.7"])
    assert key.expires_at == now + timedelta(days=30)
    assert (key.owner_id, key.service) == (None, "build farm")
    rules = {(rule.measure, rule.period): rule.most for rule in session.exec(select(LimitRule))}
    assert rules == {
        ("calls", "minute"): 60,
        ("spend", "day"): 150 * 10**9,
        ("spend", "month"): 2000 * 10**9,
    }
    shown = owner.get(f"/keys/{key.id}/").text
    for words in ("build farm", "60 calls a minute", "$1.50 a day", "this key", "Your organisation", "Decides"):
        assert words in shown


def test_only_reading_is_what_makers_say_reads(owner, session, make):
    integration = make.integration("sampler", tools=())
    make.tool(integration, "look", annotations={"readOnlyHint": True})
    make.tool(integration, "change", annotations={"readOnlyHint": False})
    hidden = make.integration("hidden", is_open=False, tools=())
    make.tool(hidden, "look", annotations={"readOnlyHint": True})
    session.commit()
    owner.get("/keys/new")

    owner.post("/keys/", status=200, name="reader", way="reading")

    assert only(session).scopes == ["sampler/look"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"networks": "10.0.0.1/8"}, "between an address and a range"),
        ({"expires": "on"}, "Choose the day"),
        ({"expires": "on", "expires_on": "2020-01-01"}, "is over"),
        ({"cap_day": "much"}, "much"),
        ({"rate": "0"}, "1 or more"),
        ({"way": "chosen"}, "would reach nothing"),
        ({"way": "chosen", "scope": "nowhere"}, "nowhere"),
        ({"scope": "sampler/greet"}, "You ticked what it may reach."),
        ({"way": "reading", "scope": "sampler/greet"}, "You ticked what it may reach."),
        ({"service": "robot"}, "You named a service."),
        ({"expires_on": "2027-12-01"}, "You chose a day."),
    ],
)
def test_what_cannot_be_meant_makes_nothing(owner, session, fields, words):
    owner.get("/keys/new")

    answer = owner.post("/keys/", status=422, name="ci", **fields)

    assert words in answer.text
    assert 'value="ci"' in answer.html
    assert session.exec(select(Key)).all() == []


def test_a_maximum_holds_on_every_form(owner, member, session, make, now):
    owner.get("/keys/rules")
    assert owner.post("/keys/rules", longest_days="90").location.endswith("/keys/rules")
    assert lifetimes.longest_days(session, owner.organisation.id) == 90
    member.get("/keys/rules")
    member.post("/keys/rules", status=403, longest_days="900")

    page = member.get("/keys/new")
    assert "Never" not in page.html[page.html.index('id="expires"') : page.html.index("expires_on")]
    late = date.fromordinal(now.date().toordinal() + 91).isoformat()
    assert "90 days at most" in member.post("/keys/", status=422, name="ci", expires="on", expires_on=late).text
    member.post("/keys/", status=200, name="ci", expires="90")
    owner.get("/keys/rules")
    assert "from 1 to" in owner.post("/keys/rules", status=422, longest_days="0").text


def test_terms_are_changed_and_what_stays_is_not_written_down(owner, session, make):
    make.integration("sampler")
    key = make.key(owner.organisation, name="ci", person_id=owner.person.id)
    session.commit()
    me = str(owner.person.id)
    owner.get(f"/keys/{key.id}/edit")
    same = {"name": "ci", "way": "everything", "networks": "", "expires": "keep", "owner": me, "rate": ""}

    assert "is different" in owner.post(f"/keys/{key.id}/edit", status=422, **same).text
    owner.post(f"/keys/{key.id}/edit", **same | {"name": "build", "rate": "5", "networks": "192.0.2.7"})

    found = only(session)
    assert (found.name, found.networks) == ("build", ["192.0.2.7"])
    actions = {entry.action for entry in session.exec(select(AuditEntry).where(AuditEntry.subject_id == key.id))}
    assert actions == {"key.issued", "key.renamed", "key.changed"}
    answer = owner.post(f"/keys/{key.id}/edit", status=422, **same | {"name": "again", "networks": "nowhere"})
    assert "is not a network" in answer.text
    assert only(session).name == "build"
    owner.post(f"/keys/{key.id}/edit", **same | {"name": "build", "rate": ""})
    assert session.exec(select(LimitRule)).all() == []


def test_what_a_key_may_spend_is_set_by_whoever_may_change_it(owner, member, make, session):
    key = make.key(owner.organisation, name="ci")
    owner.get("/billing/limits/new")
    owner.post("/billing/limits/", whose=f"key:{key.id}", amount="20", period="month", action="slow")
    same = {"name": "ci", "way": "everything", "owner": "service", "expires": "keep"}
    form = member.get(f"/keys/{key.id}/edit").page.form(f"/keys/{key.id}/edit")

    assert form.fields["cap_month"] == "20.00"
    member.post(f"/keys/{key.id}/edit", **same, cap_day="1.50", cap_month="30")

    caps = {rule.period: (rule.most, rule.action) for rule in session.exec(select(LimitRule))}
    assert caps == {"day": (15 * 10**10, "stop"), "month": (3 * 10**12, "slow")}
    assert "is different" in member.post(f"/keys/{key.id}/edit", status=422, **same).text
    wrong = member.post(f"/keys/{key.id}/edit", status=422, **same, cap_day="much", cap_month="40")
    assert wrong.page.form(f"/keys/{key.id}/edit").fields["cap_month"] == "40"
    member.post(f"/keys/{key.id}/edit", **same, cap_day="", cap_month="")
    assert session.exec(select(LimitRule)).all() == []


@on_both
def test_the_page_says_who_still_uses_the_old_secret(owner, session, make, now):
    key = make.key(owner.organisation, name="ci")
    session.commit()
    owner.get(f"/keys/{key.id}/rotate")
    answer = owner.post(f"/keys/{key.id}/rotate", status=200, overlap="quiet", quiet_hours="6")
    assert SECRET.search(answer.html)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "until it was not used for 6 hours" in answer.text
    earlier = session.exec(select(KeySecret)).one()
    used = {"calls": 214, "last_at": now - timedelta(minutes=3), "address": "203.0.113.7", "client": "curl/8.5"}
    session.add(SecretUse(key_id=key.id, used_on=now.date(), secret=seen.secret_id(earlier.digest), **used))
    session.add(KeySighting(key_id=key.id, address="203.0.113.7", client="<b>curl</b>", first_at=now, last_at=now))
    make.attempt(organisation=owner.organisation, key=key, reason="retired_key")
    session.commit()

    shown = owner.get(f"/keys/{key.id}/").text

    assert re.search("was last used 3.min ago by curl/8.5 from 203.0.113.7, 214 calls today", shown)
    assert "if it stays quiet" in shown
    assert "Rotating" in shown
    assert "<b>curl</b>" in shown
    assert "The key has another secret by now" in shown
    assert "a new secret, overlap: until it was not used for 6 hours" in shown

    owner.post(f"/keys/{key.id}/secrets/{earlier.id}/end")
    session.expire_all()
    assert not session.get(KeySecret, earlier.id).works_at(now)
    owner.post(f"/keys/{key.id}/secrets/{earlier.id}/end", status=409)


def test_off_on_revoked_deleted(owner, session, make):
    key = make.key(owner.organisation, name="ci")
    session.commit()
    owner.get(f"/keys/{key.id}/")

    owner.post(f"/keys/{key.id}/disable", note="on holiday")
    assert "on holiday" in owner.get(f"/keys/{key.id}/").text
    owner.post(f"/keys/{key.id}/enable")
    assert only(session).is_enabled
    owner.post(f"/keys/{key.id}/delete", status=409)
    owner.post(f"/keys/{key.id}/revoke")
    owner.post(f"/keys/{key.id}/delete")
    assert f"/keys/{key.id}/" not in owner.get("/keys/").html
    assert "kept as a record" in owner.get(f"/keys/{key.id}/").text
    owner.get(f"/keys/{key.id}/edit", status=409)
    owner.post(f"/keys/{key.id}/rotate", status=422, overlap="0")


def test_what_an_operator_disabled_has_no_button(owner, session, make, now):
    key = make.key(owner.organisation)
    services.disable(session, key=key, reason=OPERATOR, note="asked by mail", person_id=None, now=now)
    session.commit()

    shown = owner.get(f"/keys/{key.id}/")

    assert "only they can enable it" in shown.text
    assert "Enable it again" not in shown.text
    owner.post(f"/keys/{key.id}/enable", status=403)


def test_strangers_find_none_of_it(outsider, owner, session, make, now):
    key = make.key(owner.organisation)
    rotation.rotate(session, key=key, overlap=Overlap(hours=1), brand="pst", person_id=None, now=now)
    session.commit()
    earlier = session.exec(select(KeySecret)).one()
    outsider.get("/keys/new")
    mine = make.key(outsider.organisation)
    session.commit()

    for page in ("", "edit", "rotate"):
        outsider.get(f"/keys/{key.id}/{page}", status=404)
    for act in ("edit", "rotate", "disable", "enable", "delete", "revoke", f"secrets/{earlier.id}/end"):
        outsider.post(f"/keys/{key.id}/{act}", status=404)
    outsider.post(f"/keys/{mine.id}/secrets/{earlier.id}/end", status=404)
