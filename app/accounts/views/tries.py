"""Refusing an address that tries again and again what costs something."""

import logging

from flask import request
from werkzeug.exceptions import TooManyRequests

from app.accounts import services
from app.accounts.guards import current
from app.core import addresses, crypto
from app.web import database

log = logging.getLogger(__name__)


def count(what: str, *, most: int, refusal: str) -> None:
    """One more of `what`, whatever becomes of the request. Raises TooManyRequests, with `refusal`, after `most`."""
    secret = current.settings.secret_key.get_secret_value()
    digest = crypto.keyed_digest(secret, what, addresses.neighbourhood(request.remote_addr or ""))
    with database.own_transaction() as own:
        tries, until = services.count_try(own, address_digest=digest, now=current.now)
    if tries > most:
        log.warning("tries.limited", extra={"what": what})
        raise TooManyRequests(
            f"{refusal} Wait a few minutes, then try again.",
            retry_after=int((until - current.now).total_seconds()) + 1,
        )
