"""Fees in files: what was exported before a fee was joined over changes of seats can still be verified."""

import json
from datetime import timedelta
from io import StringIO

import pytest

from app.billing import export, fees, months, recompute
from app.plans import services
from tests.billing.months_used import BEGINNING, subscribed
from tests.plans.catalogues import choice

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _apart(stays, *, begins_at, ends_at):
    """As it was done before: each stay by itself."""
    return [line for stay in stays for line in fees.lines(stay, begins_at=begins_at, ends_at=ends_at)]


WAYS = {
    "as one line": (fees.of_month, ["base", "seats"]),
    "a line for each number of seats, as before": (_apart, ["base", "base", "seats"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_statement_agrees_with_an_unchanged_fee(session, make, now, monkeypatch, way):
    made_by, kinds = WAYS[way]
    monkeypatch.setattr(fees, "of_month", made_by)
    organisation, at = make.organisation(), BEGINNING + timedelta(days=3, minutes=17, seconds=3)
    subscribed(session, organisation, "team", interval="month", seats=2, at=at)
    more = choice(session, "team", now=now, interval="month", seats=9)
    services.change(session, organisation=organisation, choice=more, now=at + timedelta(minutes=5))
    out = StringIO()

    export.write(session, organisation, months.around(BEGINNING), out, now=now)

    said = json.loads(out.getvalue())
    assert [line["kind"] for line in said["lines"]] == kinds
    assert recompute.problems(said) == []
