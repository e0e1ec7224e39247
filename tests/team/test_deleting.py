"""Deleting an organisation: its keys stop at once, two weeks to undo it, and then nothing is left but the books."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import audit, db
from app.core.mail import Mail
from app.keys import grants
from app.keys.models import Key
from app.leaks.models import LeakPolicy
from app.metering.models import UsageEvent
from app.organisations.models import Membership, Organisation
from app.plans import services as plans
from app.team import deleting, export
from app.webhooks.models import WebhookEndpoint
from tests.databases import on_both
from tests.plans import catalogues


def states(session):
    """Of all keys, as a gateway knows them."""
    return {known.grant.key_id: known.grant.state for known in grants.every(session)}


def test_deletion_says_what_goes_and_needs_the_name_typed(owner, member, make, session):
    make.key(owner.organisation)
    page = owner.get("/organisation/delete")
    for words in ("1 key: each call with it is refused", "2 people belong", "The ledger with its receipts"):
        assert words in page.text
    assert "Type the name exactly" in owner.post("/organisation/delete", name="acme", status=422).text
    assert session.get(Organisation, owner.organisation.id).closes_at is None

    owner.post("/organisation/delete", name="Acme")

    session.refresh(owner.organisation)
    assert owner.organisation.closes_at is not None
    assert "“Acme” will be deleted on 6 Dec 2026" in owner.get("/home/").text
    assert "Until then an owner can undo it" in member.get("/home/").text
    [letter] = session.exec(select(Mail))
    assert (letter.recipient, letter.template) == ("olive@example.com", "organisation_closing")
    owner.post("/organisation/delete", name="Acme", status=422)
    member.post("/organisation/restore", status=403)


@on_both
def test_its_keys_are_off_until_it_is_kept(owner, outsider, make, session):
    theirs, others = make.key(owner.organisation), make.key(outsider.organisation)
    owner.get("/organisation/delete")
    owner.post("/organisation/delete", name="Acme")
    assert states(session) == {theirs.id: "stopped", others.id: "live"}

    owner.post("/organisation/restore")

    assert states(session) == {theirs.id: "live", others.id: "live"}
    assert "will be deleted" not in owner.get("/home/").text
    owner.post("/organisation/restore", status=409)


@on_both
def test_worker_deletes_when_the_grace_is_over_and_keeps_the_books(owner, outsider, make, session, hand):
    key, other = make.key(owner.organisation), make.key(outsider.organisation)
    make.call(key, make.integration())
    session.add(
        WebhookEndpoint(
            organisation_id=owner.organisation.id, url="https://example.com", secret="x", created_at=hand.now
        )
    )
    for browser in (owner, outsider):
        session.add(LeakPolicy(organisation_id=browser.organisation.id, act="notify", chosen_at=hand.now))
    owner.get("/organisation/delete")
    owner.post("/organisation/delete", name="Acme")
    session.commit()
    assert deleting.carry_out(session, now=hand.now + timedelta(days=13, hours=23)) == 0

    assert deleting.carry_out(session, now=hand.now + timedelta(days=14)) == 1
    assert deleting.carry_out(session, now=hand.now + timedelta(days=15)) == 0

    session.commit()
    assert session.get(Organisation, owner.organisation.id).deleted_at is not None
    assert [one.person_id for one in session.exec(select(Membership))] == [outsider.person.id]
    assert session.get(Key, key.id).is_revoked
    assert not session.get(Key, other.id).is_revoked
    assert session.exec(select(WebhookEndpoint)).one().secret == ""
    assert [one.organisation_id for one in session.exec(select(LeakPolicy))] == [outsider.organisation.id]
    assert len(session.exec(select(UsageEvent)).all()) == 1
    actions = {
        one.action for one in session.exec(select(audit.AuditEntry)) if one.organisation_id == key.organisation_id
    }
    assert {"organisation.deletion_begun", "organisation.deleted", "key.revoked", "webhook.removed"} <= actions
    assert {one.template for one in session.exec(select(Mail))} == {"organisation_closing", "organisation_deleted"}
    assert owner.get("/keys/", status=303).location == "/organisations/"


def test_plan_that_goes_on_being_paid_for_is_cancelled_first(owner, session, now):
    catalogues.apply(session, now=now)
    held = plans.subscribe(
        session,
        organisation=owner.organisation,
        choice=catalogues.choice(session, "team", now=now),
        stripe_id="sub_1",
        now=now,
    )
    assert "goes on being paid for" in owner.get("/organisation/delete").text
    owner.post("/organisation/delete", name="Acme", status=422)
    assert session.get(Organisation, owner.organisation.id).closes_at is None

    plans.cancel(session, organisation=owner.organisation, reason="", now=now)
    session.refresh(held)

    owner.post("/organisation/delete", name="Acme")


@on_both
def test_export_has_everything_of_the_organisation_and_no_secret(owner, member, outsider, make, session, hand):
    integration = make.integration()
    key, other = make.key(owner.organisation), make.key(outsider.organisation)
    admin_key = make.admin_key(owner.organisation)
    make.admin_key(outsider.organisation)
    call = make.call(key, integration)
    make.call(other, integration)

    answer = owner.open("GET", "/organisation/export.zip")

    assert answer.headers["Content-Type"] == "application/zip"
    assert f"{owner.organisation.slug}-2026-11-22.zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.response.get_data())) as made:
        files = {name: made.read(name).decode() for name in made.namelist()}
    assert "usage_event.jsonl: every metered call" in files["README.txt"]
    assert "leak_find.jsonl: where its keys were found" in files["README.txt"]
    [event] = [json.loads(line) for line in files["usage_event.jsonl"].splitlines()]
    assert (event["id"], event["at"]) == (call.id, "2026-11-22T14:03:22+00:00")
    assert [json.loads(line)["id"] for line in files["api_key.jsonl"].splitlines()] == [str(key.id)]
    assert {json.loads(line)["email"] for line in files["members.jsonl"].splitlines()} == {
        "olive@example.com",
        "max@example.com",
    }
    assert [json.loads(line)["id"] for line in files["admin_key.jsonl"].splitlines()] == [str(admin_key.id)]
    everything = "".join(files.values())
    assert admin_key.digest not in everything
    assert key.digest not in everything
    assert str(outsider.organisation.id) not in everything
    member.get("/organisation/export.zip", status=403)


@pytest.mark.parametrize("name", ["api_key", "admin_key", "webhook_endpoint", "usage_event"])
def test_what_would_open_something_is_left_out(name):
    columns = {column.name for column in db.metadata.tables[name].columns} - export.HIDDEN

    assert not {one for one in columns if "digest" in one or "secret" in one}
