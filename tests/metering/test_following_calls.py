"""The list of calls keeps itself new: what came stands in it once, where it belongs, and is asked for no more."""

import re
from datetime import timedelta

import pytest

from tests.billing.months_used import call
from tests.databases import on_both

PAGE = "/usage/calls/?live=on&period=today"


@pytest.fixture
def comes(owner, session, make, hand):
    """Makes a call that began so many seconds ago, and is there now; gives its receipt."""
    key, sampler = make.key(owner.organisation, name="ci"), make.integration("sampler")

    def made(seconds_ago=0.0, **said):
        made = call(session, key, sampler, at=hand.now - timedelta(seconds=seconds_ago), **said).id
        session.commit()
        return made

    return made


def shown(answer):
    return re.findall(r'<tr role="row" id="(rcp_\w+)"', answer.html)


def next_of(answer):
    """Where the page asks for what is new."""
    return re.search(r'hx-get="(/usage/calls/live[^"]+)"', answer.html).group(1).replace("&amp;", "&")


@on_both
def test_what_comes_is_shown_once_where_it_began(owner, comes, hand):
    first = comes(5)
    page = owner.get(PAGE)
    assert owner.part(next_of(page), status=204).html == ""

    hand.moves(seconds=60)
    second = comes(1)
    part = owner.part(next_of(page))
    assert shown(part) == [second, first]
    assert owner.part(next_of(part), status=204).html == ""

    ran_long = comes(30)
    part = owner.part(next_of(part))
    assert shown(part) == [second, ran_long, first]
    assert owner.part(next_of(part), status=204).html == ""
    assert shown(owner.get(PAGE)) == shown(part)


def test_only_what_was_asked_for_is_new(owner, comes):
    page = owner.get(f"{PAGE}&status=failed&tool=sampler/greet")

    comes(1)
    owner.part(next_of(page), status=204)
    comes(1, tool="other", units=0)
    owner.part(next_of(page), status=204)
    failed = comes(1, units=0)
    assert shown(owner.part(next_of(page))) == [failed]


def test_more_than_there_is_room_for_leads_to_the_next_page(owner, comes, monkeypatch):
    monkeypatch.setattr("app.metering.views.calls.PAGE", 3)
    page = owner.get(PAGE)
    receipts = [comes(9 - n) for n in range(5)]

    part = owner.part(next_of(page))

    assert shown(part) == receipts[:1:-1]
    assert f"before={receipts[2]}" in part.html


def test_a_page_that_was_open_for_long_looks_through_no_more_than_one_that_was_not(owner, comes, hand):
    page = owner.get(PAGE)
    owner.part(next_of(page), status=204)

    hand.moves(minutes=30)

    part = owner.part(next_of(page))
    assert next_of(part) != next_of(page)
    owner.part(next_of(part), status=204)


def test_without_scripts_a_link_shows_what_is_new(owner, comes):
    comes(1)
    page = owner.get(PAGE)

    assert "/usage/calls/?period=today&by=status&show=calls" in page.page.links
    assert owner.get(next_of(page), status=303).location == "/usage/calls/?period=today&by=status&show=calls&live=on"


@pytest.mark.parametrize(
    "rest", ["&before=rcp_01M83D00000000000000000000", "&period=custom&from=2026-11-01&to=2026-11-02"]
)
def test_where_nothing_can_come_nothing_is_followed(owner, comes, rest):
    page = owner.get(f"/usage/calls/?live=on{rest}")

    assert "live-tail" not in page.html
    assert "hx-trigger" not in page.html


@pytest.mark.parametrize("since", ["rcp_1", "rcp_ZZZZZZZZZZZZZZZZZZZZZZZZZZ"])
def test_no_other_since_is_taken(owner, comes, since):
    assert owner.part(f"/usage/calls/live?period=today&since={since}", status=422).html
