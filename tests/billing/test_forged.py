"""Whoever makes all digests anew can still charge nothing twice: what a bill says has to make sense in itself."""

import copy
import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest

from app.billing import export, months, recompute
from app.plans import intervals
from tests.billing.months_used import BEGINNING, call, price, subscribed
from tests.databases import on_one

pytestmark = on_one


@pytest.fixture
def said(session, make, now):
    """A month on a plan with a base fee and seats from the tenth on, with a call."""
    organisation = make.organisation()
    subscribed(session, organisation, "team", interval="month", seats=3, at=BEGINNING + timedelta(days=9))
    call(session, make.key(organisation), make.integration(), price(session, "team"), at=BEGINNING + timedelta(days=10))
    out = StringIO()
    export.write(session, organisation, months.around(BEGINNING), out, now=now)
    return json.loads(out.getvalue())


def sealed(said):
    rest = {name: value for name, value in said.items() if name not in ("events", "sha256")}
    return {**said, "sha256": recompute.digest(rest)}


def forged(said, kind):
    """The same bill with a fee charged again for its last ten days, all its sums and digests made anew."""
    line = copy.deepcopy(next(one for one in said["lines"] if one["kind"] == kind))
    begins_at, ends_at = BEGINNING + timedelta(days=20), BEGINNING + timedelta(days=30)
    whole = line["fee"]["fee_minor"] * line["quantity"]
    minor = intervals.part_minor(whole, begins_at, ends_at, whole=(BEGINNING, ends_at))
    begins = line["begins_at"].replace("-10T", "-21T")
    line |= {"key": "again", "begins_at": begins, "amount_minor": minor, "nanos": minor * 10**9}
    said["lines"].append(line)
    said["totals"][0] |= {name: said["totals"][0][name] + minor for name in ("subtotal_minor", "due_minor")}
    return sealed(said)


@pytest.mark.parametrize("kind", ["base", "seats"])
def test_two_fees_for_overlapping_times_are_found_though_all_digests_were_made_anew(said, kind):
    found = recompute.problems(forged(said, kind))

    assert len(found) == 1
    assert "charge a fee for the same time" in found[0]


def test_a_fee_that_is_a_part_of_no_whole_month_is_found_though_the_digest_was_made_anew(said):
    line = next(one for one in said["lines"] if one["kind"] == "base")
    line["fee"]["whole"] = [line["begins_at"], line["ends_at"]]

    assert any("no whole month" in words for words in recompute.problems(sealed(said)))


def test_a_charge_that_is_there_under_another_id_is_found_though_all_digests_were_made_anew(said):
    price = next(one for one in said["price_versions"] if "charge" in one["said"])
    again = copy.deepcopy(price)
    again["said"]["id"] = str(uuid4())
    again["digest"] = recompute.digest(again["said"])
    said["price_versions"].append(again)

    assert recompute.problems(sealed(said)) == ["a version of a plan, or of a price, is in it twice"]


@pytest.mark.parametrize(("name", "moment"), [("begins_at", "2026-10-31"), ("ends_at", "2026-11-30")])
def test_a_line_for_another_time_is_found_though_the_digest_was_made_anew(said, name, moment):
    for line in (one for one in said["lines"] if one["kind"] == "usage"):
        line[name] = f"{moment}T00:00:00.000000Z"

    assert any("not for the whole month" in words for words in recompute.problems(sealed(said)))
