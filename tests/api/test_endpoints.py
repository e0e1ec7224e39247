"""The API of an organisation: what it gives, what it changes, and how it refuses."""

from datetime import timedelta

from sqlmodel import select

from app.api import rates
from app.api.models import ApiAnswer
from app.billing.models import Invoice
from app.core.audit import AuditEntry
from app.core.logs import masked
from app.jobs import JOBS
from app.keys import tokens
from app.keys.models import Key
from app.organisations import closing, stopping
from app.organisations.models import SUSPENDED
from tests.api.problems import problem
from tests.databases import on_both


@on_both
def test_key_goes_through_its_life_and_the_audit_log_names_the_admin_key(owner, program, session, now):
    api = program(owner.organisation)
    asked = {"name": "ci", "networks": ["10.0.0.0/8"], "expires_at": "2027-01-01T01:00:00+01:00"}

    made = api.ask("POST", "/keys", status=201, json=asked).get_json()
    one = f"/keys/{made['key']['id']}"

    assert tokens.is_complete(made["secret"])
    assert made["key"]["expires_at"] == "2027-01-01T00:00:00Z"
    assert api.ask("GET", one).get_json() == made["key"]
    owner_of_it = {"member_id": str(owner.person.id)}
    changed = api.ask("PATCH", one, json={"name": "build", "networks": [], "owner": owner_of_it}).get_json()
    assert (changed["name"], changed["networks"], changed["member_id"]) == ("build", [], str(owner.person.id))
    assert changed["expires_at"] == made["key"]["expires_at"]
    assert api.ask("PATCH", one, json={"name": "build"}).get_json() == changed
    rotated = api.ask("POST", f"{one}/rotate", json={"overlap_hours": 24}).get_json()
    assert rotated["secret"] != made["secret"]
    assert api.ask("POST", f"{one}/disable", json={"note": "over Christmas"}).get_json()["state"] == "disabled"
    assert api.ask("POST", f"{one}/enable").get_json()["state"] == "live"
    assert "Revoke it first" in problem(api.ask("DELETE", one, status=409), 409)
    assert api.ask("POST", f"{one}/revoke").get_json()["state"] == "revoked"
    assert api.ask("DELETE", one, status=204).get_data() == b""
    assert api.ask("GET", "/keys").get_json() == {"items": [], "next_cursor": None}
    entries = session.exec(select(AuditEntry).where(AuditEntry.action != "admin_key.issued")).all()
    assert {entry.action for entry in entries} == {
        "key.issued", "key.renamed", "key.handed_over", "key.changed", "key.rotated", "key.disabled", "key.enabled",
        "key.revoked", "key.deleted",
    }  # fmt: skip
    assert {(entry.actor_kind, entry.actor, entry.admin_key_id) for entry in entries} == {
        ("admin_key", "deploy", api.key.id)
    }
    assert "The admin key “deploy” made the key “ci”" in owner.get("/audit/").text


@on_both
def test_lists_go_on_where_the_page_before_ended(owner, program, make, session, now):
    api = program(owner.organisation)
    keys = [make.key(owner.organisation, name=f"k{n}") for n in range(5)]
    for key in keys[:2]:
        key.created_at = now - timedelta(days=1)
    make.key(owner.organisation, name="off", is_enabled=False)
    make.key(owner.organisation, name="old", expires_at=now - timedelta(hours=1))
    make.key(owner.organisation, name="gone", revoked_at=now)
    make.key(make.organisation(), name="theirs")

    seen, cursor = [], None
    while cursor or not seen:
        page = api.ask(
            "GET", "/keys", query_string={"limit": 2, "state": "live", **({"cursor": cursor} if cursor else {})}
        )
        assert len(page.get_json()["items"]) <= 2
        seen += [key["name"] for key in page.get_json()["items"]]
        cursor = page.get_json()["next_cursor"]
        make.key(owner.organisation, name="meanwhile", environment="test").created_at = now + timedelta(hours=1)

    assert sorted(seen) == ["k0", "k1", "k2", "k3", "k4"]
    assert set(seen[:3]) == {"k2", "k3", "k4"}
    for state, name in (("disabled", "off"), ("expired", "old"), ("revoked", "gone")):
        assert [key["name"] for key in api.ask("GET", f"/keys?state={state}").get_json()["items"]] == [name]
    assert {key["environment"] for key in api.ask("GET", "/keys?environment=test").get_json()["items"]} == {"test"}
    for wrong in ("x", "e30", "MTIzNC1hYmM"):
        assert "next_cursor" in problem(api.ask("GET", f"/keys?cursor={wrong}", status=422), 422)


