"""Paying by the API: an admin key chooses the plan and buys credit, and a person pays where Stripe asks for a card."""

from types import SimpleNamespace

import pytest
from sqlmodel import select

from app.billing.models import Checkout
from app.core.audit import AuditEntry
from app.plans.amounts import NANOS
from tests.api.problems import problem
from tests.billing.counter import Counter
from tests.billing.purse import give
from tests.databases import on_both, on_one


@pytest.fixture
def program_(owner, program):
    return program(owner.organisation, "billing")


@pytest.fixture
def counter(owner, session, engine, api, stand_in, hand, make):
    """The owner's organisation, on the prepaid plan."""
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.organisation = owner.organisation
    shop.choose("prepaid")
    return shop


def paid(shop, owner, url):
    """By a person, who opens the address and comes back."""
    session_id = url.rsplit("/", 1)[1]
    assert shop.pay(SimpleNamespace(session_id=session_id)) == ""
    owner.get(f"/billing/return?session_id={session_id}", status=303)


@on_both
def test_plan_is_looked_at_chosen_changed_left_and_kept(shop, owner, program_, session):
    api = program_
    assert api.ask("GET", "/billing/plan").get_json()["plan"] == "free"
    assert {one["plan"] for one in api.ask("GET", "/billing/plans").get_json()["items"]} >= {"free", "payg", "team"}
    look = api.ask("GET", "/billing/plans/team?seats=3").get_json()
    assert (look["how"], look["today_total_minor"], look["obstacle"]) == ("checkout", 3029, "")

    once = {"Idempotency-Key": "to-team"}
    asked = {"plan": "team", "seats": 3}
    first = api.ask("POST", "/billing/plan", headers=once, json=asked).get_json()
    again = api.ask("POST", "/billing/plan", headers=once, json=asked)

    assert again.get_json() == first
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(shop.stand_in.desk.store.all("checkout.session")) == 1
    paid(shop, owner, first["url"])
    held = api.ask("GET", "/billing/plan").get_json()
    assert (held["plan"], held["seats"], held["pays"], held["card"][:4]) == ("team", 3, "ok", "Visa")
    look = api.ask("GET", "/billing/plans/team?seats=4").get_json()
    assert look["how"] == "now"
    assert look["today_total_minor"] > 0
    problem(api.ask("POST", "/billing/plan", status=409, json={"plan": "team", "seats": 4}), 409)
    more = api.ask("POST", "/billing/plan", json={"plan": "team", "seats": 4, "shown_at": look["shown_at"]}).get_json()
    assert (more["how"], more["url"], more["standing"]["seats"]) == ("now", None, 4)
    assert api.ask("GET", "/billing/next").get_json()["bill"]["currency"] == "usd"
    left = api.ask("POST", "/billing/plan/cancel", json={"reason": "Too dear."}).get_json()
    assert left["following"] == {"plan": None, "at": "2026-12-01T00:00:00Z", "by": "customer"}
    assert api.ask("POST", "/billing/plan/resume").get_json()["following"] is None
    problem(api.ask("POST", "/billing/plan/resume", status=409), 409)
    assert api.ask("POST", "/billing/portal", status=201).get_json()["url"].startswith("http")
    actors = {(one.actor_kind, one.actor) for one in session.exec(select(AuditEntry)) if "cancel" in one.action}
    assert actors == {("admin_key", "deploy")}


@on_one
def test_request_that_was_cut_off_at_stripe_goes_on_under_the_same_visit(shop, program_, session, monkeypatch):
    api, once = program_, {"Idempotency-Key": "a"}
    with monkeypatch.context() as broken:
        broken.setattr("app.billing.subscribing.keep_asked", lambda *_, **__: 1 / 0)
        api.ask("POST", "/billing/plan", status=500, headers=once, json={"plan": "payg"})

    url = api.ask("POST", "/billing/plan", headers=once, json={"plan": "payg"}).get_json()["url"]

    assert url
    assert len(session.exec(select(Checkout)).all()) == 1
    assert len(shop.stand_in.desk.store.all("checkout.session")) == 1


@on_one
def test_what_cannot_be_chosen_is_refused_in_words(shop, owner, program, program_):
    assert "no plan “moon”" in problem(program_.ask("GET", "/billing/plans/moon", status=404), 404)
    problem(program_.ask("POST", "/billing/plan", status=409, json={"plan": "free"}), 409)
    problem(program_.ask("POST", "/billing/plan", status=422, json={"plan": "team", "seats": 9_999}), 422)
    problem(program_.ask("POST", "/billing/plan/cancel", status=409), 409)
    problem(program_.ask("POST", "/billing/portal", status=409), 409)
    assert program_.ask("GET", "/billing/next").get_json() == {"bill": None}
    viewer = program(owner.organisation, "viewer")
    viewer.ask("GET", "/billing/plans/team")
    problem(viewer.ask("POST", "/billing/plan", status=403, json={"plan": "team"}), 403)


@on_one
def test_credit_is_bought_by_a_person_and_topped_up_by_agreement(counter, owner, program_):
    api = program_
    problem(api.ask("PATCH", "/billing/credit/automatic", status=409, json={"is_on": True}), 409)
    problem(api.ask("POST", "/billing/credit/top-ups", status=422, json={"amount_minor": 1}), 422)

    url = api.ask("POST", "/billing/credit/top-ups", status=201, json={"amount_minor": 2500, "keeps_card": True})
    paid(counter, owner, url.get_json()["url"])

    held = api.ask("GET", "/billing/credit").get_json()
    assert (held["balance_nanos"], held["is_prepaid"], held["automatic"]) == (2500 * NANOS, True, None)
    [grant] = api.ask("GET", "/billing/credit/grants").get_json()["items"]
    assert (grant["kind"], grant["left_nanos"]) == ("paid", 2500 * NANOS)
    problem(api.ask("PATCH", "/billing/credit/automatic", status=422, json={"is_on": True}), 422)
    agreed = {"below_minor": 500, "amount_minor": 1000, "month_most_minor": 10_000}
    told = api.ask("PATCH", "/billing/credit/automatic", json=agreed).get_json()["automatic"]
    assert told | agreed | {"is_on": True, "stopped_why": ""} == told
    changed = api.ask("PATCH", "/billing/credit/automatic", json={"below_minor": 600}).get_json()["automatic"]
    assert (changed["below_minor"], changed["amount_minor"]) == (600, 1000)
    assert not api.ask("PATCH", "/billing/credit/automatic", json={"is_on": False}).get_json()["automatic"]["is_on"]


@on_one
def test_history_of_credit_is_paged_as_its_page_has_it(counter, session, program_, hand):
    for number in range(3):
        give(session, counter.organisation, 100 * (number + 1), reference=f"gift {number}", now=hand.now)
        hand.moves(minutes=1)
    session.commit()

    seen, cursor = [], ""
    while cursor is not None:
        path = f"/billing/credit/months/2026-11?limit=2{f'&cursor={cursor}' if cursor else ''}"
        page = program_.ask("GET", path).get_json()
        seen, cursor = [*seen, *page["items"]], page["next_cursor"]

    assert [row["balance_nanos"] - row["nanos"] for row in seen] == [row["balance_nanos"] for row in seen[1:]] + [0]
    assert len(seen) == 3
