"""Alerts on use by the API."""

from tests.api.problems import problem
from tests.databases import on_one
from tests.unusual.test_page import alert

__all__ = ["alert"]


@on_one
def test_programs_read_alerts_and_say_which_use_is_told_of(owner, outsider, program, alert):
    api, reader = program(owner.organisation, "developer"), program(owner.organisation, "viewer")
    alert(outsider.organisation)
    ids = [str(alert(owner.organisation, about=str(number)).id) for number in range(3)]

    first = reader.ask("GET", "/usage/alerts?limit=2").get_json()
    rest = reader.ask("GET", f"/usage/alerts?limit=2&cursor={first['next_cursor']}").get_json()
    found = first["items"] + rest["items"]
    assert (sorted(one["id"] for one in found), rest["next_cursor"]) == (sorted(ids), None)
    assert (found[0]["rule"], found[0]["key_id"], found[0]["place"]) == ("errors", None, None)
    seen = f"/usage/alerts/{ids[0]}/seen"
    assert api.ask("POST", seen).get_json()["seen_at"] is not None
    problem(api.ask("POST", seen, status=409), 409)

    before = reader.ask("GET", "/usage/alerts/rules").get_json()
    changed = api.ask("PATCH", "/usage/alerts/rules", json={"errors": False, "factor": 9}).get_json()
    assert changed == {**before, "errors": False, "factor": 9} == reader.ask("GET", "/usage/alerts/rules").get_json()
    assert [one["why_ended"] for one in reader.ask("GET", "/usage/alerts").get_json()["items"]] == [
        "The rule was turned off."
    ] * 3
    problem(api.ask("PATCH", "/usage/alerts/rules", status=422, json={"factor": 1}), 422)
    problem(reader.ask("PATCH", "/usage/alerts/rules", status=403, json={}), 403)