def test_organisation_members_usage_and_bills_are_those_of_the_console(owner, member, program, make, session, now):
    api, key, place = program(owner.organisation, "viewer"), make.key(owner.organisation), make.integration("sampler")
    make.call(key, place)
    make.call(key, place, status="upstream_error", at=now - timedelta(days=2))
    make.call(make.key(make.organisation()), place)
    amounts = {"subtotal": 900, "tax": 100, "total": 1000, "due": 1000, "paid": 0, "lines": []}
    moments = dict.fromkeys(("period_start", "period_end", "created_at", "updated_at"), now)
    for name, organisation in (("in_1", owner.organisation), ("in_2", make.organisation())):
        session.add(
            Invoice(
                id=name,
                mode="test",
                organisation_id=organisation.id,
                state="open",
                currency="usd",
                **amounts,
                **moments,
            )
        )

    assert api.ask("GET", "/organisation").get_json()["slug"] == owner.organisation.slug
    first = api.ask("GET", "/members?limit=1").get_json()
    second = api.ask("GET", f"/members?limit=1&cursor={first['next_cursor']}").get_json()
    usage = api.ask("GET", "/usage?group_by=day&since=2026-11-20&until=2026-11-22").get_json()
    tools = api.ask("GET", "/usage?group_by=tool").get_json()
    month = api.ask("GET", "/billing/months/2026-11").get_json()
    bills = api.ask("GET", "/billing/invoices").get_json()

    people = {one["name"]: one["role"] for one in first["items"] + second["items"]}
    assert people == {"Olive Owner": "owner", "Max Member": "developer"}
    assert second["next_cursor"] is None
    assert (usage["total"]["calls"], usage["total"]["errors"]) == (2, 1)
    assert [(one["value"], one["figures"]["calls"]) for one in usage["groups"]] == [
        ("2026-11-20", 1), ("2026-11-21", 0), ("2026-11-22", 1)
    ]  # fmt: skip
    assert [(one["value"], one["figures"]["calls"]) for one in tools["groups"]] == [("sampler/greet", 2)]
    assert tools["groups"][0]["figures"] == tools["total"] == usage["total"]
    hours = api.ask("GET", "/usage?group_by=hour&since=2026-11-22&until=2026-11-22").get_json()["groups"]
    assert [one["value"] for one in hours if one["figures"]["calls"]] == [f"{key.created_at:%Y-%m-%dT%H}"]
    assert len(hours) == 24
    chart = api.ask("GET", "/usage/chart?group_by=tool&show=errors&period=7d").get_json()
    assert [one["label"] for one in chart["series"]] == ["sampler · greet"]
    assert (sum(chart["series"][0]["values"]), len(chart["steps"]), chart["unit"]) == (1, 7, "errors")
    one = api.ask("GET", "/usage?group_by=status&limit=1").get_json()
    other = api.ask("GET", f"/usage?group_by=status&limit=1&cursor={one['next_cursor']}").get_json()
    assert {one["groups"][0]["value"], other["groups"][0]["value"]} == {"ok", "upstream_error"}
    assert other["next_cursor"] is None
    for narrowed in (f"key={key.id}", "integration=sampler", "tool=sampler/greet", "status=failed", "environment=live"):
        calls = api.ask("GET", f"/usage?{narrowed}").get_json()["total"]["calls"]
        assert calls == (1 if "status" in narrowed else 2)
    for by in ("integration", "key", "member", "environment", "status", "error", "plan"):
        split = api.ask("GET", f"/usage?group_by={by}").get_json()["groups"]
        assert sum(one["figures"]["calls"] for one in split) == 2
    assert (month["month"], month["ends_at"], month["is_over"]) == ("2026-11", "2026-12-01T00:00:00Z", False)
    assert [(one["id"], one["total_minor"]) for one in bills["items"]] == [("in_1", 1000)]
    assert api.ask("GET", "/billing/invoices/in_1").get_json()["invoice"] == bills["items"][0]
    problem(api.ask("GET", "/billing/invoices/in_2", status=404), 404)
    problem(api.ask("GET", "/billing/months/2031-01", status=404), 404)
    for wrong in (
        "since=2026-11-23",
        "since=2025-01-01",
        "since=0",
        "until=2026-02-30",
        "group_by=moon",
        "group_by=hour",
        "period=7d&since=2026-11-20",
        "group_by=key&cursor=MC1hYg",
    ):
        problem(api.ask("GET", f"/usage?{wrong}", status=422), 422)


