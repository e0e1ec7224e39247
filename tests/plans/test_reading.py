"""plans.toml is read strictly: what is not understood is refused by line and field, with what to write instead."""

from pathlib import Path

import pytest

from app.core.config import ROOT
from app.core.errors import Invalid
from app.plans import document, rating, reading, toml_fields

GOOD = """\
currencies = ["usd", "jpy"]

[plans.free]
name = "Free"
words = "No card."
kind = "free"
default = true
allowances = { calls_per_month = 1000 }
rates = { calls_per_minute = 60, streams = 5 }

[plans.team]
name = "Team"
words = "For products."
kind = "team"
features = ["Seats"]
seats = { included = 5, most = 9 }
base.usd = { month = "99.00", year = "990.00" }
base.jpy = { month = "9900", year = "99000" }
seat.usd = { month = "9.50", year = "95.00" }
seat.jpy = { month = "950", year = "9500" }

[[plans.team.charges]]
key = "calls"
label = "Calls"
usd.calls = { each = "0.002", free = 10 }
jpy.calls = { each = "0.3", free = 10 }

[[plans.team.charges]]
key = "chat"
label = "Tokens of chat"
integration = "chat"
tool = "ask"
max_per_call = { tokens_out = 4000, bytes = 1000000 }
usd = { tokens_out = { each = "3.00", per = 1000000 }, bytes = { package = 1000, price = "0.01", minimum = "5" } }
jpy = { tokens_out = { each = "300", per = 1000000 }, bytes = { package = 1000, price = "1", minimum = "500" } }
"""


def test_a_plan_says_what_it_promises_and_costs():
    plans = reading.from_text(GOOD).plans

    free, team = plans["free"], plans["team"]
    assert (free.kind, free.allowances, free.rates) == (
        "free",
        {"calls_per_month": 1000},
        {"calls_per_minute": 60, "streams": 5},
    )
    assert team.base == {"usd": {"month": 9900, "year": 99000}, "jpy": {"month": 9900, "year": 99000}}
    assert (team.seats_included, team.seats_most, team.seat["usd"]) == (5, 9, {"month": 950, "year": 9500})
    assert (team.currencies, team.intervals) == (("jpy", "usd"), ("month", "year"))
    calls, chat = team.charges
    assert calls.prices["usd"] == {"calls": rating.Scheme(nanos=200_000_000, free=10)}
    assert calls.prices["jpy"] == {"calls": rating.Scheme(nanos=300_000_000, free=10)}
    assert chat.prices["usd"]["tokens_out"] == rating.Scheme(nanos=300_000)
    package = rating.Scheme(rating.PACKAGE, nanos=10**9, package=1000, minimum_nanos=500 * 10**9)
    assert chat.prices["usd"]["bytes"] == package
    assert chat.max_per_call == {"tokens_out": 4000, "bytes": 1_000_000}


def test_a_document_is_read_back_as_it_was():
    for plan in reading.from_text(GOOD).plans.values():
        assert document.from_json(document.as_json(plan)) == plan


def test_the_default_catalogue_can_be_applied():
    catalogue = reading.from_file(ROOT / "plans.toml")

    assert list(catalogue.plans) == ["free", "payg", "team", "prepaid"]
    assert catalogue.default == "free"
    assert [plan.kind for plan in catalogue.plans.values()] == list(document.KINDS)


