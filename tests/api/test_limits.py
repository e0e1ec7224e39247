"""Caps and warnings by the API."""

from sqlmodel import select

from app.billing.alert_models import Alert
from app.core.audit import AuditEntry
from tests.api.problems import problem
from tests.databases import on_both, on_one

DOLLAR = 10**11
"""In nanos."""


@on_both
def test_caps_are_set_changed_listed_and_removed(owner, program, make, session):
    api, key, place = program(owner.organisation, "billing"), make.key(owner.organisation), make.integration("sampler")
    make.call(key, place, amount_nanos=DOLLAR)

    whole = api.ask("POST", "/limits", status=201, json={"period": "day", "most_nanos": 4 * DOLLAR}).get_json()
    of_key = {"key_id": str(key.id), "period": "day", "most_nanos": 2 * DOLLAR, "action": "slow"}
    own = api.ask("POST", "/limits", status=201, json=of_key).get_json()
    there = api.ask("POST", "/limits", status=201, json={**of_key, "key_id": None, "integration": "sampler"}).get_json()

    assert (whole["words"], whole["used"], whole["percent"], whole["is_own"]) == ("$4.00 a day", DOLLAR, 25, True)
    assert (own["key_id"], own["percent"], own["action"], own["unit"]) == (str(key.id), 50, "slow", "nanos")
    assert there["integration_id"] == str(place.id)
    one = f"/limits/{own['id']}"
    changed = api.ask("PATCH", one, json={"most_nanos": 10 * DOLLAR, "action": "stop"}).get_json()
    assert (changed["most"], changed["percent"], changed["action"]) == (10 * DOLLAR, 10, "stop")
    one = f"/limits/{changed['id']}"
    assert api.ask("PATCH", one, json={"action": "stop"}).get_json() == changed == api.ask("GET", one).get_json()
    seen, cursor = [], ""
    while cursor is not None:
        page = api.ask("GET", f"/limits?limit=2{f'&cursor={cursor}' if cursor else ''}").get_json()
        seen, cursor = [*seen, *page["items"]], page["next_cursor"]
    assert [limit["is_own"] for limit in seen] == [True, True, True, False, False]
    assert {limit["id"] for limit in seen[:3]} == {whole["id"], there["id"], changed["id"]}
    assert {limit["measure"] for limit in seen[3:]} == {"calls", "streams"}
    its = api.ask("GET", f"/keys/{key.id}/limits").get_json()["items"]
    assert {limit["id"]: limit["decides"] for limit in its}[whole["id"]] is True
    api.ask("DELETE", one, status=204)
    problem(api.ask("GET", one, status=404), 404)
    assert (
        session.exec(select(AuditEntry.action).where(AuditEntry.actor_kind == "admin_key")).all()[-1] == "limit.removed"
    )


@on_one
def test_caps_that_cannot_be_meant_are_refused(owner, program, make):
    api, key = program(owner.organisation), make.key(owner.organisation)
    theirs = make.key(make.organisation())
    asked = {"period": "month", "most_nanos": DOLLAR}
    make.integration("sampler")

    problem(
        api.ask("POST", "/limits", status=422, json={**asked, "key_id": str(key.id), "integration": "sampler"}), 422
    )
    problem(api.ask("POST", "/limits", status=404, json={**asked, "key_id": str(theirs.id)}), 404)
    problem(api.ask("POST", "/limits", status=404, json={**asked, "integration": "moon"}), 404)
    problem(api.ask("POST", "/limits", status=422, json={**asked, "period": "hour"}), 422)
    api.ask("POST", "/limits", status=201, json=asked)
    assert "set already" in problem(api.ask("POST", "/limits", status=409, json=asked), 409)
    api.ask("POST", f"/keys/{key.id}/revoke")
    problem(api.ask("POST", "/limits", status=409, json={**asked, "key_id": str(key.id)}), 409)
    problem(program(owner.organisation, "developer").ask("POST", "/limits", status=403, json=asked), 403)


@on_one
def test_warnings_come_where_they_were_asked_for(owner, program, session, now):
    api = program(owner.organisation)

    assert api.ask("GET", "/limits/alerts").get_json() == {"thresholds": [50, 80, 100], "by_mail": True}
    asked = {"thresholds": [90, 70, 90]}
    assert api.ask("PATCH", "/limits/alerts", json=asked).get_json() == {"thresholds": [70, 90], "by_mail": True}
    assert api.ask("PATCH", "/limits/alerts", json={"by_mail": False}).get_json()["thresholds"] == [70, 90]
    problem(api.ask("PATCH", "/limits/alerts", status=422, json={"thresholds": [0]}), 422)
    for number in range(3):
        session.add(
            Alert(
                organisation_id=owner.organisation.id,
                key=str(number),
                threshold=70,
                words=f"warning {number}",
                most=1,
                used=1,
                is_told=number != 1,
                at=now,
            )
        )
    first = api.ask("GET", "/limits/warnings?limit=1").get_json()
    second = api.ask("GET", f"/limits/warnings?limit=1&cursor={first['next_cursor']}").get_json()
    assert {one["items"][0]["words"] for one in (first, second)} == {"warning 0", "warning 2"}
    assert second["next_cursor"] is None
