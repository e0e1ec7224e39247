"""Leaving for Stripe's Checkout, whatever is bought there."""

from dataclasses import dataclass

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from app.web import htmx


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """For somebody who has paid in another window meanwhile: what to say, and the page (an endpoint) to say it on."""

    words: str
    endpoint: str


def leave(url: str | None, elsewhere: Elsewhere) -> ResponseReturnValue:
    """url: as at_checkout.address_of gives it."""
    if url is not None:
        return htmx.leave(url)
    flash(elsewhere.words)
    return htmx.redirect(url_for(elsewhere.endpoint))
