"""The page of leaked keys, and what is chosen there, in each role and for outsiders."""

import pytest

from app.leaks import models, services
from app.leaks.reports import Report
from tests.databases import on_both

PAGE = "/keys/leaks/"


@pytest.fixture
def find(session, leaked, now):
    """Reports the owner's key as found in a place."""

    def go(*places):
        found = [Report(leaked[1], "commit", place) for place in places]
        services.take_in(session, found, reporter=models.GITHUB, now=now)
        session.commit()

    return go


@on_both
def test_finds_are_shown_to_the_organisation_alone(owner, member, outsider, leaked, find):
    key, secret = leaked
    assert "No key has leaked" in owner.get(PAGE).text
    find("https://github.com/acme/app", "javascript:alert(1)", "<b>a chat</b>")

    for browser in (owner, member):
        answer = browser.get(PAGE)
        for words in ("ci", key.hint, "A commit on GitHub", "Reported", "GitHub", "Revoked", "Dead already, noted"):
            assert words in answer.text
        assert "https://github.com/acme/app" in answer.page.links
        assert "javascript:alert(1)" not in answer.page.links
        assert "<b>a chat" not in answer.html
        assert secret not in answer.html
        assert f"{PAGE}?key={key.id}" in answer.page.links
        assert "Only “ci” is shown" in browser.get(f"{PAGE}?key={key.id}").text
    assert key.hint not in outsider.get(PAGE).text
    outsider.get(f"{PAGE}?key={key.id}", status=404)
    owner.get(f"{PAGE}?key=x", status=422)


def test_finds_are_paged(owner, find, monkeypatch):
    monkeypatch.setattr("app.leaks.views.console.PAGE", 2)
    find("one", "two", "three")

    first, second = owner.get(PAGE), owner.get(f"{PAGE}?page=2")

    assert first.text.count("pst_live_") + second.text.count("pst_live_") == 3
    assert f"{PAGE}?page=2" in first.page.links


def test_owners_choose_what_happens_and_developers_see_it(owner, member, session, leaked, find):
    assert "Revoke it. It stops within a second" in member.get(PAGE).text
    member.get(f"{PAGE}policy", status=403)
    owner.get(f"{PAGE}policy")

    owner.post(f"{PAGE}policy", status=422, act="ignore")
    owner.post(f"{PAGE}policy", act="quarantine")

    assert "Saved." in owner.get(PAGE).text
    assert "Disable it. It stops within a second" in member.get(PAGE).text
    owner.post(f"{PAGE}policy", act="quarantine")
    assert "Nothing was changed." in owner.get(PAGE).text
    find("here")
    assert "Disabled" in owner.get("/keys/").text


def test_a_disabled_key_is_enabled_again_with_a_warning(owner, outsider, session, leaked, find, now):
    key, _ = leaked
    services.choose(session, organisation=owner.organisation, act="quarantine", person_id=None, now=now)
    find("here")
    page = owner.get(PAGE)
    assert "Whoever read it where it was found can use it from then on" in page.text

    outsider.get(PAGE)
    outsider.post(f"{PAGE}{key.id}/enable", status=404)
    owner.post(f"{PAGE}{key.id}/enable")

    answer = owner.get(PAGE)
    assert "works again within a second, for whoever found it too" in answer.text
    assert "Enable again" not in answer.text
    assert session.get(type(key), key.id).is_enabled


@pytest.mark.parametrize("place", ["https://github.com/acme/app", "a chat", ""])
def test_a_key_that_goes_on_working_is_revoked_where_its_find_stands(owner, session, leaked, find, now, place):
    key, _ = leaked
    services.choose(session, organisation=owner.organisation, act="notify", person_id=None, now=now)
    find(place)
    assert f'action="/keys/{key.id}/revoke"' in owner.get(PAGE).html

    owner.post(f"/keys/{key.id}/revoke")

    assert f'action="/keys/{key.id}/revoke"' not in owner.get(PAGE).html
