"""A bill's export can be done again by anybody, and whatever was changed in it is found."""

import ast
import copy
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.billing import export, gathering, months, recompute, what_if
from app.plans import pricing, rating
from app.plans import queries as plans
from app.plans.rating import GRADUATED, PACKAGE, PER_UNIT, VOLUME, Scheme, Tier
from tests.billing.months_used import BEGINNING, call, price, subscribed
from tests.databases import on_one

MONTH = months.around(BEGINNING)


@pytest.fixture
def organisation(session, make):
    """A month on two plans, with calls by three prices, one that came to nothing and one that was taken back."""
    organisation = make.organisation()
    subscribed(session, organisation)
    subscribed(session, organisation, "team", interval="month", seats=3, at=BEGINNING + timedelta(days=9))
    key, sampler = make.key(organisation), make.integration("sampler")
    own = pricing.set_price(
        session, integration=sampler, tool="greet", nanos_per_unit=333_333_333, currency="usd", now=make.now
    )
    for number in range(9):
        version = (price(session), own, price(session, "team"))[number % 3]
        call(session, key, sampler, version, at=BEGINNING + timedelta(minutes=50 * number), bytes_in=70 * number)
    call(session, key, sampler, own, at=BEGINNING, units=0)
    call(session, key, sampler, own, at=BEGINNING, units=-1)
    return organisation


@pytest.fixture
def statement_json(session, organisation, now):
    return json.loads(exported(session, organisation, now))


def exported(session, organisation, now):
    out = StringIO()
    export.write(session, organisation, MONTH, out, now=now)
    return out.getvalue()


def test_i17_what_is_computed_from_the_export_is_the_statement(session, organisation, now):
    text = exported(session, organisation, now)
    made = gathering.statement_of(session, organisation.id, MONTH)
    said = json.loads(text)

    assert recompute.problems(said) == []
    assert [(line["key"], line["quantity"], line["nanos"], line["amount_minor"]) for line in said["lines"]] == [
        (line.key, line.quantity, line.nanos, line.amount_minor) for line in made.lines
    ]
    assert [line["kind"] for line in said["lines"]] == ["base", "seats", "usage", "usage", "usage", "own"]
    assert len(said["events"]) == 11


def test_i17_what_was_used_on_a_prepaid_plan_is_taken_from_credit(session, make, now):
    organisation, sampler = make.organisation(), make.integration("sampler")
    subscribed(session, organisation)
    subscribed(session, organisation, "prepaid", at=BEGINNING + timedelta(days=9))
    key = make.key(organisation)
    own = pricing.set_price(session, integration=sampler, tool="", nanos_per_unit=10**9, currency="usd", now=now)
    for day in (3, 4, 9, 10, 11):
        call(session, key, sampler, own, at=BEGINNING + timedelta(days=day))
    call(session, key, sampler, price(session, "prepaid"), at=BEGINNING + timedelta(days=12))

    said = json.loads(exported(session, organisation, now))
    [total] = said["totals"]

    assert recompute.problems(said) == []
    assert said["prepaid"] == [["2026-11-10T00:00:00.000000Z", "2026-12-01T00:00:00.000000Z"]]
    assert (total["subtotal_minor"], total["due_minor"]) == (7, 2)
    assert [(one["kind"], one["amount_minor"]) for one in total["credits"]] == [("prepaid", 5)]
    assert gathering.statement_of(session, organisation.id, MONTH).totals[0].due_minor == 2
    total["credits"][0]["amount_minor"], total["due_minor"] = 4, 3
    assert "calls took 5 usd from credit; its sum says 4" in recompute.problems(sealed(said))


