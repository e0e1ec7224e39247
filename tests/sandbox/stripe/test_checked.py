"""What the tests ask the stand-in is held against the description of Stripe's API, and would be found out."""

import contextlib
import json

import pytest
import stripe as sdk

from app.sandbox.stripe.asked import Asked
from tests.sandbox.stripe import running, validate

described = pytest.mark.skipif(validate.place() is None, reason="there is no description of the API here")


@described
@pytest.mark.parametrize(
    ("method", "path", "text", "words"),
    [
        ("POST", "/v1/customers", "emil=a", "emil is unknown"),
        ("POST", "/v1/customers", "metadata[org]=1&address[street]=b", "address.street is unknown"),
        ("POST", "/v1/billing/meter_events", "event_name=calls", "payload is missing"),
        ("POST", "/v1/prices", "currency=usd&unit_amount=1.5", "is no integer"),
        ("POST", "/v1/prices", "currency=usd&billing_scheme=free", "is none of"),
        ("GET", "/v1/invoices", "custommer=cus_1", "custommer is unknown"),
        ("GET", "/v1/invoices/upcoming/now", "", "no such operation"),
    ],
)
def test_what_is_not_stripes_is_found(method, path, text, words):
    [problem] = validate.wrong_in(method, path, text, 200, is_strict=False)

    assert words in problem


@described
def test_what_was_refused_counts_where_every_request_is_meant():
    asked = ("POST", "/v1/customers", "emil=a", 400)

    assert validate.wrong_in(*asked, is_strict=False) == []
    assert validate.wrong_in(*asked, is_strict=True)


@described
def test_a_stand_in_that_was_asked_wrongly_fails_its_test(served):
    def ask_wrongly():
        with served.afresh(is_strict=True) as stripe, contextlib.suppress(sdk.InvalidRequestError):
            stripe.client.v1.customers.create({"emil": "a@example.com"})

    with pytest.raises(AssertionError, match="emil is unknown"):
        ask_wrongly()


def test_what_was_asked_is_written_down(served, tmp_path):
    path = tmp_path / "requests.jsonl"
    was = served.app.wsgi_app
    served.app.wsgi_app = Asked(was, path)
    try:
        with served.afresh() as stripe:
            stripe.client.v1.customers.create({"email": "a@example.com"})
            stripe.client.v1.customers.list({"limit": 3})
    finally:
        served.app.wsgi_app = was

    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert (first["method"], first["path"], first["body"], first["status"]) == (
        "POST",
        "/v1/customers",
        "email=a%40example.com",
        200,
    )
    assert (second["method"], second["query"]) == ("GET", "limit=3")
    assert validate.wrong_in_file(path) == []
    assert running.KEY not in path.read_text()
