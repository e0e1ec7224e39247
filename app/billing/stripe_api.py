"""The way to Stripe, and the only one: the official client, made to fit our rules.

Every POST carries a key of our own that is the same whenever the same thing is asked for, so that a crash between
asking and remembering repeats nothing. The client itself tries nothing again: whoever asks decides, with the same key.
Answers are plain dictionaries as Stripe's API 2026-10-28.endive documents them; `*_decimal` are Decimals.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

import stripe

from app.billing.problems import Declined, Missing, NoStripe, StripeAway, StripeRefused
from app.core.config import Settings

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
PAGE = 100
ALREADY_THERE = "already exists with identifier"
"""What Stripe says of a meter event that it has: a repeat is refused, and that is how we learn that it arrived."""

Found = dict[str, Any]
Params = Mapping[str, object]


class StripeApi:
    """mode: "test" or "live". Safe to share between threads. Every method raises StripeAway, StripeRefused,
    Declined or Missing.
    """

    def __init__(self, key: str, *, mode: str, url: str = "") -> None:
        """url: of a stand-in; "" for Stripe itself."""
        bases = {"api": url, "files": url, "connect": url, "meter_events": url} if url else None
        self.mode = mode
        self.client = stripe.StripeClient(
            key,
            base_addresses=cast(Any, bases),
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        )
        self.v1 = self.client.v1

    def post(self, call: Callable[..., Any], *place: str, params: Params, key: str) -> Found:
        """Have Stripe make or change something. place: ids in the address. key: for idempotency, see key_for."""
        if not key:
            raise ValueError("A POST to Stripe needs an idempotency key.")
        return _heard(lambda: call(*place, dict(params), {"idempotency_key": key}))

    def get(self, call: Callable[..., Any], *place: str, params: Params | None = None) -> Found:
        """Ask for something."""
        arguments = (*place, dict(params)) if params is not None else place
        return _heard(lambda: call(*arguments))

    def every(self, call: Callable[..., Any], *place: str, params: Params) -> Iterator[Found]:
        """All rows of a list, page by page, in Stripe's order."""
        after: str | None = None
        while True:
            asked = {**params, "limit": PAGE, **({"starting_after": after} if after else {})}
            page = self.get(call, *place, params=asked)
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = page["data"][-1]["id"]

    def every_thin(self, *, params: Params) -> list[Found]:
        """All thin events that fit, newest first, page by page."""

        def ask() -> list[Found]:
            pages = self.client.v2.core.events.list(cast(Any, {**params, "limit": PAGE}))
            return [event.to_dict() for event in pages.auto_paging_iter()]

        return cast(list[Found], _asked(ask))

    def thin(self, event_id: str) -> Found:
        """A thin event with everything that Stripe says about it."""
        return _heard(lambda: self.client.v2.core.events.retrieve(event_id))


def from_settings(settings: Settings) -> StripeApi:
    """The one of this installation. Raises NoStripe when none is set."""
    key = settings.stripe_key.get_secret_value()
    if not key:
        raise NoStripe("Paying is not set up here: POSTERN_STRIPE_KEY is missing.")
    return _shared(key, settings.stripe_mode, settings.stripe_url)


def key_for(purpose: str, *parts: object) -> str:
    """An idempotency key that is the same for the same purpose and parts, and no other; at most 255 characters."""
    said = json.dumps([str(part) for part in parts], separators=(",", ":"))
    return f"{purpose[:80]}-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


@lru_cache(maxsize=4)
def _shared(key: str, mode: str, url: str) -> StripeApi:
    """Kept, because its connections are."""
    return StripeApi(key, mode=mode, url=url)


def _heard(call: Callable[[], Any]) -> Found:
    return cast(Found, _asked(call).to_dict())


def _asked(call: Callable[[], Any]) -> Any:  # noqa: ANN401  (whatever the call gives)
    try:
        return call()
    except stripe.CardError as problem:
        raise Declined(problem.user_message or "The card was declined.") from problem
    except (stripe.APIConnectionError, stripe.RateLimitError) as problem:
        raise StripeAway("Stripe cannot be reached just now. Try again in a minute.") from problem
    except stripe.StripeError as problem:
        raise _trouble(problem) from problem


def _trouble(problem: stripe.StripeError) -> Exception:
    code = str(problem.code or "")
    if problem.http_status == 404 or code == "resource_missing":
        return Missing("Stripe does not know it.")
    if problem.http_status is None or problem.http_status >= 500 or problem.http_status == 409:
        return StripeAway("Stripe had trouble just now. Try again in a minute.")
    log.error("stripe.refused", extra={"status": problem.http_status, "code": code, "why": str(problem)[:300]})
    return StripeRefused(str(problem.user_message or problem), code=code)