CHARGE = '[[plans.team.charges]]\nkey = "calls"\nlabel = "Calls"\n'
WRONG = {
    "a float": (
        'each = "0.002"',
        "each = 0.002",
        "line 25, plans.team.charges[1].usd.calls.each: write amounts in quotes",
    ),
    "a price below zero": ('each = "0.002"', 'each = "-1"', "is not an amount"),
    "too fine": ('each = "0.002"', 'each = "0.000000000001"', "nine decimals"),
    "a rest": ('each = "3.00", per = 1000000', 'each = "3.00", per = 7', "does not divide by 7"),
    "a typing mistake": ("allowances =", "allowence =", "line 8, plans.free.allowence: .*Did you mean “allowances”"),
    "a missing currency": ('jpy.calls = { each = "0.3", free = 10 }\n', "", "charges[1].jpy: there is no jpy here"),
    "other metrics": ("jpy = { tokens_out = {", "jpy = { tokens_in = {", "prices the same metrics"),
    "an unknown metric": ("usd.calls = {", "usd.goals = {", "nothing here is called “goals”. Did you mean “calls”"),
    "an unknown currency": ('["usd", "jpy"]', '["usd", "xyz"]', "line 1, currencies[2]: choose one of: usd"),
    "cents of a yen": ('month = "9900"', 'month = "9900.5"', "A jpy has no decimals"),
    "no default": ("default = true\n", "", "exactly one plan has default = true; here 0 have"),
    "two defaults": ('kind = "team"', 'kind = "team"\ndefault = true', "default plan is free"),
    "a free plan that costs": ('kind = "team"', 'kind = "free"', "a free plan has no base fee"),
    "no unit of output known": (
        "max_per_call = { tokens_out = 4000, bytes",
        "max_per_call = { bytes",
        "tokens out one call",
    ),
    "a ceiling of nothing": (
        "max_per_call = { ",
        "max_per_call = { tokens_in = 1, ",
        "nothing is charged for tokens in",
    ),
    "two prices in one": (
        '{ each = "0.002", free',
        '{ each = "0.002", package = 3, free',
        "say what it costs in one way",
    ),
    "free packages": (
        'package = 1000, price = "0.01",',
        'package = 1000, price = "0.01", free = 1,',
        "free units go with",
    ),
    "no last tier": ('each = "0.3"', 'graduated = [{ up_to = 5, each = "1" }]', "The last tier"),
    "a first flat amount": ('each = "0.3", free = 10', 'volume = [{ each = "1", flat = "1" }]', "base fee"),
    "seats for nothing": (
        "seats = { included = 5, most = 9 }",
        "seats = { included = 5 }",
        "more seats than are included",
    ),
    "other intervals": ('month = "9900", year = "99000"', 'month = "9900"', "the same intervals"),
    "a tool of nobody": ('integration = "chat"\n', "", "which integration the tool belongs to"),
    "the same calls twice": (
        'integration = "chat"\ntool = "ask"\n',
        "",
        "same calls as “calls”: a call is charged once",
    ),
    "a charge twice": ('key = "chat"', 'key = "calls"', "another charge called “calls”"),
    "a bad slug": ("[plans.team]", '[plans."Team A"]', "small letters, digits and dashes"),
    "not TOML": ("[plans.free]", "[plans.free", "not TOML: .*line 3"),
    "no such kind": ('kind = "team"', 'kind = "teem"', "choose one of: free, payg, team, prepaid"),
    "a call for a fortune": ('each = "300", per = 1000000', 'each = "999999"', "more than can be counted"),
}


@pytest.mark.parametrize(("before", "after", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused_with_its_place(before, after, words):
    assert before in GOOD

    with pytest.raises(Invalid, match=words.replace("[", r"\[").replace("{", r"\{")):
        reading.from_text(GOOD.replace(before, after, 1))


@pytest.mark.parametrize("amount", ['"-0.002"', '"-0"', '""', '"free"', "-1", '"1e-3"'])
def test_b24_a_price_that_is_below_zero_or_missing_is_refused_before_anybody_is_on_it(amount):
    with pytest.raises(Invalid, match=r"plans.team.charges\[1\]\.usd\.calls\.each"):
        reading.from_text(GOOD.replace('each = "0.002"', f"each = {amount}", 1))


def test_a_plan_has_at_most_fifteen_prices():
    more = "".join(
        f'[[plans.team.charges]]\nkey = "t{n}"\nlabel = "T"\nintegration = "chat"\ntool = "t{n}"\n'
        'usd.calls = { each = "1" }\njpy.calls = { each = "1" }\n'
        for n in range(13)
    )

    with pytest.raises(Invalid, match=r"at most 15 prices, .* this has 16"):
        reading.from_text(GOOD + more)


def test_prepaid_credit_only_burns_by_use():
    changed = GOOD.replace('kind = "team"', 'kind = "prepaid"')

    with pytest.raises(Invalid, match="prepaid plan has no fees"):
        reading.from_text(changed)


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(Invalid, match=r"There is no file nowhere/plans\.toml"):
        reading.from_file(Path("nowhere/plans.toml"))


def test_lines_are_found_in_arrays_of_tables():
    lines = toml_fields.lines_of(GOOD)

    assert lines["plans", "team", "charges", 1, "tool"] == 32
    assert lines["plans", "team", "base", "jpy"] == 18