@on_both
def test_same_idempotency_key_does_it_once_and_answers_the_same(app, owner, program, session, engine, settings, hand):
    api = program(owner.organisation)
    once, body = {"Idempotency-Key": "a 1"}, {"name": "ci"}

    first = api.ask("POST", "/keys", status=201, headers=once, json=body)
    again = api.ask("POST", "/keys", status=201, headers=once, json=body)

    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(session.exec(select(Key)).all()) == 1
    kept = session.exec(select(ApiAnswer)).one()
    assert first.get_json()["secret"] not in kept.sealed
    assert "another request" in problem(api.ask("POST", "/keys", status=422, headers=once, json={"name": "x"}), 422)
    assert "printable" in problem(
        api.ask("POST", "/keys", status=422, headers={"Idempotency-Key": "é"}, json=body), 422
    )
    twice = {"Idempotency-Key": "b"}
    key_id = first.get_json()["key"]["id"]
    problem(api.ask("POST", f"/keys/{key_id}/enable", status=409, headers=twice), 409)
    api.ask("POST", f"/keys/{key_id}/disable")
    api.ask("POST", f"/keys/{key_id}/enable", headers=twice)  # a refusal is not kept
    hand.moves(hours=25)
    assert api.ask("POST", "/keys", status=201, headers=once, json=body).get_json() != first.get_json()
    hand.moves(hours=25)
    session.commit()
    job = next(job for job in JOBS if job.name == "forget_api_answers")
    assert job.run(session, settings, hand.now) == 2


def test_requests_that_cannot_be_meant_are_refused_in_words(owner, program, make):
    api = program(owner.organisation)
    make.key(owner.organisation)

    unknown = api.ask("POST", "/keys", status=422, json={"name": "ci", "colour": "red"})

    assert "There is no such field. Known here are: name, environment" in problem(unknown, 422)
    assert unknown.get_json()["errors"][0]["where"] == "body/colour"
    for wrong in (
        {}, {"name": 7}, {"name": "a\0b"}, {"name": "x", "scopes": ["nowhere"]}, [], 7,
        {"name": "x", "networks": ["10.0.0.1/8"]},
        {"name": "x", "expires_at": "2026-11-22T14:00:00"}, {"name": "x", "expires_at": "2026-11-01T00:00:00Z"},
        {"name": "x", "expires_at": "9999-12-31T23:59:59-12:00"}, {"name": "x", "environment": "moon"},
        {"name": "x", "owner": {"member_id": "00000000-0000-0000-0000-000000000007"}},
    ):  # fmt: skip
        problem(api.ask("POST", "/keys", status=422, json=wrong), 422)
    problem(api.ask("POST", "/keys", status=400, data=b"{", content_type="application/json"), 400)
    problem(api.ask("POST", "/keys", status=415, data={"name": "ci"}), 415)
    problem(api.ask("GET", "/keys?colour=red", status=422), 422)
    problem(api.ask("GET", "/keys?limit=1&limit=2", status=422), 422)
    problem(api.ask("GET", "/nowhere", status=404), 404)
    problem(api.ask("GET", "/keys/00000000-0000-0000-0000-000000000007", status=404), 404)
    refused = api.ask("PUT", "/keys", status=405)
    assert "POST" in refused.headers["Allow"]
    problem(refused, 405)