@on_one
@settings(max_examples=10)
@given(
    plan=st.sampled_from(["payg", "team", "prepaid"]),
    calls=st.lists(
        st.tuples(
            st.integers(0, 28 * 24), st.booleans(), st.sampled_from([(1,), (1,), (0,), (1, -1)]), st.integers(0, 900)
        ),
        max_size=9,
    ),
)
def test_i17_any_month_can_be_done_again_and_is_what_if_on_the_present_plan(session, make, now, plan, calls):
    organisation, sampler, special = make.organisation(), make.integration(), make.integration()
    subscribed(session, organisation, plan)
    key = make.key(organisation)
    own = pricing.set_price(
        session, integration=special, tool="", nanos_per_unit=333_333_333, currency="usd", now=BEGINNING
    )
    for hours, is_own, units, size in calls:
        at, version = BEGINNING + timedelta(hours=hours), own if is_own else price(session, plan)
        for each in units:
            call(session, key, special if is_own else sampler, version, at=at, units=each, bytes_in=size)

    made = gathering.statement_of(session, organisation.id, MONTH)
    said = json.loads(exported(session, organisation, now))
    compared = what_if.compare(session, organisation, MONTH, plans.newest(session)[plan], now=now)

    assert recompute.problems(said) == []
    assert [(one["subtotal_minor"], one["due_minor"]) for one in said["totals"]] == [
        (one.subtotal_minor, one.due_minor) for one in made.totals
    ]
    assert (compared.would.lines, compared.would.totals) == (compared.was.lines, compared.was.totals)
    assert compared.was == made


def test_an_export_in_several_pages_is_the_same(session, organisation, now, monkeypatch):
    whole = exported(session, organisation, now)
    monkeypatch.setattr(export, "PAGE", 2)

    assert exported(session, organisation, now) == whole


def leaves(said, path=()):
    """Where every single value stands."""
    if isinstance(said, dict | list):
        for name, value in said.items() if isinstance(said, dict) else enumerate(said):
            yield from leaves(value, (*path, name))
    else:
        yield path


def changed(said, path, change):
    found = copy.deepcopy(said)
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = change(place[path[-1]])
    return found


def flipped(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if value else "x"


def test_every_flipped_field_is_found_and_a_lines_money_by_its_line(session, organisation, now):
    said = json.loads(exported(session, organisation, now))
    places = list(leaves(said))
    found = {path: recompute.problems(changed(said, path, flipped)) for path in places}

    assert len(places) > 400
    assert [path for path in places if not found[path]] == []
    money = [path for path in places if path[0] == "lines" and path[-1] in ("quantity", "nanos", "amount_minor")]
    assert len(money) > 20
    for path in money:
        assert any(said["lines"][path[1]]["key"] in words for words in found[path]), path


def test_every_changed_number_is_found_though_the_digest_was_made_anew(statement_json):
    numbers = [path for path in leaves(statement_json) if type(value_at(statement_json, path)) is int]
    unseen = [path for path in numbers if not recompute.problems(sealed(changed(statement_json, path, flipped)))]

    assert len(numbers) > 150
    assert unseen == []


def test_credit_notes_are_added_up_and_never_more_than_there_is_to_pay(statement_json):
    [total] = statement_json["totals"]
    subtotal = total["subtotal_minor"]
    for amount, is_fine in ((1, True), (subtotal, True), (subtotal + 1, False), (-1, False)):
        total["credits"] = [{"kind": "note", "description": "Credit note 1", "amount_minor": amount}]
        total["due_minor"] = subtotal - amount

        assert (recompute.problems(sealed(statement_json)) == []) == is_fine


def value_at(said, path):
    for name in path:
        said = said[name]
    return said


def sealed(said):
    rest = {name: value for name, value in said.items() if name not in ("events", "sha256")}
    return {**said, "sha256": recompute.digest(rest)}


@given(data=st.data())
def test_i17_any_field_that_was_changed_in_any_way_is_found(statement_json, data):
    path = data.draw(st.sampled_from(list(leaves(statement_json))))
    other = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=9) | st.just([]) | st.just({})
    other |= st.floats(allow_nan=False)
    made = changed(statement_json, path, lambda _: data.draw(other))
    if json.dumps(made, sort_keys=True) != json.dumps(statement_json, sort_keys=True):
        assert recompute.problems(made)


