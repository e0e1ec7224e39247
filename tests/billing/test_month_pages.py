"""The bill explains itself: lines, behind each its hours, behind an hour its calls; and to their owner alone."""

import csv
import io
import json
from datetime import timedelta

import pytest

from app.billing import recompute
from app.core import ids
from app.limits.models import LimitRule
from app.plans import pricing
from tests.billing.months_used import BEGINNING, call, price, subscribed
from tests.databases import on_both

AT = BEGINNING + timedelta(days=20, hours=9)


@pytest.fixture
def scene(owner, session, make):
    """Six calls in two hours on pay-as-you-go, the newest last."""
    subscribed(session, owner.organisation)
    key, sampler = make.key(owner.organisation, name="ci"), make.integration("sampler")
    return [call(session, key, sampler, price(session), at=AT + timedelta(minutes=20 * number)) for number in range(6)]


@pytest.fixture
def line(scene, session):
    return f"/billing/months/2026-11/{price(session).id.hex[:12]}-calls"


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.html, newline="")))


@on_both
def test_the_month_shows_its_lines_so_far(owner, line):
    answer = owner.get("/billing/months/2026-11")

    for words in (
        "Pay as you go: Calls",
        "Spend so far",
        "counted until 14:03:22 UTC",
        "$0.02",
        "$0.019",
        "sampler · greet",
        "ci",
    ):
        assert words in answer.text, words
    assert line in answer.page.links


def test_the_forecast_carries_the_pace_on(owner, line):
    text = owner.get("/billing/months/2026-11").text

    # six calls in six days and a half, and eight days and ten hours left: seven more at $0.0025
    assert "Forecast" in text
    assert "$0.04" in text
    assert "16 Nov 2026 00:00" in text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_month_that_is_over_has_no_forecast(owner, line, hand, sign_in):
    hand.moves(days=12)

    text = sign_in(owner.person, owner.organisation).get("/billing/months/2026-11").text

    assert "Statement for November 2026" in text
    assert "Forecast" not in text


@on_both
def test_a_cap_on_spending_is_drawn(owner, line, session, now):
    rule = LimitRule(
        name="Cap",
        organisation_id=owner.organisation.id,
        measure="spend",
        period="month",
        most=4 * 10**9,
        set_by="organisation",
        created_at=now,
    )
    session.add(rule)

    answer = owner.get("/billing/months/2026-11")

    assert "Cap $0.04" in answer.text
    assert "47 % of the cap of $0.04 are used" in answer.html


@on_both
def test_a_line_opens_its_hours_an_hour_its_calls_a_call_its_receipt(owner, line, scene):
    hours = owner.get(line)
    assert [link for link in hours.page.links if link.startswith(f"{line}/2026")] == [
        f"{line}/2026-11-21T10",
        f"{line}/2026-11-21T09",
    ]

    calls = owner.get(f"{line}/2026-11-21T09")
    found = [link for link in calls.page.links if link.startswith("/usage/calls/rcp_")]
    assert found == [f"/usage/calls/{event.id}" for event in reversed(scene[:3])]

    shown = owner.get(found[0])
    assert "$0.0055" in shown.text
    assert str(scene[0].price_version_id) in shown.text


@on_both
def test_files_say_exactly_what_is_shown(owner, line, scene):
    [made] = rows(owner.get("/billing/months/2026-11/statement.csv"))
    hours = rows(owner.get(f"{line}/hours.csv"))
    calls = [row for hour in hours for row in rows(owner.get(f"{line}/{hour['hour_utc'][:13]}/calls.csv"))]

    assert (made["quantity"], made["nanos"], made["amount_minor"], made["currency"]) == ("6", "1900000000", "2", "usd")
    assert sum(int(row["amount_minor"]) for row in hours) == 2
    assert {(row["integration"], row["key"]) for row in calls} == {("sampler", "ci")}
    assert [row["receipt"] for row in calls] == [event.id for event in reversed(scene)]
    for found in (hours, calls):
        assert sum(int(row["quantity_calls"]) for row in found) == 6
        assert sum(int(row["nanos"]) for row in found) == 1_900_000_000


def test_programs_open_a_line_and_its_hours_a_page_at_a_time(owner, line, scene, program):
    api, hours = program(owner.organisation, "viewer"), f"/billing/months/2026-11/lines/{line.rpartition('/')[2]}/hours"

    def every(path):
        found, cursor = [], ""
        while cursor is not None:
            page = api.ask("GET", f"{path}?limit=1{f'&cursor={cursor}' if cursor else ''}").get_json()
            found, cursor = [*found, *page["items"]], page["next_cursor"]
        return found

    told = every(hours)
    calls = [one for hour in told for one in every(f"{hours}/{hour['hour']}/calls")]

    assert [hour["hour"] for hour in told] == ["2026-11-21T10", "2026-11-21T09"]
    assert [one["receipt"] for one in calls] == [event.id for event in reversed(scene)]
    for found in (told, calls):
        assert sum(one["amount_nanos"] for one in found) == 1_900_000_000
        assert sum(one["quantities"]["calls"] for one in found) == 6
    [month] = [one for one in every("/billing/months") if one["month"] == "2026-11"]
    assert month["is_over"] is False
    api.ask("GET", f"{hours.replace('2026-11', '2026-10')}", status=404)
    api.ask("GET", f"{hours}/2026-12-01T00/calls", status=404)
    what_if = api.ask("GET", "/billing/what-if?plan=free").get_json()
    assert (what_if["difference_minor"], what_if["lines"][0]["was_minor"]) == (-2, 2)


