"""What goes wrong on request goes wrong as it would: nothing done, or done and not heard of."""

import pytest
import requests
import stripe as sdk

from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import START
from tests.waiting import PATIENCE_S


def names(api):
    return [each.name for each in api.customers.list().data]


def test_lost_before_nothing_is_done(stripe, api):
    stripe.faults(lost_before=1)
    with pytest.raises(sdk.APIConnectionError):
        api.customers.create({"name": "Acme"}, {"idempotency_key": "one"})
    stripe.faults()

    assert names(api) == []


def test_lost_after_it_is_done_once(stripe, api):
    stripe.faults(lost_after=1)
    with pytest.raises(sdk.APIConnectionError):
        api.customers.create({"name": "Acme"}, {"idempotency_key": "one"})
    stripe.faults()

    again = api.customers.create({"name": "Acme"}, {"idempotency_key": "one"})

    assert names(api) == ["Acme"]
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


def test_error_after_is_repeated_under_its_key(stripe, api):
    stripe.faults(error_after=1)
    with pytest.raises(sdk.APIError, match="unknown error"):
        api.customers.create({"name": "Acme"}, {"idempotency_key": "one"})
    stripe.faults()

    with pytest.raises(sdk.APIError, match="unknown error"):
        api.customers.create({"name": "Acme"}, {"idempotency_key": "one"})
    assert names(api) == ["Acme"]


@pytest.mark.parametrize(("fault", "error"), [("error_before", sdk.APIError), ("rate_limited", sdk.RateLimitError)])
def test_refused_before_is_done_at_the_next_try(stripe, api, fault, error):
    stripe.faults(**{fault: 1})
    with pytest.raises(error):
        api.customers.create({"name": "Acme"}, {"idempotency_key": "one"})
    stripe.faults()

    api.customers.create({"name": "Acme"}, {"idempotency_key": "one"})

    assert names(api) == ["Acme"]


def test_faults_befall_only_the_paths_that_are_named(stripe, api):
    stripe.faults(rate_limited=1, paths=["/v1/billing/meter_events"])
    customer = shop.customer(stripe)
    shop.meter(stripe)

    with pytest.raises(sdk.RateLimitError):
        shop.use(stripe, customer.id, 1)


def test_same_seed_same_faults(stripe, api):
    runs = []
    for _ in range(2):
        stripe.faults(seed=11, rate_limited=0.5)
        runs.append([])
        for _ in range(12):
            try:
                api.customers.list()
            except sdk.RateLimitError:
                runs[-1].append("limited")
            else:
                runs[-1].append("fine")

    assert runs[0] == runs[1]
    assert set(runs[0]) == {"limited", "fine"}


def is_delivered(stripe, customer, number):
    """Whether one try to report so much usage is known to have been counted."""
    try:
        shop.use(stripe, customer.id, number, identifier=f"range-{number}")
    except sdk.InvalidRequestError as refused:
        return "already exists with identifier" in str(refused)
    except (sdk.APIConnectionError, sdk.APIError, sdk.RateLimitError):
        return False
    return True


def test_a_sender_that_takes_repeats_for_delivered_loses_and_doubles_nothing(stripe, api):
    meter, customer = shop.meter(stripe), shop.customer(stripe)
    chances = {"lost_after": 0.15, "error_after": 0.1, "rate_limited": 0.1, "lost_before": 0.05}
    stripe.faults(seed=3, **chances, paths=["/v1/billing/meter_events"])

    for number in range(30):
        while not is_delivered(stripe, customer, number):
            pass

    stripe.faults()
    asked = {"customer": customer.id, "start_time": START, "end_time": START + 60}
    (summary,) = api.billing.meters.event_summaries.list(meter.id, asked).data
    assert summary.aggregated_value == sum(range(30))


@pytest.mark.parametrize(
    ("sent", "words"), [({"lost": 1}, "There is no fault"), ({"drop": 2}, "from 0 to 1"), ({"hang_s": -1}, "Seconds")]
)
def test_fault_that_is_none_is_refused(stripe, sent, words):
    answer = requests.post(f"{stripe.url}/_faults", json=sent, timeout=PATIENCE_S)

    assert (answer.status_code, words in answer.text) == (400, True)


def test_faults_are_set_and_shown_over_http(stripe):
    requests.post(f"{stripe.url}/_faults", json={"seed": 5, "drop": 0.5}, timeout=PATIENCE_S)

    assert requests.get(f"{stripe.url}/_faults", timeout=PATIENCE_S).json() == {"seed": 5, "drop": 0.5}
