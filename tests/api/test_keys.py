"""What the console does with keys beside making and ending them, by the API."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.keys.models import Key
from app.leaks import services as leaks
from app.leaks.models import FORM
from app.leaks.reports import Report
from app.limits.models import LimitRule
from tests.api.problems import problem
from tests.databases import on_both, on_one

DOLLAR = 10**11
"""In nanos."""


@pytest.fixture
def api(owner, program):
    return program(owner.organisation, "developer")


def actions(session):
    return [one.action for one in session.exec(select(AuditEntry).where(AuditEntry.actor_kind == "admin_key"))]


@on_both
def test_what_a_key_may_use_belongs_to_the_key(api, session):
    """A developer sets it, when a key is made and later: keys:write is enough."""
    asked = {"name": "ci", "calls_per_minute": 60, "cap_day_nanos": DOLLAR}

    key = api.ask("POST", "/keys", status=201, json=asked).get_json()["key"]
    one = f"/keys/{key['id']}"

    assert (key["calls_per_minute"], key["cap_day_nanos"], key["cap_month_nanos"]) == (60, DOLLAR, None)
    changed = api.ask("PATCH", one, json={"cap_month_nanos": 5 * DOLLAR, "cap_day_nanos": 2 * DOLLAR}).get_json()
    assert (changed["calls_per_minute"], changed["cap_day_nanos"]) == (60, 2 * DOLLAR)
    assert api.ask("PATCH", one, json={"cap_day_nanos": 2 * DOLLAR, "name": "ci"}).get_json() == changed
    assert actions(session)[-2:] == ["limit.set", "limit.set"]
    bare = api.ask(
        "PATCH", one, json=dict.fromkeys(("calls_per_minute", "cap_day_nanos", "cap_month_nanos"))
    ).get_json()
    assert (bare["calls_per_minute"], bare["cap_day_nanos"], bare["cap_month_nanos"]) == (None, None, None)
    assert session.exec(select(LimitRule)).all() == []
    for wrong in ({"calls_per_minute": 0}, {"cap_day_nanos": -1}, {"cap_day_nanos": 1.5}):
        problem(api.ask("PATCH", one, status=422, json=wrong), 422)


@on_one
def test_several_keys_are_revoked_at_once_or_none(api, owner, make, session):
    first, second, gone = [make.key(owner.organisation, name=name) for name in ("a", "b", "c")]
    theirs = make.key(make.organisation())
    gone.revoked_at = gone.created_at
    ids = [str(key.id) for key in (first, second, gone)]

    refused = api.ask("POST", "/keys/revoke", status=404, json={"ids": [*ids, str(theirs.id)]})

    assert "None was revoked" in problem(refused, 404)
    assert not session.get(Key, first.id).is_revoked
    told = api.ask("POST", "/keys/revoke", json={"ids": ids}).get_json()["revoked"]
    assert {key["name"] for key in told} == {"a", "b"}
    problem(api.ask("POST", "/keys/revoke", status=422, json={"ids": ["x"]}), 422)


@on_one
def test_earlier_secrets_are_listed_and_ended(api, owner, make):
    one = f"/keys/{make.key(owner.organisation).id}"
    for _ in range(2):
        api.ask("POST", f"{one}/rotate", json={"overlap_hours": 24})

    first = api.ask("GET", f"{one}/secrets?limit=1").get_json()
    second = api.ask("GET", f"{one}/secrets?limit=1&cursor={first['next_cursor']}").get_json()

    assert second["next_cursor"] is None
    [secret] = first["items"]
    assert secret["works"]
    assert secret["id"] != second["items"][0]["id"]
    api.ask("POST", f"{one}/secrets/{secret['id']}/end", status=204)
    problem(api.ask("POST", f"{one}/secrets/{secret['id']}/end", status=409), 409)
    assert [one["works"] for one in api.ask("GET", f"{one}/secrets").get_json()["items"]] == [False, True]
    problem(api.ask("GET", f"{one}/secrets?cursor=MC1hYmM", status=422), 422)


@on_one
def test_keys_are_found_as_on_their_page(api, owner, make, session, now):
    make.key(owner.organisation, name="Nightly build")
    make.key(owner.organisation, name="soon", expires_at=now + timedelta(days=2), person_id=owner.person.id)

    def names(query):
        return [key["name"] for key in api.ask("GET", f"/keys?{query}").get_json()["items"]]

    assert names("text=nightly") == ["Nightly build"]
    assert names("state=expiring") == ["soon"]
    assert names(f"member_id={owner.person.id}") == ["soon"]
    assert names("is_service=true") == ["Nightly build"]
    problem(api.ask("GET", f"/keys?is_service=true&member_id={owner.person.id}", status=422), 422)


@on_one
def test_page_of_a_key_says_what_was_refused_and_where_it_was_seen(api, owner, make, session, now):
    key = make.key(owner.organisation)
    make.attempt(organisation=owner.organisation, key=key, reason="disabled_key")

    told = api.ask("GET", f"/keys/{key.id}/activity").get_json()

    assert [(one["reason"], one["tries"]) for one in told["refused"]] == [("disabled_key", 1)]
    assert told["seen"] == []


@on_one
def test_rules_for_keys_and_leaks_take_an_admin(api, owner, program, make, session, now):
    admin = program(owner.organisation, "admin")
    problem(api.ask("PATCH", "/keys/rules", status=403, json={"longest_days": 30}), 403)

    assert admin.ask("PATCH", "/keys/rules", json={"longest_days": 30}).get_json() == {"longest_days": 30}
    assert admin.ask("PATCH", "/keys/rules", json={}).get_json() == api.ask("GET", "/keys/rules").get_json()
    assert "30 days at most" in problem(api.ask("POST", "/keys", status=422, json={"name": "for ever"}), 422)
    assert admin.ask("PATCH", "/keys/rules", json={"longest_days": None}).get_json() == {"longest_days": None}
    assert api.ask("GET", "/leaks/policy").get_json() == {"act": "revoke"}
    assert admin.ask("PATCH", "/leaks/policy", json={"act": "quarantine"}).get_json() == {"act": "quarantine"}
    shown = []
    key = make.key(owner.organisation, secret=shown)
    leaks.take_in(session, [Report(shown[0], "form", "https://paste.example/1")], reporter=FORM, now=now)
    [find] = api.ask("GET", f"/leaks?key_id={key.id}").get_json()["items"]
    assert (find["did"], find["url"], find["hint"]) == ("disabled", "https://paste.example/1", key.hint)
    assert program(make.organisation()).ask("GET", "/leaks").get_json()["items"] == []
