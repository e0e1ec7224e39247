"""Tiers on the operator's form of a plan."""

import pytest

from tests.admin.test_plans import applied, opened, previewed
from tests.plans.catalogues import apply

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def operator(sign_in, make):
    return sign_in(make.person("Opal Operator", is_operator=True))


def test_tiers_say_how_much_each_holds_after_the_free_units(session, operator, now):
    apply(session, now=now)
    fields = opened(operator, "payg")
    assert fields["c0-calls-usd-price"] == "next 2: 0.02\nthen: 0.01"

    fields |= {f"c0-calls-{currency}-model": "volume" for currency in ("usd", "eur")}
    fields |= {f"c0-calls-{currency}-free": "" for currency in ("usd", "eur")}  # they do not go with these
    fields |= {f"c0-calls-{currency}-price": "at most 1,000: 0.02\nmore: 0.01" for currency in ("usd", "eur")}
    applied(operator, previewed(operator, fields))

    assert opened(operator, "payg")["c0-calls-usd-price"] == fields["c0-calls-usd-price"]
