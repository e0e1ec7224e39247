"""The HTTP side: who asks, what was asked before under the same key, what goes wrong on purpose, Stripe's shapes."""

import base64
import hashlib
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from app.sandbox.stripe import API_VERSION, faults, operations, params
from app.sandbox.stripe.billing import cycle
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.registry import OPERATIONS, Operation

KEPT_S = 24 * 3600  # docs.stripe.com/api/idempotent_requests
_OOPS = Refused("An unknown error occurred.", status=500, kind="api_error")
_SLOW = Refused(
    "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
    status=429,
    code="rate_limit",
)


class Lost(Exception):
    """The connection must close without an answer."""


def attach(app: Flask) -> None:
    """Let `app` answer every operation, at the desk in its extensions."""
    operations.load()
    for number, each in enumerate(OPERATIONS):
        app.add_url_rule(each.path, f"operation{number}", _view(each), methods=[each.method])


def _view(wanted: Operation) -> Callable[..., Response]:
    takes = params.spec(wanted.takes)

    def view(**ids: str) -> Response:
        desk: Desk = current_app.extensions["stripe"]
        try:
            return _answer(desk, wanted, takes, ids)
        except Refused as refused:
            return _refusal(refused)
        except Lost:
            return _hang_up(desk)

    return view


def _answer(desk: Desk, wanted: Operation, takes: Any, ids: dict[str, str]) -> Response:  # noqa: ANN401
    _check_key(desk, wanted)
    _check_version()
    fault = faults.on_call(desk.store, request.path)
    if fault == "rate_limited":
        raise _SLOW
    if fault == "lost_before":
        raise Lost
    if fault == "error_before":
        raise _OOPS
    values = _values()
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    checked = params.check(values, takes)
    ask = Ask(checked, ids, request.path, key)
    with desk.store.lock:
        cycle.catch_up(desk)
        print_ = hashlib.sha256(json.dumps([request.method, request.path, values], sort_keys=True).encode()).hexdigest()
        if key and (before := _before(desk, key, print_)):
            return before
        answer = _done(desk, wanted, ask, fault, print_)
    if fault == "lost_after":
        raise Lost
    return answer


def _done(desk: Desk, wanted: Operation, ask: Ask, fault: str | None, print_: str) -> Response:
    """Do it, and keep what was answered if there is a key."""
    status, body = 200, dict[str, Any]()
    headers: dict[str, str] = {}
    try:
        with desk.store.transaction():
            desk.asked_by(ask)
            try:
                body = desk.expand(wanted.do(desk, ask), ask.get("expand", []))
            except Refused as refused:
                if not refused.commits:
                    raise
                status, body, headers = refused.status, refused.body, refused.headers
    except Refused as refused:
        status, body, headers = refused.status, refused.body, refused.headers
    finally:
        desk.asked_by(None)
    if fault == "error_after":
        status, body = _OOPS.status, _OOPS.body
    text = json.dumps(body)
    if ask.idempotency_key and (status in (200, 402) or status >= 500):
        desk.store.execute(
            "INSERT OR REPLACE INTO answer VALUES (?,?,?,?,?,?)",
            (ask.idempotency_key, print_, status, text, ask.request_id, desk.now()),
        )
    return _response(text, status, ask.request_id, headers)


def _before(desk: Desk, key: str, print_: str) -> Response | None:
    """What was answered under this key. Raises Refused when it was for something else."""
    rows = desk.store.execute("SELECT print, status, body, request, at FROM answer WHERE key = ?", (key,))
    if not rows or desk.now() - rows[0][4] > KEPT_S:
        return None
    known, status, body, request_id, _ = rows[0]
    if known != print_:
        raise Refused(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    return _response(body, status, request_id, {"Idempotent-Replayed": "true", "Original-Request": request_id})


def _check_key(desk: Desk, wanted: Operation) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        given = base64.b64decode(given + "==").decode("latin-1").partition(":")[0]
    if not given:
        raise Refused(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    is_session = wanted.path == "/v2/billing/meter_event_stream" and desk.store.fact(f"session {given}", 0) > desk.now()
    if given != desk.settings.key and not is_session:
        raise Refused(f"Invalid API Key provided: {given[:4]}{'*' * 8}{given[-4:]}", status=401)


def _check_version() -> None:
    asked = request.headers.get("Stripe-Version", API_VERSION)
    if asked != API_VERSION:
        raise Refused(f"Invalid Stripe API version: {asked}. This stand-in speaks {API_VERSION} only.")


def _values() -> dict[str, Any]:
    if request.path.startswith("/v2/") and request.method == "POST":
        body = request.get_json(silent=True) if request.get_data() else {}
        if not isinstance(body, dict):
            raise Refused("The request body is not a JSON object.", code="invalid_json")
        return body
    pairs = list(request.args.items(multi=True))
    if request.method == "POST":
        if request.args:
            raise Refused("Parameters of a POST belong into its body.")
        pairs = list(request.form.items(multi=True))
    return params.nested(pairs)


def _refusal(refused: Refused) -> Response:
    return _response(json.dumps(refused.body), refused.status, "", refused.headers)


def _response(text: str, status: int, request_id: str, headers: dict[str, str]) -> Response:
    known = {"Request-Id": request_id or "req_none", "Stripe-Version": API_VERSION}
    key = request.headers.get("Idempotency-Key")
    if key:
        known["Idempotency-Key"] = key
    return Response(text, status, known | headers, content_type="application/json")


def _hang_up(desk: Desk) -> Response:
    """Close the connection; where that cannot be done, an empty 502."""
    time.sleep(faults.in_force(desk.store).get("hang_s", 0))
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=502)


def refused(problem: Refused) -> Response:
    """For pages: the words, with the status."""
    return Response(str(problem), problem.status, content_type="text/plain; charset=utf-8")


def unknown_path(problem: HTTPException) -> Response:
    """Stripe's 404 for a path that is not there (and 405, which it does not know)."""
    words = (
        f"Unrecognized request URL ({request.method}: {request.path}). Please see https://stripe.com/docs or we can "
        "help at https://support.stripe.com/."
    )
    if not request.path.startswith(("/v1/", "/v2/")):
        return Response(problem.description, problem.code, content_type="text/plain; charset=utf-8")
    return _refusal(Refused(words, status=404))
