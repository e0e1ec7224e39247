"""The operator's form of a plan: what cannot be meant is said at its own field."""

import re

import pytest

from tests import forms
from tests.plans.catalogues import apply

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


WRONG = [
    ({"name": ""}, "name", "Write a text of at most 40 characters."),
    ({"base-usd-month": "ninety"}, "base-usd-month", "“ninety” is not an amount"),
    ({"base-usd-month": "9.999"}, "base-usd-month", "at most 2 decimals"),
    ({"c0-calls-usd-model": "graduated"}, "c0-calls-usd-price", "Write a line for each tier"),
    ({"base-usd-month": ""}, "base-usd-month", "here too, or in no currency"),
    ({"base-eur-year": ""}, "base-eur-year", "here too, or in no currency"),
    ({"seat-usd-year": ""}, "seat-usd-year", "here too, or in no currency"),
    ({"seats-most": ""}, "seats-most", "more seats than are included need a price"),
    ({"c0-calls-usd-price": ""}, "c0-calls-usd-price", "Write an amount like “0.05 usd”"),
    ({"c0-calls-usd-model": "volume", "c0-calls-usd-price": ""}, "c0-calls-usd-price", "Write a line for each tier"),
    ({"c0-calls-usd-model": ""}, "c0-calls-usd-price", "each currency needs its price"),
    ({"c0-bytes-usd-model": "each", "c0-bytes-usd-price": "1"}, "c0-bytes-most", "Say how many bytes one"),
    ({"rate-streams": "many"}, "rate-streams", "Write a whole number."),
    ({"effective": "2026-01-01"}, "effective", "cannot begin in the past"),
    ({"notice": "4000"}, "notice", "a notice of 0 to 366 days"),
]


def test_what_cannot_be_meant_is_said_at_its_field(session, operator, now):
    apply(session, now=now)
    fields = forms.fields_of(operator.get("/operator/plans/team/edit").html, "/operator/plans/preview")

    for changes, field, words in WRONG:
        refused = operator.post("/operator/plans/preview", status=422, **{**fields, **changes})

        assert words.lower() in refused.text.lower()
        assert f'href="#{field}"' in refused.html
        assert re.search(rf'id="{field}"', refused.html)
