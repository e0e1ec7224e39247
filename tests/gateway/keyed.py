"""Calls with further keys of a gateway under test, on terms of their own."""

from datetime import timedelta


def a_key(session, make, **terms):
    """(key, secret) of a new key, committed; terms as for Factory.key."""
    secrets = []
    key = make.key(secret=secrets, **terms)
    session.commit()
    return key, secrets[0]


def bearing(secret, *more):
    """The headers of a caller with that key."""
    return [
        ("Authorization", f"Bearer {secret}"),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        *more,
    ]


def said(answer):
    """(HTTP status, JSON-RPC code, reason) of a refusal."""
    return answer.status, answer.error["code"], answer.error["data"]["reason"]


def goes_by(hands, **span):
    """Time passes on the clocks of the fixture `hands`."""
    seconds = timedelta(**span).total_seconds()
    hands["wall"] += seconds
    hands["steady"] += seconds
