"""Events on their way to endpoints: signed, tried again with growing pauses, and spoilt on request.

Pauses pass by the stand-in's clock, so moving it brings tries forward. Signatures carry the real time, because whoever
checks them compares with a real clock.
"""

import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from app.sandbox.stripe import faults
from app.sandbox.stripe.store import Store

PAUSES_S = (5, 30, 300, 3_600, 7_200, 10_800)  # after the first try, the second, …; Stripe gives up as well
TIMEOUT_S = 10
AT_ONCE = 100
WAITS, DONE, DROPPED, FAILED = "waits", "done", "dropped", "failed"


def post(store: Store, body: dict[str, Any], kind: str, *, now: int) -> None:
    """Put an event onto its way to each endpoint that wants its kind."""
    for url, secret, wants in _endpoints(store):
        if "*" not in wants and kind not in wants:
            continue
        text = json.dumps(body, separators=(",", ":"))
        if faults.befalls(store, "drop"):
            _keep(store, body["id"], to=(url, secret), text=text, due=now, state=DROPPED)
            continue
        late = faults.in_force(store).get("delay_s", 60) if faults.befalls(store, "delay") else 0
        for _ in range(2 if faults.befalls(store, "duplicate") else 1):
            _keep(store, body["id"], to=(url, secret), text=text, due=now + int(late), state=WAITS)


def _keep(store: Store, event: str, *, to: tuple[str, str], text: str, due: int, state: str) -> None:
    store.execute(
        "INSERT INTO delivery (event, url, secret, body, due, state) VALUES (?,?,?,?,?,?)",
        (event, *to, text, due, state),
    )


def _endpoints(store: Store) -> list[tuple[str, str, list[str]]]:
    own = store.fact("endpoint")
    found = [(own["url"], own["secret"], ["*"])] if own else []
    for each in store.all("webhook_endpoint"):
        if each["status"] == "enabled" and not each.get("deleted"):
            found.append((each["url"], each["_secret"], each["enabled_events"]))
    return found


def deliver(store: Store, *, now: int) -> dict[str, int]:
    """Send what is due, once each. Answers how many were accepted, refused and given up."""
    with store.transaction():
        due = store.execute(
            "SELECT seq, event, url, secret, body, tries FROM delivery WHERE state = ? AND due <= ? ORDER BY due, seq "
            "LIMIT ?",
            (WAITS, now, AT_ONCE),
        )
        places = faults.order(store, len(due))
    told = {"accepted": 0, "refused": 0, "given_up": 0}
    for place in places:
        seq, _, url, secret, body, tries = due[place]
        ok, said = send(url, secret, body)
        state, next_due = DONE, now
        if not ok and tries < len(PAUSES_S):
            state, next_due = WAITS, now + PAUSES_S[tries]
        elif not ok:
            state = FAILED
        told["accepted" if ok else "refused" if state == WAITS else "given_up"] += 1
        store.execute(
            "UPDATE delivery SET state = ?, due = ?, tries = tries + 1, said = ? WHERE seq = ?",
            (state, next_due, said, seq),
        )
    return told


def again(store: Store, event: str, *, now: int) -> int:
    """Send an event once more to wherever it went. Answers to how many places."""
    rows = store.execute("SELECT DISTINCT url, secret, body FROM delivery WHERE event = ?", (event,))
    for url, secret, body in rows:
        _keep(store, event, to=(url, secret), text=body, due=now, state=WAITS)
    return len(rows)


def signature(secret: str, body: str, at: int) -> str:
    """The Stripe-Signature header. Source: docs.stripe.com/webhooks#verify-manually."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def send(url: str, secret: str, body: str) -> tuple[bool, str]:
    """One POST. Answers whether it was accepted (2xx), and what was said."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.netloc, timeout=TIMEOUT_S)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(secret, body, int(time.time())),
    }
    try:
        connection.request("POST", parts.path or "/", body.encode(), headers)
        answer = connection.getresponse()
        answer.read(10_000)
        return 200 <= answer.status < 300, f"{answer.status} {answer.reason}"
    except (OSError, http.client.HTTPException) as problem:
        return False, str(problem)[:200] or type(problem).__name__
    finally:
        connection.close()
