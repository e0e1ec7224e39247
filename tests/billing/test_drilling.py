"""Behind a line stands what it adds up to: its hours, and behind each its calls, whatever it charges for."""

import csv
import io
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.billing import drilling, gathering, months
from tests.billing.months_used import BEGINNING, CATALOGUE, call, price, subscribed
from tests.databases import on_both, on_one
from tests.plans.catalogues import apply

MONTH = months.around(BEGINNING)
PRICES = (
    'each = "0.0037"',
    'each = "0.0037", free = 5',
    'graduated = [{ up_to = 3, each = "0.0055" }, { each = "0.0025", flat = "1.00" }], free = 2',
    'volume = [{ up_to = 4, each = "0.0055" }, { each = "0.0025" }]',
    'package = 3, price = "0.0125"',
    'each = "0.0037", minimum = "2.50"',
    'package = 3, price = "0.0125", minimum = "1.00"',
)
METRICS = ("calls", "bytes", "milliseconds", "tokens_in")
TWO = """
usd.calls = { each = "0.11", free = 2 }
usd.bytes = { per = 10, each = "0.01" }
"""
LEAST = """
usd.calls = { each = "0.11" }
usd.milliseconds = { each = "0.001", minimum = "2.50" }
"""
_numbers = count(1)


def plan(slug, prices, *limited):
    most = f"max_per_call = {{ {', '.join(f'{metric} = 9' for metric in limited)} }}\n" if limited else ""
    head = f'\n[plans.{slug}]\nname = "{slug}"\nwords = "A plan."\nkind = "payg"\n'
    return f'{head}\n[[plans.{slug}.charges]]\nkey = "use"\nlabel = "Use"\n{most}{prices}'


def on_plan(session, organisation, prices, *limited):
    """On a plan with these prices alone; gives its price."""
    slug = f"plan-{next(_numbers)}"
    apply(session, CATALOGUE + plan(slug, prices, *limited), now=BEGINNING)
    subscribed(session, organisation, slug)
    return price(session, slug)


def sums(session, organisation, line):
    """(the line, its hours and what is no hour's, its calls and that), each in nanos; the two first in minor units."""
    found = drilling.opened(session, organisation, MONTH, line.key)
    calls = []
    for hour in found.hours:
        mine = list(drilling.every_call(session, organisation, line, hour.begins_at))
        assert sum(one.nanos for one in mine) == hour.nanos
        for metric, quantity in hour.quantities.items():
            assert sum(one.quantities[metric] for one in mine) == quantity
        calls += mine
    for metric, quantity in line.quantities.items():
        assert sum(hour.quantities[metric] for hour in found.hours) == quantity
    minor = sum(hour.amount_minor for hour in found.hours) + found.rest_minor
    nanos = sum(hour.nanos for hour in found.hours) + found.rest_nanos
    return (line.nanos, line.amount_minor), (nanos, minor), sum(one.nanos for one in calls) + found.rest_nanos


@on_one
@settings(max_examples=15)
@given(
    prices=st.dictionaries(st.sampled_from(METRICS), st.sampled_from(PRICES), min_size=1),
    calls=st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from([(1,), (1,), (0,), (1, -1)]), st.integers(0, 12)), max_size=9
    ),
)
def test_any_line_is_the_sum_of_its_hours_and_an_hour_that_of_its_calls(session, make, prices, calls):
    organisation, place = make.organisation(), make.integration()
    key = make.key(organisation)
    said = "".join(f"usd.{metric} = {{ {one} }}\n" for metric, one in prices.items())
    version = on_plan(session, organisation, said, *[one for one in prices if one != "calls"])
    for hours, units, size in calls:
        used = {"bytes_in": size, "bytes_out": 0, "tokens_in": size // 2, "upstream_us": size * 700}
        for each in units:
            call(session, key, place, version, at=BEGINNING + timedelta(hours=hours), units=each, **used)

    for line in gathering.statement_of(session, organisation.id, MONTH).lines:
        whole, hours, calls_ = sums(session, organisation, line)

        assert (hours, calls_) == (whole, whole[0])


@on_both
def test_a_line_over_one_of_two_metrics_opens_its_own_amounts_alone(session, make, monkeypatch):
    monkeypatch.setattr("app.billing.drilling._BATCH", 2)
    organisation, place = make.organisation(), make.integration()
    key, version = make.key(organisation), on_plan(session, organisation, TWO, "bytes")
    for minutes in (0, 20, 40, 60, 80):
        call(session, key, place, version, at=BEGINNING + timedelta(minutes=minutes), bytes_in=7, bytes_out=0)

    lines = {line.metric: line for line in gathering.statement_of(session, organisation.id, MONTH).lines}
    found = {
        metric: [hour.nanos for hour in drilling.opened(session, organisation, MONTH, line.key).hours]
        for metric, line in lines.items()
    }

    assert found == {"calls": [22 * 10**9, 11 * 10**9], "bytes": [1_400_000_000, 2_100_000_000]}
    newest, *_ = drilling.every_call(session, organisation, lines["calls"], BEGINNING)
    assert (newest.nanos, newest.event.amount_nanos) == (11 * 10**9, 11_700_000_000)
    for line in lines.values():
        whole, hours, calls = sums(session, organisation, line)
        assert (hours, calls) == (whole, whole[0])


@pytest.fixture
def least(owner, session, make):
    """A month on a plan with a minimum over time beside a price for calls: a call of three milliseconds."""
    version = on_plan(session, owner.organisation, LEAST, "milliseconds")
    key, place = make.key(owner.organisation, name="ci"), make.integration("sampler")
    call(session, key, place, version, at=BEGINNING + timedelta(days=3), upstream_us=3_000)
    return f"/billing/months/2026-11/{version.id.hex[:12]}"


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.html, newline="")))


def test_what_a_minimum_lacks_is_no_hours_and_says_how_it_came_about(owner, least):
    answer = owner.get(f"{least}-milliseconds-minimum")

    for words in (
        "A month costs at least$2.50",
        "Used$0.00",
        "Missing, and so on the statement$2.50",
        "no hour and no call",
    ):
        assert words in answer.text, words
    assert f"{least}-amount" in answer.page.links
    [rest] = rows(owner.get(f"{least}-milliseconds-minimum/hours.csv"))
    assert (rest["hour_utc"], rest["calls"], rest["amount_minor"]) == ("", "0", "250")
    owner.get(f"{least}-milliseconds-minimum/2026-11-04T00", status=404)


def test_a_line_over_two_metrics_says_how_much_of_each_on_every_page_and_in_every_file(owner, least):
    for path in ("/billing/months/2026-11", f"{least}-amount", f"{least}-amount/2026-11-04T00"):
        assert "1 call, 3 milliseconds" in owner.get(path).text, path

    [statement, *_] = rows(owner.get("/billing/months/2026-11/statement.csv"))
    [hour] = rows(owner.get(f"{least}-amount/hours.csv"))
    [called] = rows(owner.get(f"{least}-amount/2026-11-04T00/calls.csv"))

    for found in (statement, hour, called):
        assert (found["quantity_calls"], found["quantity_milliseconds"], found["nanos"]) == ("1", "3", "11300000000")
    assert (statement["metric"], statement["quantity"]) == ("calls milliseconds", "")
    assert (hour["amount_minor"], called["key"], called["integration"]) == ("11", "ci", "sampler")
