"""Refused requests are listed one by one, each with its page, for as long as they are kept."""

from datetime import timedelta

import pytest

from app.metering import attempts
from tests.databases import on_both


@pytest.fixture
def scene(owner, make, now):
    """Four of two keys in four minutes, the oldest first; one that is not kept any more; and one of somebody else's."""
    ci, bot = make.key(owner.organisation, name="ci"), make.key(owner.organisation, name="bot")
    make.attempt(organisation=owner.organisation, key=ci, at=make.hours_ago(25))
    make.attempt(organisation=make.organisation(), key=ci)
    said = [
        (ci, attempts.RATE_LIMITED),
        (bot, attempts.RATE_LIMITED),
        (ci, attempts.TOOL_HELD),
        (ci, attempts.RATE_LIMITED),
    ]
    return [
        make.attempt(organisation=owner.organisation, key=key, reason=reason, at=now - timedelta(minutes=4 - number))
        for number, (key, reason) in enumerate(said)
    ]


def shown(answer):
    return [link.rpartition("/")[2] for link in answer.page.links if link.startswith("/usage/calls/req_")]


@on_both
def test_each_is_listed_once_newest_first(owner, outsider, scene, monkeypatch):
    names = [one.id for one in reversed(scene)]
    answer = owner.get("/usage/refused/")
    assert shown(answer) == names
    assert "Too many calls in a short time (3)" in answer.text
    assert "{" not in answer.text

    monkeypatch.setattr("app.metering.views.refused.PAGE", 3)
    assert shown(owner.get("/usage/refused/")) == names[:3]
    assert shown(owner.get(f"/usage/refused/?before={names[2]}")) == names[3:]
    assert "Nothing was refused" in outsider.get("/usage/refused/").text


@on_both
def test_they_are_narrowed_by_key_and_reason(owner, scene):
    by_key = owner.get(f"/usage/refused/?key={scene[1].key_id}")
    by_both = owner.get(f"/usage/refused/?key={scene[0].key_id}&reason=rate_limited")

    assert shown(by_key) == [scene[1].id]
    assert shown(by_both) == [scene[3].id, scene[0].id]


def test_a_reason_that_is_none_is_said(owner):
    assert "one of those that the list shows" in owner.get("/usage/refused/?reason=x", status=422).text


def test_pages_of_home_and_keys_lead_to_them(owner, make, scene):
    make.call(make.key(owner.organisation), make.integration("sampler"))

    assert "/usage/refused/" in owner.get("/home/").page.links
    key = owner.get(f"/keys/{scene[1].key_id}/").page.links
    assert f"/usage/refused/?key={scene[1].key_id}" in key
    assert f"/usage/calls/{scene[1].id}" in key
