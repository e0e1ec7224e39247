"""Webhooks: signed so that the SDK believes them, tried again, and spoilt on request."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import stripe as sdk

from app.sandbox.stripe import serving
from tests.ports import free_port
from tests.sandbox.stripe import browsing, running, shop
from tests.waiting import PATIENCE_S, eventually


class Listener:
    """An endpoint that keeps what it is sent: (headers, body). It answers `status`."""

    def __init__(self):
        self.heard, self.status = [], 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append((dict(self.headers), body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/stripe/webhook"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def types(self):
        return [json.loads(body)["type"] for _, body in self.heard]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def stripe(served, listener):
    with served.afresh(webhook_url=listener.url) as stand_in:
        yield stand_in


def test_sdk_believes_the_signature(stripe, listener):
    customer = shop.customer(stripe, None)

    assert stripe.deliver() == {"accepted": 1, "refused": 0, "given_up": 0}

    ((headers, body),) = listener.heard
    event = stripe.client.construct_event(body, headers["Stripe-Signature"], running.WEBHOOK_SECRET)
    assert (event.type, event.data.object.id) == ("customer.created", customer.id)
    assert event.api_version == sdk.api_version
    with pytest.raises(sdk.SignatureVerificationError):
        stripe.client.construct_event(body + b" ", headers["Stripe-Signature"], running.WEBHOOK_SECRET)
    with pytest.raises(sdk.SignatureVerificationError):
        stripe.client.construct_event(body, headers["Stripe-Signature"], "another-secret")


def test_thin_event_is_a_notification(stripe, listener):
    shop.meter(stripe)
    shop.use(stripe, "cus_unknown", 1)
    stripe.deliver()

    headers, body = listener.heard[-1]
    told = stripe.client.parse_event_notification(body, headers["Stripe-Signature"], running.WEBHOOK_SECRET)

    assert told.type == "v1.billing.meter.error_report_triggered"
    assert told.fetch_event().data.reason.error_count == 1
    assert "data" not in json.loads(body)


def test_what_changed_is_told(stripe, listener):
    customer = shop.customer(stripe, None)
    stripe.client.v1.customers.update(customer.id, {"name": "Other"}, {"idempotency_key": "rename"})
    stripe.deliver()

    event = json.loads(listener.heard[-1][1])

    assert event["data"]["previous_attributes"] == {"name": "Acme"}
    assert event["request"]["idempotency_key"] == "rename"


def test_refused_one_is_tried_again_and_given_up(stripe, listener):
    listener.status = 500
    shop.customer(stripe, None)
    assert stripe.deliver()["refused"] == 1
    assert stripe.deliver() == {"accepted": 0, "refused": 0, "given_up": 0}

    for pause in (5, 30, 300, 3600, 7200, 10800):
        stripe.move(by=pause)
        stripe.deliver()

    stripe.move(by=30 * running.DAY)
    assert stripe.deliver() == {"accepted": 0, "refused": 0, "given_up": 0}
    assert len(listener.heard) == 7
    assert len({json.loads(body)["id"] for _, body in listener.heard}) == 1


def test_nobody_there_is_tried_again(served):
    with served.afresh(webhook_url=f"http://127.0.0.1:{free_port()}/") as stripe:
        shop.customer(stripe, None)

        assert stripe.deliver()["refused"] == 1


def test_duplicates_drops_and_delays_come_on_request(stripe, listener):
    stripe.faults(duplicate=1)
    shop.customer(stripe, None)
    stripe.faults(drop=1)
    shop.customer(stripe, None)
    stripe.faults(delay=1, delay_s=120)
    shop.customer(stripe, None)
    stripe.faults()

    stripe.deliver()
    assert len(listener.heard) == 2
    stripe.move(by=120)
    stripe.deliver()
    assert len(listener.heard) == 3
    assert len(stripe.client.v1.events.list({"type": "customer.created"}).data) == 3


def test_any_order_comes_on_request_and_again_with_the_same_seed(stripe, listener):
    orders = []
    for _ in range(2):
        stripe.faults(shuffle=1, seed=4)
        made = [shop.customer(stripe, None).id for _ in range(6)]
        listener.heard.clear()
        stripe.deliver()
        heard = [json.loads(body)["data"]["object"]["id"] for _, body in listener.heard]
        orders.append([made.index(each) for each in heard])

    assert orders[0] == orders[1] != list(range(6))
    assert sorted(orders[0]) == list(range(6))


def test_endpoint_hears_only_what_it_asked_for(stripe, listener, api):
    other = Listener()
    try:
        made = api.webhook_endpoints.create({"url": other.url, "enabled_events": ["product.created"]})
        assert "secret" not in api.webhook_endpoints.retrieve(made.id).to_dict()
        shop.customer(stripe, None)
        shop.flat(stripe, 100)
        stripe.deliver()

        headers, body = other.heard[0]
        assert other.types == ["product.created"]
        assert stripe.client.construct_event(body, headers["Stripe-Signature"], made.secret).type == "product.created"

        api.webhook_endpoints.update(made.id, {"disabled": True})
        shop.flat(stripe, 100)
        stripe.deliver()
        assert len(other.heard) == 1
        assert [each.id for each in api.webhook_endpoints.list().data] == [made.id]
        assert api.webhook_endpoints.delete(made.id).deleted
    finally:
        other.close()


def test_event_is_sent_again_from_its_page(stripe, listener, api):
    shop.customer(stripe, None)
    stripe.deliver()
    (event,) = api.events.list().data
    assert "customer.created" in browsing.look(stripe, f"/events/{event.id}").text

    browsing.send(stripe, f"/events/{event.id}/again")
    stripe.deliver()

    assert listener.types == ["customer.created"] * 2


def test_ticking_sends_by_itself(stripe, listener):
    with serving.ticking(stripe.desk):
        shop.customer(stripe, None)
        eventually(lambda: listener.types == ["customer.created"])


def test_events_are_listed_by_time_and_type(stripe, api):
    shop.customer(stripe, None)
    stripe.move(by=60)
    shop.flat(stripe, 100)

    later = api.events.list({"created": {"gte": stripe.now()}}).data
    some = api.events.list({"types": ["customer.created", "price.created"]}).data

    assert [each.type for each in later] == ["price.created", "product.created"]
    assert [each.type for each in some] == ["price.created", "customer.created"]
    assert api.events.retrieve(some[0].id).type == "price.created"
    stripe.move(by=31 * running.DAY)
    assert api.events.list().data == []


def test_webhooks_can_be_sent_from_outside(stripe, listener):
    shop.customer(stripe, None)

    answer = requests.post(f"{stripe.url}/_webhooks/deliver", timeout=PATIENCE_S)

    assert answer.json() == {"accepted": 1, "refused": 0, "given_up": 0}
    assert listener.types == ["customer.created"]
