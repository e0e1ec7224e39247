"""Meters refuse what Stripe's refuse, and count the rest exactly once."""

import pytest
import stripe as sdk

from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import DAY, START


def summary(stripe, meter, customer, since, until, **fields):
    asked = {"customer": customer.id, "start_time": since, "end_time": until, **fields}
    found = stripe.client.v1.billing.meters.event_summaries.list(meter.id, asked).data
    return [(each.start_time, each.aggregated_value) for each in found]


def test_events_add_up(stripe):
    meter, customer = shop.meter(stripe), shop.customer(stripe)

    for quantity in (3, 4, -2):
        shop.use(stripe, customer.id, quantity)

    assert summary(stripe, meter, customer, START, START + 60) == [(START, 5.0)]


def test_repeated_identifier_is_refused_and_not_to_be_tried_again(stripe):
    meter, customer = shop.meter(stripe), shop.customer(stripe)
    shop.use(stripe, customer.id, 3, identifier="range-1-7")

    with pytest.raises(sdk.InvalidRequestError, match="An event already exists with identifier range-1-7") as refused:
        shop.use(stripe, customer.id, 3, identifier="range-1-7")

    assert refused.value.headers["stripe-should-retry"] == "false"
    assert summary(stripe, meter, customer, START, START + 60) == [(START, 3.0)]


def test_identifier_is_free_again_after_a_day(stripe):
    meter, customer = shop.meter(stripe), shop.customer(stripe)
    shop.use(stripe, customer.id, 3, identifier="range-1-7")
    stripe.move(by=DAY)
    shop.use(stripe, customer.id, 3, identifier="range-1-7")

    assert summary(stripe, meter, customer, START, START + 2 * DAY) == [(START, 6.0)]


@pytest.mark.parametrize(
    ("shift", "words"),
    [(-35 * DAY - 1, "within the past 35 days"), (301, "more than 5 minutes in the future")],
)
def test_event_of_another_time_is_refused(stripe, shift, words):
    customer = shop.customer(stripe)
    shop.meter(stripe)

    with pytest.raises(sdk.InvalidRequestError, match=words):
        shop.use(stripe, customer.id, 1, timestamp=START + shift)


@pytest.mark.parametrize("shift", [-35 * DAY, 300])
def test_event_at_the_edge_is_taken(stripe, shift):
    customer = shop.customer(stripe)
    shop.meter(stripe)

    assert shop.use(stripe, customer.id, 1, timestamp=START + shift).timestamp == START + shift


@pytest.mark.parametrize("value", ["1.5", "many", "", "1e3", "1" * 16])
def test_value_that_is_no_whole_number_is_refused(stripe, value):
    customer = shop.customer(stripe)
    shop.meter(stripe)

    with pytest.raises(sdk.InvalidRequestError, match="whole number"):
        shop.use(stripe, customer.id, value)


def test_event_without_a_meter_is_refused(stripe):
    with pytest.raises(sdk.InvalidRequestError, match="No active meter found"):
        shop.use(stripe, "cus_x", 1, "unheard_of")


def test_event_of_an_unknown_customer_is_taken_and_reported(stripe):
    meter = shop.meter(stripe)

    shop.use(stripe, "cus_unknown", 7, identifier="lost-1")

    (event,) = stripe.client.v2.core.events.list().data
    found = stripe.client.v2.core.events.retrieve(event.id)
    assert found.type == "v1.billing.meter.error_report_triggered"
    assert found.related_object.id == meter.id
    (kind,) = found.data.reason.error_types
    assert (kind.code, kind.sample_errors[0].request.identifier) == ("meter_event_customer_not_found", "lost-1")


def test_adjustment_takes_an_event_back_for_a_day(stripe, api):
    meter, customer = shop.meter(stripe), shop.customer(stripe)
    shop.use(stripe, customer.id, 3, identifier="one")
    shop.use(stripe, customer.id, 4, identifier="two")

    asked = {"event_name": "calls", "type": "cancel", "cancel": {"identifier": "one"}}
    api.billing.meter_event_adjustments.create(asked)

    assert summary(stripe, meter, customer, START, START + 60) == [(START, 4.0)]
    stripe.move(by=DAY)
    with pytest.raises(sdk.InvalidRequestError, match="within the last 24 hours"):
        api.billing.meter_event_adjustments.create(asked | {"cancel": {"identifier": "two"}})


def test_summaries_by_hour_are_newest_first(stripe):
    meter, customer = shop.meter(stripe), shop.customer(stripe)
    for hours, quantity in ((0, 1), (0, 2), (3, 5)):
        shop.use(stripe, customer.id, quantity, timestamp=START - hours * 3600)

    found = summary(stripe, meter, customer, START - 6 * 3600, START + 3600, value_grouping_window="hour")

    assert found == [(START, 3.0), (START - 3 * 3600, 5.0)]


def test_summary_off_the_minute_is_refused(stripe):
    meter, customer = shop.meter(stripe), shop.customer(stripe)

    with pytest.raises(sdk.InvalidRequestError, match="aligned"):
        summary(stripe, meter, customer, START + 1, START + 60)


def test_last_and_count_are_what_they_say(stripe):
    customer = shop.customer(stripe)
    seats, visits = shop.meter(stripe, "seats", "last"), shop.meter(stripe, "visits", "count")
    for value in (7, 3):
        shop.use(stripe, customer.id, value, "seats")
        shop.use(stripe, customer.id, value, "visits")

    assert summary(stripe, seats, customer, START, START + 60) == [(START, 3.0)]
    assert summary(stripe, visits, customer, START, START + 60) == [(START, 2.0)]


def test_meter_is_switched_off_and_on(stripe, api):
    meter = shop.meter(stripe)

    assert api.billing.meters.deactivate(meter.id).status == "inactive"
    with pytest.raises(sdk.InvalidRequestError, match="No active meter"):
        shop.use(stripe, "cus_x", 1)
    assert api.billing.meters.reactivate(meter.id).status == "active"
    assert api.billing.meters.update(meter.id, {"display_name": "Tool calls"}).display_name == "Tool calls"
    assert [each.id for each in api.billing.meters.list({"status": "active"}).data] == [meter.id]


def test_second_meter_for_an_event_name_is_refused(stripe):
    shop.meter(stripe)

    with pytest.raises(sdk.InvalidRequestError, match="already an active meter"):
        shop.meter(stripe)


def test_bulk_events_count_once_and_what_is_wrong_is_reported(stripe):
    meter, customer = shop.meter(stripe), shop.customer(stripe)
    session = stripe.client.v2.billing.meter_event_session.create()
    bulk = stripe.client_with(session.authentication_token)
    event = {"event_name": "calls", "identifier": "a", "payload": {"stripe_customer_id": customer.id, "value": "5"}}

    bulk.v2.billing.meter_event_stream.create(
        {"events": [event, event, event | {"event_name": "none", "identifier": "b"}]}
    )

    assert summary(stripe, meter, customer, START, START + 60) == [(START, 5.0)]
    assert [each.type for each in stripe.client.v2.core.events.list().data] == ["v1.billing.meter.no_meter_found"]
