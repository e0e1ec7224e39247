"""Admin keys that leak: found by the same ways as keys for the gateway, and dealt with as their organisation chose."""

import pytest
from sqlmodel import select

from app.core import mail_letters
from app.core.audit import AuditEntry
from app.core.mail import Mail
from app.keys import tokens
from app.keys.admin_models import AdminKey
from app.leaks import models, services, telling
from app.leaks.models import LeakFind
from tests.databases import on_both, on_one

URL = "https://github.com/acme/app/blob/0123/deploy.yml"


@pytest.fixture
def leaked(session, make, owner):
    """An admin key of the owner's organisation, made by somebody else who belongs to it, and its secret."""
    maker, secrets = make.person("Ada Admin", email="ada@example.com"), []
    make.membership(owner.organisation, maker, role="admin")
    key = make.admin_key(owner.organisation, person_id=maker.id, secret=secrets)
    session.commit()
    return key, secrets[0]


def state_of(session, key, now):
    session.expire_all()
    return session.get(AdminKey, key.id).state_at(now)


@on_both
def test_github_finds_it_and_it_is_revoked_told_and_written_down(report, leaked, session, owner, settings, now):
    key, secret = leaked

    answer = report(
        [(secret, "commit", URL), (secret, "commit", URL), (tokens.generate("pst", "admin").secret, "commit", "")]
    )

    assert [one["label"] for one in answer.response.get_json()] == ["true_positive", "true_positive", "false_positive"]
    assert state_of(session, key, now) == "revoked"
    (find,) = session.exec(select(LeakFind))
    assert (find.admin_key_id, find.key_id, find.did, find.hint) == (key.id, None, "revoked", key.hint)
    said = {entry.action: entry for entry in session.exec(select(AuditEntry)) if entry.subject_id == key.id}
    assert set(said) == {"admin_key.issued", "admin_key.leaked", "admin_key.revoked"}
    assert (said["admin_key.revoked"].actor_kind, said["admin_key.leaked"].details["done"]) == ("itself", "Revoked")
    assert [telling.tell_due(session, now=now) for _ in range(2)] == [1, 0]
    letters = {
        one.recipient: mail_letters.write(one.template, one.context, settings) for one in session.exec(select(Mail))
    }
    assert set(letters) == {"olive@example.com", "ada@example.com"}
    letter = letters["ada@example.com"]
    assert letter.subject == "A leaked admin key was stopped: “deploy”"
    for text in (letter.text, letter.html):
        for words in (URL, key.hint, "/organisation/api-keys/new", "the API refuses it from now on"):
            assert words in text
        assert secret not in text


@on_one
def test_somebody_reports_it_and_the_page_of_leaks_shows_it(browse, leaked, session, owner, sign_in, make, now):
    key, secret = leaked
    browse.get("/report-a-key")
    assert "not whole" in browse.post("/report-a-key", status=422, key=secret[:-1], where="here").text
    browse.get("/report-a-key")

    browse.post("/report-a-key", key=f"token: {secret}", where="https://paste.example/1")

    assert "That was a key of this gateway" in browse.get("/report-a-key").text
    assert state_of(session, key, now) == "revoked"
    page = owner.get("/keys/leaks/")
    assert key.hint in page.text
    assert "admin key" in page.text
    assert "/organisation/api-keys/" in page.html
    assert "learned that the admin key “deploy”" in owner.get("/audit/").text


@pytest.mark.parametrize(("act", "state", "did"), [("quarantine", "revoked", "revoked"), ("notify", "live", "told")])
@on_one
def test_what_the_organisation_chose_holds_as_far_as_it_can(report, leaked, session, owner, now, act, state, did):
    key, secret = leaked
    services.choose(session, organisation=owner.organisation, act=act, person_id=None, now=now)
    session.commit()

    report([(secret, "commit", URL)])

    assert state_of(session, key, now) == state
    assert [find.did for find in session.exec(select(LeakFind))] == [did]
    report([(secret, "gist_content", URL)])
    assert {find.did for find in session.exec(select(LeakFind))} == {did, models.DEAD if state == "revoked" else did}
