"""Webhooks and the audit log by the API."""

from sqlmodel import select

from app.core.audit import AuditEntry
from app.webhooks.models import DELIVERED, WebhookDelivery
from tests.api.problems import problem
from tests.databases import on_one

URL = "http://127.0.0.1:9/hook"


@on_one
def test_webhook_goes_through_its_life(owner, program, session):
    api = program(owner.organisation, "developer")

    made = api.ask("POST", "/webhooks", status=201, json={"url": URL}).get_json()
    one = f"/webhooks/{made['webhook']['id']}"

    assert api.ask("GET", "/webhooks").get_json()["items"] == [made["webhook"]] == [api.ask("GET", one).get_json()]
    problem(api.ask("POST", "/webhooks", status=422, json={"url": "gopher://x"}), 422)
    assert api.ask("POST", f"{one}/test", status=202).get_data() == b""
    problem(api.ask("POST", f"{one}/test", status=409), 409)
    [sent] = api.ask("GET", f"{one}/deliveries?state=waiting").get_json()["items"]
    assert (sent["kind"], sent["tries"]) == ("webhook.test", 0)
    assert api.ask("GET", f"{one}/deliveries?state=failed").get_json()["items"] == []
    again = f"{one}/deliveries/{sent['id']}/again"
    problem(api.ask("POST", again, status=409), 409)
    delivery = session.exec(select(WebhookDelivery)).one()
    delivery.state = DELIVERED
    session.add(delivery)
    assert api.ask("POST", again).get_json()["state"] == "waiting"
    assert api.ask("GET", again.removesuffix("/again")).get_json()["body"] == delivery.body
    assert api.ask("POST", f"{one}/secret").get_json()["secret"] != made["secret"]
    assert api.ask("PATCH", one, json={"is_enabled": False}).get_json()["is_enabled"] is False
    assert api.ask("PATCH", one, json={"is_enabled": False}).get_json()["is_enabled"] is False
    api.ask("DELETE", one, status=204)
    assert api.ask("GET", "/webhooks").get_json()["items"] == []
    entries = session.exec(select(AuditEntry).where(AuditEntry.actor_kind == "admin_key")).all()
    assert [entry.action for entry in entries] == [
        "webhook.added", "webhook.secret_changed", "webhook.switched_off", "webhook.removed"
    ]  # fmt: skip


@on_one
def test_only_who_may_read_the_audit_log_has_it_sent_anywhere(owner, program, session):
    developer, admin = program(owner.organisation, "developer"), program(owner.organisation, "admin")
    asked = {"url": URL, "follows_audit": True}

    problem(developer.ask("POST", "/webhooks", status=403, json=asked), 403)
    made = admin.ask("POST", "/webhooks", status=201, json=asked).get_json()["webhook"]

    assert made["follows_audit"] is True
    one = f"/webhooks/{made['id']}"
    assert developer.ask("PATCH", one, json={"follows_audit": False}).get_json()["follows_audit"] is False
    problem(developer.ask("PATCH", one, status=403, json={"follows_audit": True}), 403)
    assert admin.ask("PATCH", one, json={"follows_audit": True}).get_json()["follows_audit"] is True


@on_one
def test_audit_log_is_that_of_its_page(owner, program, make, session):
    api = program(owner.organisation)
    for name in ("first", "second"):
        api.ask("POST", "/keys", status=201, json={"name": name})
    key = api.ask("POST", "/keys", status=201, json={"name": "third"}).get_json()["key"]
    program(make.organisation()).ask("POST", "/keys", status=201, json={"name": "theirs"})

    first = api.ask("GET", "/audit?what=key.issued&limit=2").get_json()
    second = api.ask("GET", f"/audit?what=key.issued&limit=2&cursor={first['next_cursor']}").get_json()

    names = [one["details"]["name"] for one in first["items"] + second["items"]]
    assert sorted(names) == ["first", "second", "third"]
    assert second["next_cursor"] is None
    [entry] = api.ask("GET", f"/audit?about={key['id']}&who=admin_key&since=2026-11-22").get_json()["items"]
    assert entry["sentence"].startswith("The admin key “deploy” made the key “third” (")
    assert entry["actor"]["admin_key_id"] == str(api.key.id)
    assert api.ask("GET", f"/audit/{entry['id']}").get_json() == entry
    assert api.ask("GET", "/audit?text=nothing-of-it").get_json()["items"] == []
    for wrong in ("who=somebody", "what=moon", "since=2026-11-23&until=2026-11-22", "cursor=x"):
        problem(api.ask("GET", f"/audit?{wrong}", status=422), 422)
    problem(program(owner.organisation, "viewer").ask("GET", "/audit", status=403), 403)
