"""The stand-in asks for its key, refuses what Stripe refuses, and answers a repeated key with its first answer."""

import re

import pytest
import requests
import stripe as sdk

from app.sandbox.stripe import API_VERSION, operations, params
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.registry import OPERATIONS
from tests.sandbox.stripe import shop, validate
from tests.sandbox.stripe.running import DAY
from tests.waiting import PATIENCE_S


def test_another_key_is_refused(stripe):
    with pytest.raises(sdk.AuthenticationError, match="Invalid API Key provided: anot"):
        stripe.client_with("another-key").v1.customers.list()


def test_no_key_is_refused(stripe):
    answer = requests.get(f"{stripe.url}/v1/customers", timeout=PATIENCE_S)

    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")


def test_another_version_is_refused(stripe):
    with pytest.raises(sdk.InvalidRequestError, match="Invalid Stripe API version: 2020-08-27"):
        stripe.client.v1.customers.list(options={"stripe_version": "2020-08-27"})


def test_unknown_parameter_is_refused(api):
    with pytest.raises(sdk.InvalidRequestError, match=r"Received unknown parameter: emil") as refused:
        api.customers.create({"emil": "a@example.com"})

    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "emil")


def test_unknown_parameter_inside_another_is_named_with_its_place(api):
    with pytest.raises(sdk.InvalidRequestError, match=r"Received unknown parameter: recurring\[every\]"):
        api.prices.create({"currency": "usd", "recurring": {"interval": "month", "every": 2}})


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Missing required param: currency."),
        ({"currency": ""}, "You passed an empty string for 'currency'"),
        ({"currency": "usd", "unit_amount": "1.5"}, "Invalid integer: 1.5"),
        ({"currency": "usd", "active": "maybe"}, "Invalid boolean: maybe"),
        ({"currency": "usd", "unit_amount_decimal": "1e3"}, "Invalid decimal: 1e3"),
        ({"currency": "usd", "billing_scheme": "free"}, "must be one of per_unit, tiered"),
        ({"currency": "usd", "recurring": "month"}, "Invalid object"),
    ],
)
def test_wrong_parameter_is_refused(api, sent, words):
    with pytest.raises(sdk.InvalidRequestError, match=words):
        api.prices.create(sent)


def test_unknown_path_is_refused_in_stripes_shape(stripe):
    answer = requests.get(f"{stripe.url}/v1/charges_of_old", timeout=PATIENCE_S)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith("Unrecognized request URL (GET: /v1/charges_of_old).")


def test_missing_object_is_named(api):
    with pytest.raises(sdk.InvalidRequestError, match="No such customer: 'cus_none'") as refused:
        api.customers.retrieve("cus_none")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_repeated_key_gets_the_first_answer(stripe, api):
    first, second = (
        api.customers.create({"name": "Acme"}, options={"idempotency_key": "customer-acme"}) for _ in range(2)
    )

    assert first.id == second.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(api.customers.list().data) == 1


def test_repeated_key_for_something_else_is_refused(api):
    api.customers.create({"name": "Acme"}, options={"idempotency_key": "once"})

    with pytest.raises(sdk.IdempotencyError, match="can only be used with the same parameters"):
        api.customers.create({"name": "Other"}, options={"idempotency_key": "once"})


def test_refused_request_leaves_its_key_free(api):
    with pytest.raises(sdk.InvalidRequestError):
        api.customers.create({"emil": "x"}, options={"idempotency_key": "again"})

    assert api.customers.create({"name": "Acme"}, options={"idempotency_key": "again"}).name == "Acme"


def test_key_is_forgotten_after_a_day(stripe, api):
    first = api.customers.create({"name": "Acme"}, options={"idempotency_key": "daily"})
    stripe.move(by=DAY + 1)

    assert api.customers.create({"name": "Acme"}, options={"idempotency_key": "daily"}).id != first.id


def test_list_is_paged_newest_first(stripe, api):
    made = [api.customers.create({"name": str(number)}).id for number in range(5)]

    first = api.customers.list({"limit": 2})
    rest = [each.id for each in first.auto_paging_iter()]
    back = api.customers.list({"limit": 2, "ending_before": made[0]})

    assert first.has_more
    assert rest == made[::-1]
    assert [each.id for each in back.data] == [made[2], made[1]]


def test_what_is_asked_for_is_expanded(stripe, api):
    price = shop.flat(stripe, 500)

    assert api.prices.retrieve(price.id, {"expand": ["product"]}).product.name == "Team"
    assert api.prices.list({"expand": ["data.product"]}).data[0].product.name == "Team"
    with pytest.raises(sdk.InvalidRequestError, match="cannot be expanded"):
        api.prices.retrieve(price.id, {"expand": ["nothing"]})


def test_answers_name_the_version(stripe, api):
    assert api.customers.list().last_response.headers["Stripe-Version"] == API_VERSION


def test_every_list_of_parameters_can_be_read():
    operations.load()
    assert len({(each.method, each.path) for each in OPERATIONS}) == len(OPERATIONS)
    for each in OPERATIONS:
        params.spec(each.takes)


@pytest.mark.skipif(validate.place() is None, reason="no description of Stripe's API here: set STRIPE_OPENAPI")
def test_every_operation_and_parameter_is_one_of_stripes():
    operations.load()
    wrong = []
    for each in OPERATIONS:
        _, operation = validate.find(each.method, re.sub(r"<\w+>", "x", each.path))
        assert operation is not None, f"{each.method} {each.path}"
        words = {name: word for name, word in params.spec(each.takes).items() if name != "expand"}
        found = validate.not_stripes(words, validate.schema_of(operation, each.method))
        wrong += [f"{each.method} {each.path}: {name}" for name in found]

    assert wrong == []


@pytest.mark.parametrize(
    "body", ["a[b]=1&a=2", "a=1&a[b]=2", "tiers[x][up_to]=1&currency=usd", "&".join(["a" + "[b]" * 20 + "=1"])]
)
def test_odd_forms_are_refused_and_no_error(stripe, body):
    headers = {"Authorization": "Bearer stand-in-key", "Content-Type": "application/x-www-form-urlencoded"}

    answer = requests.post(f"{stripe.url}/v1/prices", data=body, headers=headers, timeout=PATIENCE_S)

    assert answer.status_code == 400


def test_nested_keys_become_nested_values():
    pairs = [("a[b][0][c]", "1"), ("a[b][1][c]", "2"), ("x[]", "3"), ("x[]", "4")]

    found = params.check(params.nested(pairs), params.spec("a{b[]{c:int}} x[]"))

    assert found == {"a": {"b": [{"c": 1}, {"c": 2}]}, "x": ["3", "4"]}


def test_empty_value_unsets_only_where_it_may():
    words = params.spec("name? email")

    assert params.check({"name": ""}, words) == {"name": None}
    with pytest.raises(Refused, match="cannot be unset"):
        params.check({"email": ""}, words)