def test_only_a_live_admin_key_opens_the_api(app, owner, program, make, session, hand):
    api, shown = program(owner.organisation), []
    make.key(owner.organisation, secret=shown)

    def refused(authorization):
        answer = api.ask("GET", "/keys", status=401, headers={"Authorization": authorization})
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "Set-Cookie" not in answer.headers
        return problem(answer, 401)

    assert "a key for the gateway" in refused(f"Bearer {shown[0]}")
    assert "no complete admin key" in refused(f"Bearer {api.secret[:-1]}")
    assert "no such admin key" in refused(f"Bearer {tokens.generate('pst', 'admin').secret}")
    assert "Authorization: Bearer" in refused("")
    assert "other schemes" in refused(f"Basic {api.secret}")
    assert problem(owner.client.get("/api/v1/keys", base_url="http://127.0.0.1:8300"), 401)
    api.key.expires_at = hand.now
    assert "has expired" in refused(f"Bearer {api.secret}")
    owner.get("/organisation/api-keys/")
    owner.post(f"/organisation/api-keys/{api.key.id}/revoke")
    assert "was revoked" in refused(f"Bearer {api.secret}")
    other = program(owner.organisation)
    owner.organisation.deleted_at = hand.now
    session.add(owner.organisation)
    problem(other.ask("GET", "/keys", status=401), 401)
    assert api.secret not in masked(f"key={api.secret}")


def test_suspended_organisation_is_told_why_and_one_being_deleted_goes_on(owner, program, session, now):
    api, organisation = program(owner.organisation), owner.organisation
    by = {"organisation": organisation, "person_id": None, "now": now}
    stopping.stop(session, why=SUSPENDED, words="Spam was sent.", **by)

    for method, path in (("GET", "/keys"), ("POST", "/keys")):
        words = problem(api.ask(method, path, status=403, json={"name": "ci"}), 403)
        assert "suspended by whoever runs this gateway: Spam was sent." in words
    stopping.resume(session, why=SUSPENDED, **by)
    closing.begin(session, words="Olive asked for it.", **by)

    assert api.ask("GET", "/organisation").get_json()["closes_at"].startswith("2026-12-06T")
    api.ask("POST", "/keys", status=201, json={"name": "ci"})


@on_both
def test_rate_is_told_and_kept_for_all_processes_together(owner, program, session, hand, monkeypatch):
    monkeypatch.setattr(rates, "MOST", 3)
    api, other = program(owner.organisation), program(owner.organisation)

    left = [api.ask("GET", "/organisation").headers["RateLimit"] for _ in range(3)]
    over = api.ask("GET", "/organisation", status=429)

    assert left == ['"admin-key";r=2;t=39', '"admin-key";r=1;t=39', '"admin-key";r=0;t=39']
    assert "3 times a minute" in problem(over, 429)
    assert over.headers["Retry-After"] == "39"
    assert api.key.last_used_at == hand.now
    other.ask("GET", "/organisation")
    hand.moves(seconds=39)
    assert api.ask("GET", "/organisation").headers["RateLimit"].startswith('"admin-key";r=2')
    assert "admin_key" not in api.ask("GET", "/openapi.json").headers.get("RateLimit", "")
