"""Each call has one page, which says all that is kept about it, and so has each request that was refused."""

import pytest

from app.core import ids
from app.keys import rotation
from app.keys.seen_models import KeySighting
from app.limits import services as limits
from app.limits.services import Selection
from app.metering import attempts, checks, crowds, ledger
from app.metering.models import Crowd, UsageEvent
from app.organisations import roles
from tests.databases import on_both
from tests.metering import charged

LIMIT = {"measure": "calls", "period": "month", "most": 10, "set_by": "operator"}


@pytest.fixture
def limit(owner, session, now):
    return limits.set_limit(session, selection=Selection(organisation=owner.organisation), **LIMIT, now=now)


@pytest.fixture
def scene(owner, session, make, limit):
    """A priced call of “ci”, held against a limit."""
    key, sampler = make.key(owner.organisation, name="ci"), make.integration("sampler", example_tool="greet")
    price = charged.price(session, integration_id=sampler.id)
    paid = {"price_version_id": price.id, "amount_nanos": 200, "currency": "usd"}
    return make.call(key, sampler, rules=str(limit.id)[:8], policy_version=7, tool_version="0f1e2d3c4b5a6978", **paid)


@pytest.fixture
def crowd(owner, session, now):
    """Makes a request, or several alike, that made no call."""

    def made(**said):
        name = ids.request_id()
        usual = {"id": name, "name": name[ids.NAME], "at": now, "last_at": now, "count": 1, "http_status": 200}
        texts = dict.fromkeys(("reason", "path", "method", "tool", "key_hint", "detail", "rules", "receipt"), "")
        one = Crowd(**{**usual, **texts, "organisation_id": owner.organisation.id, "policy_version": 7, **said})
        session.add(one)
        session.flush()
        return one

    return made


def page_of(browser, event):
    return browser.get(f"/usage/calls/{event.id}")


def words_of(answer):
    return answer.text.replace("\N{NO-BREAK SPACE}", " ")


@on_both
def test_the_page_says_all_that_is_kept(owner, make, scene):
    words = words_of(page_of(owner, scene))

    for said in (
        *("One call of greet", scene.id, "14:03:22.000 UTC", "OK", "ci", "A service"),
        *("Took 12 ms", "Gateway1.0 ms 8.3 %", "Integration11 ms 91.7 %", "120 B", "340 B"),
        *("It may be used from the address", "The key reaches what was asked for."),
        *("version 7 of the policy", "definition 0f1e2d3c4b5a6978", "10 calls a month, set by the operator"),
        *("$0.000000002", "first 3 calls free", "Statement of the month", "POSTERN_KEY"),
    ):
        assert said in words, said


def test_whatever_names_a_call_leads_to_its_one_page(owner, scene):
    there = f"/usage/calls/{scene.id}"

    for path in (
        f"/usage/calls/{scene.request_id}",
        f"/usage/calls/{scene.id}.eyJhIjoxfQ.abc",
        f"/usage/calls/?call=+{scene.id}+",
    ):
        assert owner.get(path, status=303).location == there
    assert owner.get(f"/billing/calls/{scene.id}", status=301).location == there


@pytest.mark.parametrize(
    "name", ["rcp_01" + 24 * "A", "req_01" + 24 * "A", "req_", "req_ILOUILOUILOU", "req_" + 26 * "Z", "rcp_x", "x", "7"]
)
def test_what_is_no_call_is_not_found(owner, scene, name):
    assert "no such call" in owner.get(f"/usage/calls/{name}", status=404).text


def test_amounts_are_for_those_who_see_bills(owner, scene, monkeypatch):
    monkeypatch.setitem(roles.PERMISSIONS, roles.OWNER, frozenset({"usage:read"}))

    words = page_of(owner, scene).text

    assert "What it cost" not in words
    assert "$" not in words.partition("Call it again")[0]


def test_the_secret_shown_is_the_one_of_that_time(owner, session, make, now):
    key = make.key(owner.organisation)
    was, event = key.hint, make.call(key, make.integration("sampler"), at=make.hours_ago(2))
    rotation.rotate(session, key=key, overlap=rotation.NOW, brand="pst", person_id=None, now=make.hours_ago(1))
    later = make.call(key, make.integration("other"), at=now)

    assert was in page_of(owner, event).text
    assert key.hint in page_of(owner, later).text


