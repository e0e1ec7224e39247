"""A bill's export can be done again by anybody, and whatever was changed in it is found."""

import ast
import copy
import json
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.billing import export, gathering, months, recompute
from app.plans import pricing, rating
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


def test_an_export_in_several_pages_is_the_same(session, organisation, now, monkeypatch):
    whole = exported(session, organisation, now)
    monkeypatch.setattr(export, "PAGE", 2)

    assert exported(session, organisation, now) == whole


def leaves(said, path=()):
    """Where a number stands, and what of it: places of everything that money depends on."""
    if isinstance(said, dict):
        for name, value in said.items():
            yield from leaves(value, (*path, name))
    elif isinstance(said, list):
        for number, value in enumerate(said):
            yield from leaves(value, (*path, number))
    elif type(said) is int:
        yield path


def changed(said, path, step):
    found = copy.deepcopy(said)
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] += step
    return found


def test_every_changed_number_is_found(session, organisation, now):
    said = json.loads(exported(session, organisation, now))
    places = [path for path in leaves(said) if path != ("version",)]

    unseen = [path for path in places for step in (1,) if not recompute.problems(changed(said, path, step))]

    assert len(places) > 150
    assert unseen == []


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

    assert recompute.problems(said) != [] or (kind, way) in (("price_versions", "twice"), ("totals", "twice"))


def test_a_held_receipt_whose_call_was_left_out_is_found(session, organisation, now):
    said = json.loads(exported(session, organisation, now))
    event = said["events"][0]
    payload = {"id": "rcp_held", "price": event["price_version"], "environment": "live", "amount_nanos": 1}
    text = f"rcp_held.{recompute.base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip('=')}.x.y.z"

    assert recompute.problems(said, [text]) == ["the call of receipt rcp_held is not in it"]
    assert recompute.problems(said, ["nothing"]) == ["“nothing” is no receipt"]


@pytest.mark.parametrize("said", [{}, [], None, {"format": "postern-statement", "version": 1}], ids=str)
def test_what_is_no_statement_is_told_in_words(said):
    assert len(recompute.problems(said)) == 1


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
def test_it_runs_by_itself_and_as_a_command(session, organisation, now, tmp_path):
    path, broken = tmp_path / "statement.json", tmp_path / "broken.json"
    path.write_text(exported(session, organisation, now))
    said = json.loads(path.read_text())
    said["lines"][2]["amount_minor"] += 1
    broken.write_text(json.dumps(said))
    alone = [sys.executable, "-I", recompute.__file__]
    command = [sys.executable, "-m", "app.cli", "verify"]

    for start in (alone, command):
        fine = subprocess.run([*start, path], capture_output=True, text=True, check=False, timeout=60)
        wrong = subprocess.run([*start, broken], capture_output=True, text=True, check=False, timeout=60)
        assert (fine.returncode, fine.stdout[:7]) == (0, "agrees:"), fine.stderr
        assert wrong.returncode == 1
        assert "Pay as you go: Calls" in wrong.stdout
