"""The catalogue written as a file says the same as the catalogue."""

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.config import ROOT
from app.plans import document, queries, rating, reading, writing
from app.plans.applying import Source
from app.plans.models import FROM_PAGE
from tests.plans.catalogues import SMALL, apply
from tests.plans.test_rating import schemes

ALL_KINDS = """
currencies = ["jpy", "usd"]

[plans.free]
name = "Free “for ever” \\\\ \\"quoted\\""
words = "No card."
kind = "free"
default = true
features = ["One", "Two"]
allowances = { calls_per_day = 5, calls_per_month = 100 }

[plans.all]
name = "All"
words = "Every kind of price."
kind = "team"
published = false
seats = { included = 2, most = 9 }
base.usd = { month = "9.50", year = "95.00" }
base.jpy = { month = "1200", year = "12000" }
seat.usd = { month = "1.00", year = "10.00" }
seat.jpy = { month = "120", year = "1200" }

[[plans.all.charges]]
key = "all"
label = "Everything"
max_per_call = { tokens_in = 1000, tokens_out = 1000, bytes = 5000000, milliseconds = 60000 }
usd = { calls = { each = "0.002", free = 3 }, tokens_in = { graduated = [{ up_to = 10, each = "0.3" }, { each = "0.1", flat = "2.00" }], per = 1000, free = 1 }, tokens_out = { volume = [{ up_to = 5, each = "0.00000000001" }, { each = "0" }] }, bytes = { package = 1000000, price = "0.01" }, milliseconds = { each = "0.01", per = 1000, minimum = "1.00" } }
jpy = { calls = { each = "0.3", free = 3 }, tokens_in = { graduated = [{ up_to = 10, each = "0.3" }, { each = "0.1", flat = "2" }], per = 1000, free = 1 }, tokens_out = { volume = [{ up_to = 5, each = "0.000000001" }, { each = "0" }] }, bytes = { package = 1000000, price = "1" }, milliseconds = { each = "1", per = 1000, minimum = "100" } }
"""  # noqa: E501


@pytest.mark.parametrize("text", [SMALL, ALL_KINDS, (ROOT / "plans.toml").read_text()])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_written_says_the_same_when_it_is_read(session, now, text):
    apply(session, text, now=now)

    written = writing.catalogue(queries.newest(session))

    read = reading.from_text(written)
    assert read.plans == reading.from_text(text).plans
    assert set(read.versions.values()) == {1}
    assert apply(session, written, now=now) == []


@given(schemes(), st.sampled_from(["calls", "tokens_in", "bytes", "milliseconds"]))
@settings(max_examples=80)
def test_any_price_is_read_as_it_was_written(scheme, metric):
    scheme = _as_files_say(scheme)
    said = reading.from_text(SMALL).plans["payg"]
    charge = replace(said.charges[0], prices={"usd": {metric: scheme}}, max_per_call={})

    written = tomllib.loads(writing.plan("payg", replace(said, charges=(charge,))))["plans"]["payg"]["charges"][0]

    assert reading.scheme_of(written["usd"][metric], "usd") == scheme


def _as_files_say(scheme):
    """Without what no file can say: free units by volume and in packages, a flat amount that is due without use."""
    free = scheme.free if scheme.kind in (rating.PER_UNIT, rating.GRADUATED) else 0
    tiers = (replace(scheme.tiers[0], flat_nanos=0), *scheme.tiers[1:]) if scheme.tiers else ()
    package = scheme.package if scheme.kind == rating.PACKAGE else 1
    return replace(scheme, free=free, tiers=tiers, package=package, nanos=0 if tiers else scheme.nanos)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_withdrawn_in_another_currency_is_named_and_left_out(session, now):
    apply(session, SMALL, now=now)
    euros = SMALL.replace('["usd", "eur"]', '["eur"]')
    start = euros.index("[plans.payg]")
    kept = "\n".join(
        line for line in (euros[:start] + euros[euros.index("[plans.team]") :]).splitlines() if "usd" not in line
    )
    apply(session, kept, now=now)

    written = writing.catalogue(queries.newest(session))

    assert "# Withdrawn, and not paid in these currencies: payg" in written
    assert list(reading.from_text(written).plans) == ["free", "team"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_version_says_where_it_came_from(session, now, make):
    apply(session, SMALL, now=now)
    person = make.person()
    changed = SMALL.replace('words = "By use."', 'words = "By what you use."')

    apply(session, changed, now=now, source=Source(FROM_PAGE, person.id))

    newest = queries.newest(session)
    assert (newest["payg"].version.source, newest["payg"].version.person_id) == (FROM_PAGE, person.id)
    assert newest["team"].version.source == "file"
    assert document.from_json(newest["payg"].version.document).words == "By what you use."
