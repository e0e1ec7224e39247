"""The stand-in for Stripe in this process, behind a real port, and the official SDK before it.

    with running.stand_in() as stripe:
        customer = stripe.client.v1.customers.create({"email": "a@example.com"})
        stripe.move(by=3600)

Its clock stands still at START until it is moved. Nothing happens by itself: `move` lives through what is due, and
`deliver` sends webhooks. Every request is checked against the description of the API where that is present.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stripe
from flask import Flask

from app.sandbox.stripe import controls, faults, serving, webhooks
from app.sandbox.stripe.app import create_app
from app.sandbox.stripe.desk import Desk, Settings
from tests.ports import free_port
from tests.sandbox.stripe.validate import Checked

KEY = "stand-in-key"
WEBHOOK_SECRET = "stand-in-webhook-secret"
START = 1_794_700_800  # 2026-11-15 00:00:00 UTC
DECEMBER = 1_796_083_200  # 2026-12-01 00:00:00 UTC
DAY = 86_400


@dataclass
class StandIn:
    """One running stand-in. checked: what was wrong with requests and answers so far."""

    url: str
    desk: Desk
    checked: Checked
    client: stripe.StripeClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.client_with(KEY)

    def client_with(self, key: str) -> stripe.StripeClient:
        bases = dict.fromkeys(("api", "files", "connect", "meter_events"), self.url)
        return stripe.StripeClient(key, max_network_retries=0, base_addresses=bases)  # type: ignore[arg-type]

    def now(self) -> int:
        return self.desk.now()

    def move(self, *, to: int | None = None, by: int = 0) -> int:
        """Let time pass; everything that is due happens."""
        return controls.move(self.desk, to=to, by=by)

    def faults(self, **chances: Any) -> None:
        """Only these from now on; none without any."""
        with self.desk.store.transaction():
            faults.set_to(self.desk.store, chances)

    def deliver(self) -> dict[str, int]:
        """Send the webhooks that are due, once each."""
        return webhooks.deliver(self.desk.store, now=self.desk.now())

    def types(self) -> list[str]:
        """Types of all events, oldest first."""
        return [each["type"] for each in self.desk.store.all("event")]


@contextmanager
def stand_in(*, path: Path | None = None, webhook_url: str = "", at: int = START) -> Iterator[StandIn]:
    """One stand-in of its own."""
    with serving_one() as one, one.afresh(path=path, webhook_url=webhook_url, at=at) as made:
        yield made


@dataclass
class Served:
    """A port with an application behind it that can be given a new desk, which is much quicker than a new one."""

    url: str
    app: Flask
    checked: Checked

    @contextmanager
    def afresh(
        self, *, path: Path | None = None, webhook_url: str = "", at: int = START, is_strict: bool = False
    ) -> Iterator[StandIn]:
        """A stand-in that knows nothing yet (but what is in `path`), and whose clock stands at `at`. It ends with an
        AssertionError if anything that it was asked, or that it answered, is not Stripe's.

        is_strict: what it refused counts, too: no request was meant to be wrong.
        """
        desk = Desk(Settings(self.url, KEY, webhook_url, WEBHOOK_SECRET), path)
        if webhook_url:
            desk.store.set_fact("endpoint", {"url": webhook_url, "secret": WEBHOOK_SECRET})
        if desk.store.fact("frozen_at") is None:
            desk.store.set_fact("frozen_at", at)
        self.app.extensions["stripe"] = desk
        self.checked.problems, self.checked.is_strict = [], is_strict
        try:
            yield StandIn(self.url, desk, self.checked)
        finally:
            desk.store.close()
        assert self.checked.problems == [], "Stripe's description says otherwise: " + "; ".join(self.checked.problems)


@contextmanager
def serving_one() -> Iterator[Served]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = create_app(Settings(url, KEY))
    checked = Checked(app.wsgi_app)
    app.wsgi_app = checked  # type: ignore[method-assign,assignment]
    server = serving.server(app, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Served(url, app, checked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