def test_places_are_those_where_the_key_was_in_use_then(owner, session, make, now, scene):
    for address, ended in (("192.0.2.7", now), ("192.0.2.8", make.hours_ago(1))):
        seen = {"client": "curl/8.5", "first_at": make.hours_ago(5), "last_at": ended}
        session.add(KeySighting(key_id=scene.key_id, address=address, **seen))

    words = page_of(owner, scene).text

    assert "192.0.2.7, curl/8.5" in words
    assert "192.0.2.8" not in words


def test_what_takes_a_call_back_and_its_retries_belong_to_it(owner, session, make, now, crowd):
    key, sampler = make.key(owner.organisation), make.integration("other")
    first = make.call(key, sampler, idempotency_digest="d" * 64, units=0, status="timeout")
    again = make.call(key, sampler, idempotency_digest="d" * 64)
    elsewhere = make.call(make.key(owner.organisation), sampler, idempotency_digest="d" * 64)
    back = ledger.reversal_of({name: getattr(again, name) for name in ledger.EventRow.__annotations__}, now=now)
    back["id"] = ids.lowest_receipt(now) + ids.receipt_id()[14:]
    session.add(UsageEvent(**back))
    crowd(decision=crowds.REPLAYED, receipt=again.id, count=3)

    answer = page_of(owner, again)

    links = {link for link in answer.page.links if "/usage/calls/rcp_" in link}
    assert links == {f"/usage/calls/{one}" for one in (first.id, back["id"])}
    assert elsewhere.id not in answer.html
    assert "3 retries with its Idempotency-Key" in words_of(answer)
    assert "takes a call back" in page_of(owner, session.get(UsageEvent, back["id"])).text


@on_both
def test_a_refused_call_says_what_passed_and_which_limit_refused_it(owner, make, session, limit):
    key = make.key(owner.organisation, name="ci")
    attempt = make.attempt(organisation=owner.organisation, key=key, reason=attempts.ALLOWANCE_USED)
    attempt.rule_id, attempt.tool, attempt.method, attempt.detail = limit.id, "greet", "tools/call", "it is full."

    answer = owner.get(f"/usage/calls/{attempt.id}")

    for said in (
        *("The allowance is used up: it is full.", "10 calls a month, set by the operator", "greet", "HTTP 401"),
        *(
            "Passed The key was known, and worked.",
            "Passed The key reaches what was asked for. Passed The tool was approved.",
            "Refused The allowance",
            "ci",
        ),
    ):
        assert said in spoken(answer), said
    assert "/billing/limits/" in answer.page.links


def spoken(answer):
    """The words with those that icons have for a screen reader."""
    for label in ("Passed", "Refused"):
        answer.html = answer.html.replace(f'aria-label="{label}">', f">{label} ")
    return type(answer.page)(answer.html).text


def test_every_refusal_says_in_the_end_what_refused_it(make):
    for reason, explanation in attempts.EXPLANATIONS.items():
        looked_at = checks.of_refused(make.attempt(reason=reason), explanation.title)

        assert [one.has_passed for one in looked_at] == [True] * (len(looked_at) - 1) + [False]
        assert looked_at[-1].words == explanation.title


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"decision": crowds.LET_IN, "method": "ping"}, "Let in, and free"),
        ({"decision": crowds.DECLINED, "reason": "failing"}, "The integration kept failing"),
        ({"decision": crowds.REPLAYED}, "A retry, answered as its first try was"),
        ({"decision": crowds.REFUSED, "reason": attempts.RATE_LIMITED, "count": 20}, "one of 20 alike"),
    ],
)
def test_what_made_no_call_says_what_became_of_it(owner, crowd, scene, said, words):
    one = crowd(receipt=scene.id, **said)

    answer = owner.get(f"/usage/calls/{ids.request_id_in(one.name)}")

    assert words in answer.text
    assert (f"/usage/calls/{scene.id}" in answer.page.links) == (said["decision"] == crowds.REPLAYED)


def test_what_nobody_could_be_told_to_have_sent_is_nobodys(owner, make, session):
    attempt = make.attempt()

    owner.get(f"/usage/calls/{attempt.id}", status=404)
