"""Home, Usage and Your first call show the ledger to its owner, and nothing of it to anyone else."""

import csv
import io
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlmodel import select

from app.core import ids
from app.keys.models import Key
from tests.databases import on_both

SECRET = re.compile(r"pst_live_[0-9A-Za-z]{36}")


@pytest.fixture
def scene(owner, make):
    """Two calls, one of them failed."""
    key, sampler = make.key(owner.organisation, name="ci"), make.integration("sampler", example_tool="greet")
    make.call(key, sampler, tool="greet")
    return make.call(key, sampler, tool="fail", status="tool_error", at=make.hours_ago(1))


@pytest.mark.parametrize("path", ["/home/", "/usage/"])
def test_an_empty_page_leads_to_the_first_call(owner, path):
    answer = owner.get(path)

    assert 'href="/first-call/"' in answer.html


@on_both
def test_home_shows_today_and_the_last_calls(owner, scene):
    answer = owner.get("/home/")

    text = answer.text.replace("\N{NO-BREAK SPACE}", " ")
    for words in (
        "Calls today",
        "greet",
        "fail",
        "Tool failed",
        "12 ms",
        "Data until 14:03:22 UTC",
    ):
        assert words in text, words
    assert scene.id in text


@on_both
def test_usage_shows_each_group_with_all_it_has(owner, scene):
    answer = owner.get("/usage/?period=7d&by=tool")

    for words in ("sampler · greet", "sampler · fail", "460 B", "12 ms", "Data until 14:03:22 UTC", "50.0 % of calls"):
        assert words in answer.text.replace("\N{NO-BREAK SPACE}", " "), words
    assert "than before" not in answer.text, "there is nothing before to compare with"


@on_both
def test_calls_behind_a_figure_are_paged_by_receipt(owner, make, monkeypatch):
    monkeypatch.setattr("app.metering.views.calls.PAGE", 2)
    key, sampler = make.key(owner.organisation), make.integration("sampler")
    day = {"period": "custom", "from": "2026-11-22", "to": "2026-11-22"}
    monkeypatch.setattr("app.metering.queries.APART", timedelta(days=9_000))
    receipts = sorted((make.call(key, sampler).id for _ in range(5)), reverse=True)
    make.call(key, sampler, tool="fail", status="tool_error")

    first = owner.get(f"/usage/calls/?status=ok&{urlencode(day)}")
    second = owner.get(f"/usage/calls/?status=ok&before={receipts[1]}&{urlencode(day)}")

    assert [r for r in receipts if r in first.text] == receipts[:2]
    assert f"before={receipts[1]}" in first.html
    assert [r for r in receipts[2:] if r in second.text] == receipts[2:4]


@pytest.mark.parametrize(
    "path",
    [
        "/usage/?period=8d",
        "/usage/?by=colour",
        "/usage/?show=price",
        "/usage/?period=custom&from=2026-11-09&to=2026-11-08",
        f"/usage/?tool={'x' * 201}",
        "/usage/calls/?before=rcp_1",
        "/usage/calls/?before=' OR 1=1",
    ],
)
def test_bad_questions_are_answered_in_words(owner, path):
    assert owner.get(path, status=422).text


def receipts_on(answer):
    """Of the calls in the list."""
    return {link for link in answer.page.links if link.startswith("/usage/calls/rcp_")}


def test_bars_and_figures_of_a_key_lead_to_as_many_calls(owner, make, monkeypatch):
    monkeypatch.setattr("app.metering.queries.APART", timedelta(days=9_000))
    key, sampler = make.key(owner.organisation), make.integration("sampler")
    make.call(make.key(owner.organisation), sampler)
    for days_ago, calls in ((0, 2), (1, 3), (29, 1), (30, 4)):
        for _ in range(calls):
            make.call(key, sampler, at=make.hours_ago(24 * days_ago))

    links = owner.get(f"/keys/{key.id}/").page.links

    found = {}
    for link in links:
        query = parse_qs(urlsplit(link).query)
        if link.startswith("/usage/calls/") and query["key"] == [str(key.id)]:
            found[query["from"][0], query["to"][0]] = len(receipts_on(owner.get(link)))
    busy = {days: count for days, count in found.items() if count}
    assert busy == {
        ("2026-11-22", "2026-11-22"): 2,
        ("2026-11-21", "2026-11-21"): 3,
        ("2026-10-24", "2026-10-24"): 1,
        ("2026-10-24", "2026-11-22"): 6,
    }
    assert len(found) == 31