def test_the_json_of_the_page_agrees_with_itself_and_with_it(owner, line):
    said = json.loads(owner.get("/billing/months/2026-11/statement.json").html)

    assert recompute.problems(said) == []
    assert [(one["key"], one["amount_minor"]) for one in said["lines"]] == [(line.rpartition("/")[2], 2)]
    assert said["counted_until"] == "2026-11-22T14:03:22.000000Z"


@on_both
def test_hours_and_calls_are_paged(owner, line, scene, monkeypatch):
    monkeypatch.setattr("app.billing.views.months.HOURS", 1)
    monkeypatch.setattr("app.billing.views.months.CALLS", 2)

    assert f"{line}?before=2026-11-21T10#hours" in owner.get(line).page.links
    assert f"{line}/2026-11-21T09" in owner.get(f"{line}?before=2026-11-21T10").page.links
    assert f"{line}/2026-11-21T09?before={scene[1].id}" in owner.get(f"{line}/2026-11-21T09").page.links
    older = owner.get(f"{line}/2026-11-21T09?before={scene[1].id}")
    assert [link for link in older.page.links if "/calls/rcp_" in link] == [f"/usage/calls/{scene[0].id}"]


@on_both
def test_months_are_listed_down_to_the_first(owner, sign_in, monkeypatch, hand):
    hand.moves(days=60)
    browser = sign_in(owner.person, owner.organisation)
    monkeypatch.setattr("app.billing.views.months.MONTHS", 2)

    links = browser.get("/billing/months/").page.links
    older = browser.get("/billing/months/?before=2026-12").page.links

    assert [link for link in links if link.startswith("/billing/months/20") and not link.endswith("csv")] == [
        "/billing/months/2027-01",
        "/billing/months/2026-12",
    ]
    assert "/billing/months/?before=2026-12" in links
    assert "/billing/months/2026-11" in older


def test_a_base_fee_opens_how_it_came_about(owner, session):
    stay = subscribed(session, owner.organisation, "team", interval="month", seats=3, at=BEGINNING + timedelta(days=15))

    answer = owner.get(f"/billing/months/2026-11/base-{stay.id.hex[:12]}")

    assert "$49.50, rounded once" in answer.text
    assert "$99.00 per month" in answer.text


def test_a_month_without_anything_says_so(owner):
    assert "Nothing to pay so far" in owner.get("/billing/months/2026-11").text


@pytest.mark.parametrize(
    "path", ["2026-12", "2026-13", "1999-01", "x", "2026-11/own-usd", "2026-11/base-0", "2026-11/own-usd/2026-11-21T09"]
)
def test_what_is_not_there_is_not_found(owner, path):
    owner.get(f"/billing/months/{path}", status=404)


@pytest.mark.parametrize("hour", ["2026-10-31T23", "2026-12-01T00", "2026-11-21T24", "2026-11-21", "x"])
def test_an_hour_outside_of_the_month_is_not_found(owner, line, hour):
    owner.get(f"{line}/{hour}", status=404)


@on_both
def test_an_address_with_a_slash_too_many_leads_to_the_page(owner):
    for path in ("/billing/months/2026-11", "/billing/months/2026-11/statement.json", "/billing/calls/rcp_x"):
        assert owner.get(f"{path}/?month=2026-10", status=308).location == f"{path}?month=2026-10"
    for path in ("/billing/months", "/billing/wallet", "/billing/what-if", "/billing/limits"):
        assert owner.get(path, status=308).location.endswith(f"{path}/")
    owner.get("/billing/nowhere/at/all/there/", status=404)


def test_b29_another_organisation_sees_nothing_of_it(outsider, line, scene):
    assert "Nothing to pay so far" in outsider.get("/billing/months/2026-11").text
    for path in (
        line,
        f"{line}/hours.csv",
        f"{line}/2026-11-21T09",
        f"{line}/2026-11-21T09/calls.csv",
        f"/billing/calls/{scene[0].id}",
    ):
        outsider.get(path, status=404)
    assert rows(outsider.get("/billing/months/2026-11/statement.csv")) == []
    assert json.loads(outsider.get("/billing/months/2026-11/statement.json").html)["events"] == []


def test_a_member_sees_the_bill_and_a_stranger_does_not(member, browse, line, scene):
    assert "Pay as you go: Calls" in member.get("/billing/months/2026-11").text
    assert browse.get("/billing/months/2026-11", status=303).location.startswith("/sign-in")
    owner_only = member.get(f"/billing/calls/{ids.receipt_id()}", status=404)
    assert "no such call" in owner_only.text


def test_what_each_integration_has_of_a_line_adds_up_to_it(owner, session, make):
    subscribed(session, owner.organisation)
    key = make.key(owner.organisation)
    for _ in range(3):
        place = make.integration()
        own = pricing.set_price(
            session, integration=place, tool="", nanos_per_unit=500_000_000, currency="usd", now=BEGINNING
        )
        call(session, key, place, own, at=AT)

    text = owner.get("/billing/months/2026-11/own-usd").text

    assert "$0.02, rounded once from $0.015" in text
    assert text.count("$0.01 ") == 2
    assert text.count("$0.00 ") == 1
