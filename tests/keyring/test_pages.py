"""The pages of keys, as owner, member and outsider."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from app.keys import owners, services
from app.keys.models import Key
from tests.databases import on_both

pytestmark = on_both

SECRET = re.compile(r"pst_live_[0-9A-Za-z]{36}")


def keys_in(session):
    session.expire_all()
    return list(session.exec(select(Key)))


def test_an_empty_page_says_what_will_be_here(owner):
    answer = owner.get("/keys/")

    assert "No key yet" in answer.text
    assert 'href="/keys/new"' in answer.html


def test_owner_and_member_see_the_organisations_keys(owner, member, make, now):
    key = make.key(owner.organisation, name="ci")
    make.key(owner.organisation, name="old", revoked_at=now)

    for browser in (owner, member):
        answer = browser.get("/keys/")
        assert key.hint in answer.text
        assert "Never" in answer.text
        assert "Revoked" in answer.text


def test_an_outsider_sees_and_touches_none_of_them(outsider, owner, make, session):
    key = make.key(owner.organisation, name="ci")

    assert key.hint not in outsider.get("/keys/").text
    outsider.post(f"/keys/{key.id}/revoke", status=404)
    outsider.post(f"/keys/{uuid4()}/revoke", status=404)
    assert not keys_in(session)[0].is_revoked


def test_a_new_key_is_shown_once_and_stored_nowhere(owner, session):
    owner.get("/keys/new")

    answer = owner.post("/keys/", status=200, name="ci")

    secret = SECRET.search(answer.html).group()
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret not in owner.get("/keys/").html
    (key,) = keys_in(session)
    assert (key.name, key.created_by_id, key.last_four) == ("ci", owner.person.id, secret[-4:])


@pytest.mark.parametrize(
    ("name", "words"), [("", "Give the key a name"), ("  ", "Give the key a name"), ("x" * 81, "at most 80")]
)
def test_a_bad_name_comes_back_with_words(owner, session, name, words):
    owner.get("/keys/new")

    answer = owner.post("/keys/", status=422, name=name)

    assert words in answer.text
    assert keys_in(session) == []


def test_a_full_organisation_is_told_on_the_field(owner, make, monkeypatch):
    monkeypatch.setattr(services, "KEYS_PER_ORGANISATION", 1)
    make.key(owner.organisation)
    owner.get("/keys/new")

    answer = owner.post("/keys/", status=422, name="one more")

    assert "Revoke one first" in answer.text
    assert 'value="one more"' in answer.html


def test_a_name_cannot_bring_markup(owner):
    owner.get("/keys/new")
    owner.post("/keys/", status=200, name="<script>alert(1)</script>")

    answer = owner.get("/keys/")

    assert "<script>alert" not in answer.html
    assert "<script>alert(1)</script>" in answer.text


def test_a_member_revokes_and_the_page_says_so(member, make, session):
    key = make.key(member.organisation, name="ci")
    member.get("/keys/")

    answer = member.post(f"/keys/{key.id}/revoke")

    assert answer.location.endswith("/keys/")
    assert "“ci” was revoked" in member.get("/keys/").text
    assert keys_in(session)[0].is_revoked


def test_revoking_twice_is_a_conflict_in_words(owner, make, now):
    key = make.key(owner.organisation, name="ci", revoked_at=now)
    owner.get("/keys/")

    answer = owner.post(f"/keys/{key.id}/revoke", status=409)

    assert "already revoked" in answer.text


def test_keys_are_paged(owner, make, monkeypatch):
    monkeypatch.setattr("app.keyring.views.listing.PAGE", 2)
    for name in ("one", "two", "three"):
        make.key(owner.organisation, name=name)

    first, second = owner.get("/keys/"), owner.get("/keys/?page=2")

    assert first.html.count('id="key-') == 2
    assert second.html.count('id="key-') == 1
    assert "page=2" in first.html
    assert owner.get("/keys/?page=99").status == 200


def test_strangers_are_sent_to_sign_in(browse):
    assert "/sign-in" in browse.get("/keys/", status=303).location


def test_every_state_and_term_is_shown(owner, make, now):
    make.integration("sampler")
    terms = {"scopes": ["sampler/greet"], "networks": ["10.0.0.0/8"]}
    make.key(owner.organisation, name="narrow", **terms, expires_at=now + timedelta(days=1))
    make.key(owner.organisation, name="off", is_enabled=False)
    make.key(owner.organisation, name="over", expires_at=now - timedelta(days=1))
    make.key(owner.organisation, name="gone", revoked_at=now)

    answer = owner.get("/keys/")

    for words in ("Disabled", "Expired", "Revoked", "reaches sampler/greet, from 10.0.0.0/8", "Expires soon"):
        assert words in answer.text
    assert answer.html.count('type="checkbox"') == 3  # what is only disabled or expired can still be revoked


def test_pages_list_some_members_and_whoever_is_asked_for(owner, member, outsider, make, session, monkeypatch):
    monkeypatch.setattr(owners, "CHOICES", 1)
    make.membership(owner.organisation, make.person("Aaron"))
    make.key(owner.organisation)
    session.commit()

    assert "Max Member" not in owner.get("/keys/").html
    assert "Max Member" in owner.get(f"/keys/?owner={member.person.id}").html
    path = f"/keys/new?owner={member.person.id}"
    assert path in owner.get(f"/organisation/members/{member.person.id}").page.links
    page = owner.get(path)
    assert f'value="{member.person.id}" selected' in page.html or f'selected value="{member.person.id}"' in page.html
    assert "Only the first members by name are listed" in page.text
    owner.post("/keys/", status=200, name="theirs", owner=str(member.person.id))
    assert session.exec(select(Key).where(Key.name == "theirs")).one().owner_id == member.person.id
    assert str(outsider.person.id) not in owner.get(f"/keys/new?owner={outsider.person.id}").html