@settings(max_examples=20)
@given(data=st.data())
def test_every_dropped_added_or_swapped_call_line_or_price_is_found(session, organisation, now, data):
    said = json.loads(exported(session, organisation, now))
    kind = data.draw(st.sampled_from(("events", "hours", "lines", "price_versions", "totals")))
    place = data.draw(st.integers(0, len(said[kind]) - 1))
    way = data.draw(st.sampled_from(("drop", "twice", "another")))
    if way == "drop":
        del said[kind][place]
    elif way == "twice":
        said[kind].append(copy.deepcopy(said[kind][place]))
    elif kind == "events":
        said[kind].append({**said[kind][place], "id": "rcp_another"})
    else:
        said[kind] = []

    assert recompute.problems(said) != []


def test_a_held_receipt_whose_call_was_left_out_is_found(session, organisation, now):
    said = json.loads(exported(session, organisation, now))
    event = said["events"][0]
    payload = {"id": "rcp_held", "price": event["price_version"], "environment": "live", "amount_nanos": 1}
    text = f"rcp_held.{recompute.base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip('=')}.x.y.z"

    assert recompute.problems(said, [text]) == ["the call of receipt rcp_held is not in it"]
    assert recompute.problems(said, ["nothing"]) == ["“nothing” is no receipt"]


@pytest.mark.parametrize("text", ["{}", "[]", "null", "7", '"format"', '{"format": "another", "version": 2}'])
def test_another_json_file_is_said_to_be_no_statement(text):
    is_wrong, [words] = recompute.checked(text)

    assert is_wrong
    assert words.startswith("WRONG  This is no statement of Postern’s: it does not say")


def test_a_statement_of_another_version_is_said_to_be_one():
    [words] = recompute.problems({"format": "postern-statement", "version": 1})

    assert words == "This is a statement of version 1; only version 2 can be checked."


@given(
    quantity=st.integers(-5, 5_000),
    scheme=st.sampled_from(
        (
            Scheme(nanos=7),
            Scheme(nanos=7, free=1000),
            Scheme(GRADUATED, tiers=(Tier(10, 5, 3), Tier(100, 4), Tier(None, 2, 9)), free=3),
            Scheme(VOLUME, tiers=(Tier(10, 5, 3), Tier(None, 2, 9))),
            Scheme(PACKAGE, nanos=11, package=7),
            Scheme(PER_UNIT, nanos=1, minimum_nanos=50),
        )
    ),
)
def test_it_rates_as_the_gateway_does(quantity, scheme):
    assert recompute.usage(quantity, rating.as_json(scheme)) == rating.usage(quantity, scheme)


def test_it_imports_nothing_but_the_standard_library():
    tree = ast.parse(Path(recompute.__file__).read_text())
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]

    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@on_one
def test_it_runs_by_itself_with_nothing_but_python_and_as_a_command(statement_json, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(recompute.__file__, alone / "recompute.py")
    names = {"fine": statement_json, "wrong": changed(statement_json, ("lines", 2, "amount_minor"), flipped)}
    for name, said in names.items():
        (alone / name).write_text(json.dumps(said))
    by_itself = ([sys.executable, "-I", "-S", "recompute.py"], {"cwd": alone, "env": {}})
    command = ([sys.executable, "-m", "app.cli", "verify"], {})

    def told(way, name):
        start, more = way
        return subprocess.run([*start, alone / name], capture_output=True, text=True, check=False, timeout=60, **more)

    fine = told(by_itself, "fine")
    assert (fine.returncode, fine.stdout[:7]) == (0, "agrees:"), fine.stderr
    for way in (by_itself, command):
        wrong = told(way, "wrong")
        assert wrong.returncode == 1
        assert "in minor units; the file says" in wrong.stdout.partition("Pay as you go: Calls")[2]
