"""Calls by the API are those of the page, and one of them says what its page says."""

from app.metering import attempts
from app.metering.views.calls import PAGE
from tests.billing.months_used import call
from tests.databases import on_both


def every(api, **query):
    """All pages of two rows."""
    found, cursor = [], {}
    while cursor is not None:
        page = api.ask("GET", "/calls", query_string={"limit": 2, **query, **cursor}).get_json()
        found += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return found


@on_both
def test_calls_are_those_of_the_page_with_the_same_filters(owner, program, make, session, now):
    key, sampler = make.key(owner.organisation, name="ci"), make.integration("sampler")
    for number in range(5):
        call(session, key, sampler, at=make.hours_ago(number / 2), units=number % 2)
    call(session, make.key(make.organisation()), sampler, at=now)
    api = program(owner.organisation)

    for query in ({"period": "today"}, {"period": "today", "status": "failed"}, {"period": "24h", "tool": "x/y"}):
        told = [one["id"] for one in every(api, **query)]
        address = "/usage/calls/?" + "&".join(f"{name}={value}" for name, value in query.items())
        links = owner.get(address).page.links
        assert told == [link.rpartition("/")[2] for link in links if "/usage/calls/rcp_" in link]
        assert len(told) < PAGE
    first = every(api)[0]
    assert (first["integration"], first["key"], first["duration_us"]) == ("sampler", "ci", 12_000)


@on_both
def test_one_call_is_explained_by_whatever_names_it(owner, program, make):
    event = make.call(make.key(owner.organisation, name="ci"), make.integration("sampler"), policy_version=7)
    api = program(owner.organisation)

    told = api.ask("GET", f"/calls/{event.id}").get_json()

    assert api.ask("GET", f"/calls/{event.request_id}").get_json() == told
    assert (told["call"]["id"], told["policy_version"], told["ended"]) == (event.id, 7, "It had a result.")
    assert {"words": "No limit applied to it.", "has_passed": True} in told["checks"]
    assert told["cost"] == "free: no price was in force."


def test_what_made_no_call_is_none(owner, program, make):
    refused = make.attempt(organisation=owner.organisation, reason=attempts.RATE_LIMITED)

    answer = program(owner.organisation).ask("GET", f"/calls/{refused.id}", status=404)

    assert "made no call" in answer.get_json()["detail"]


def test_a_cursor_of_another_list_is_refused(owner, program, make):
    keys = [make.key(owner.organisation) for _ in range(2)]
    api = program(owner.organisation)
    cursor = api.ask("GET", "/keys", query_string={"limit": len(keys) - 1}).get_json()["next_cursor"]

    api.ask("GET", "/calls", status=422, query_string={"cursor": cursor})