@pytest.mark.parametrize("by", ["integration", "tool", "key", "member", "environment", "status", "error", "plan"])
def test_every_split_leads_to_its_calls_and_its_files(owner, scene, monkeypatch, by):
    monkeypatch.setattr("app.metering.queries.APART", timedelta(days=9_000))
    answer = owner.get(f"/usage/?period=today&by={by}&show=spend")

    calls = {link for link in answer.page.links if link.startswith("/usage/calls/") and f"&{by}=" in link}
    assert calls
    lines = csv.DictReader(io.StringIO(owner.open("GET", f"/usage/groups.csv?period=today&by={by}").html))
    counted = {line[by]: int(line["calls"]) for line in lines}
    for link in calls:
        [value] = parse_qs(urlsplit(link).query)[by]
        assert len(receipts_on(owner.get(link))) == counted[value]
    for file in ("chart.csv", "groups.csv", "usage.json"):
        [link] = [link for link in answer.page.links if link.startswith(f"/usage/{file}")]
        assert owner.open("GET", link).status == 200


def test_names_of_others_are_no_formulas_in_files(owner, make):
    key = make.key(owner.organisation, name="=HYPERLINK(1)")
    make.call(key, make.integration("sampler"))

    answer = owner.open("GET", "/usage/groups.csv?by=key")

    assert ",'=HYPERLINK(1)," in answer.html


@on_both
def test_calls_by_day_are_still_where_they_were(owner, scene):
    lines = owner.open("GET", "/usage/days.csv").html.splitlines()

    assert lines[0] == "day_utc,calls,errors,units,amount_nanos,currency"
    assert (len(lines), lines[-1]) == (31, "2026-11-22,2,1,2,0,usd")


@on_both
def test_an_outsider_sees_nothing_of_it(outsider, scene):
    for path in ("/home/", "/usage/", "/first-call/", "/first-call/tries"):
        assert scene.id not in outsider.get(path).html


def test_first_call_without_its_secret_offers_another_key(owner, scene, session):
    answer = owner.get("/first-call/")
    assert "YOUR_KEY" in answer.text
    assert SECRET.search(answer.html) is None

    made = owner.post("/first-call/", status=200)

    secret = SECRET.search(made.html).group()
    assert made.html.count(secret) >= 6
    assert made.headers["Cache-Control"] == "no-store"
    assert SECRET.search(owner.get("/first-call/").html) is None
    session.expire_all()
    assert secret[-4:] in {key.last_four for key in session.exec(select(Key))}


@on_both
def test_first_call_shows_tries_as_they_arrive(owner, make):
    make.integration("sampler", example_tool="greet")
    waiting = owner.get("/first-call/")
    assert "Waiting for your first call…" in waiting.text
    address = re.search(r'hx-get="(/first-call/tries[^"]+)"', waiting.html).group(1).replace("&amp;", "&")
    assert owner.part(address, status=204).html == ""

    make.attempt(organisation=owner.organisation, reason="incomplete_key")
    failed = owner.part(address)
    assert "The key is not complete" in failed.text
    assert "Waiting" in failed.text

    make.call(make.key(owner.organisation), make.integration("other"))
    succeeded = owner.part(address)
    assert "Your call came through." in succeeded.text
    for _ in range(9):
        make.attempt(organisation=owner.organisation)
    assert "Waiting" not in owner.part(address).text


def test_the_page_stops_asking_after_a_while(owner, make, hand):
    page = owner.get("/first-call/")
    address = re.search(r'hx-get="(/first-call/tries[^"]+)"', page.html).group(1).replace("&amp;", "&")

    hand.moves(minutes=31)
    answer = owner.part(address)

    assert "hx-get" not in answer.html
    assert "Look again" in answer.text


def test_tries_are_a_page_of_their_own_without_javascript(owner, scene):
    answer = owner.get("/first-call/tries")

    assert "Your call came through." in answer.text
    assert owner.get("/first-call/tries?since=99999999999999999", status=422)


def test_a_strangers_try_from_the_same_address_is_told_without_saying_whose(owner, outsider, make):
    make.attempt(organisation=outsider.organisation, reason="revoked_key", address="127.0.0.1")
    theirs = make.attempt(reason="wrong_path", address="127.0.0.1")

    text = owner.get("/first-call/tries").text

    assert "There is nothing at the address that was called" in text
    assert "revoked" not in text
    assert theirs.id not in text
    make.call(make.key(owner.organisation), make.integration("sampler"))
    assert "There is nothing at" not in owner.get("/first-call/tries").text


def test_without_anything_to_call_the_page_says_so(owner):
    assert "Nothing is behind this gateway yet" in owner.get("/first-call/").text


def test_receipts_are_what_the_page_accepts(owner):
    assert owner.get(f"/usage/calls/?before={ids.receipt_id()}").status == 200


def test_whoever_signed_up_on_the_way_to_a_plan_is_led_on(owner):
    assert 'href="/billing/plan/payg"' in owner.get("/first-call/?next=/billing/plan/payg").html
    assert "evil.example" not in owner.get("/first-call/?next=//evil.example/").html
    assert "on your way" not in owner.get("/first-call/").text
