"""A portal that is connected to Stripe, as far as webhooks go."""

import json

import pytest
import stripe
from pydantic import SecretStr

from app.billing.stripe_api import StripeApi
from tests.billing.till import Till
from tests.sandbox.stripe import running
from tests.sandbox.stripe.straight import straight_to

WEBHOOK_SECRET = "the secret that webhooks are signed with"


@pytest.fixture
def settings(settings, stripe_server):
    keys = {"stripe_key": SecretStr(running.KEY), "stripe_webhook_secret": SecretStr(WEBHOOK_SECRET)}
    return settings.model_copy(update={"stripe_url": stripe_server.url, **keys})


@pytest.fixture
def deliver(browse, now):
    """Sends a webhook as Stripe does: `deliver(event)`; gives the answer's status."""

    def send(event, *, secret=WEBHOOK_SECRET, at=None, body=None):
        body = json.dumps(event).encode() if body is None else body
        header = stripe.WebhookSignature.generate_signature_header(body.decode("latin-1"), secret, at)
        answer = browse.open(
            "POST",
            "/stripe/webhook",
            data=body,
            headers={"Stripe-Signature": header, "Content-Type": "application/json"},
        )
        return answer.status

    return send


def snapshot(event_id="evt_1", kind="invoice.paid", object_id="in_1", created=1_795_000_000, **more):
    return {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": created,
        "livemode": False,
        "data": {"object": {"id": object_id, "object": kind.split(".")[0]}},
        **more,
    }


def thin(event_id="evt_thin_1", kind="v1.billing.meter.no_meter_found"):
    return {
        "id": event_id,
        "object": "v2.core.event",
        "type": kind,
        "created": "2026-11-22T14:00:00.000Z",
        "livemode": False,
    }


@pytest.fixture(scope="session")
def stripe_server():
    with running.serving_one() as served, straight_to(served.app, served.url):
        yield served


@pytest.fixture
def stand_in(stripe_server, now):
    """The stand-in for Stripe, its clock standing at `now`; what it was asked must be what Stripe's API takes."""
    with stripe_server.afresh(at=int(now.timestamp()), is_strict=True) as made:
        yield made


@pytest.fixture
def api(stand_in):
    return StripeApi(running.KEY, mode="test", url=stand_in.url)


@pytest.fixture
def till(session, engine, api, stand_in, hand, make):
    """An organisation that is about to pay, and everything it takes."""
    return Till(session, engine, api, stand_in, hand, make)


@pytest.fixture
def shop(owner, session, engine, api, stand_in, hand, make):
    """The till, for the owner's organisation, whose portal pays at the stand-in."""
    till = Till(session, engine, api, stand_in, hand, make)
    till.organisation = owner.organisation
    return till
