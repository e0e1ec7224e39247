"""How an address of the API is declared: what it takes, what it gives, who may, all in one place.

    @endpoint("POST", "/keys", "keys:write", "Make a key", body=KeyAsked, answer=KeyIssued, status=201)
    def create_key(body: KeyAsked) -> KeyIssued: …

The view gets what was read, and the document (openapi.py) says what stands here.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from app.api import answers, problems
from app.api.guards import api, current, tell_rate
from app.api.schemas import Asked, Told

bp = Blueprint("api", __name__, url_prefix="/api/v1")
bp.after_request(tell_rate)

REPLAYED = "Idempotency-Replayed"
_KIND = "application/json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """path: as Flask writes it, below /api/v1. query, body, answer: None for nothing."""

    name: str
    method: str
    path: str
    permission: str
    summary: str
    query: type[Asked] | None
    body: type[Asked] | None
    answer: type[Told] | None
    status: int


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    permission: str,
    summary: str,
    *,
    query: type[Asked] | None = None,
    body: type[Asked] | None = None,
    answer: type[Told] | None = None,
    status: int = 200,
) -> Callable[[Callable[..., Told | None]], Callable[..., Told | None]]:
    """Serve the function at an address. It gets what the path says, `query` and `body`; it gives what `answer` says."""

    def declare(function: Callable[..., Told | None]) -> Callable[..., Told | None]:
        ENDPOINTS.append(Endpoint(function.__name__, method, path, permission, summary, query, body, answer, status))

        @wraps(function)
        def view(**asked: object) -> ResponseReturnValue:
            try:
                given = _read("query", query, _arguments())
                content = _read("body", body, _content(body is not None))
            except _Unreadable as problem:
                return problem.answer
            asked |= {"query": given} if query else {}
            asked |= {"body": content} if body else {}

            def run() -> str:
                told = function(**asked)
                return "" if told is None else told.model_dump_json()

            return _once(run, status) if method == "POST" else _answer(run(), status)

        bp.add_url_rule(path, function.__name__, api(permission)(view), methods=[method])
        return function

    return declare


class _Unreadable(Exception):
    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _once(run: Callable[[], str], status: int) -> Response:
    """Do it, or answer as before where the same Idempotency-Key came before."""
    name = request.headers.get("Idempotency-Key")
    if name is None:
        return _answer(run(), status)
    answers.check_name(name)
    digest = answers.digest_of(request.method, request.path, request.get_data())
    key_id = current.key.id
    before = answers.claim(current.session, admin_key_id=key_id, name=name, digest=digest, now=current.now)
    if before is not None:
        body = answers.body_of(before, secret=current.secret)
        answer = _answer(body or "", before.status)
        answer.headers[REPLAYED] = "true"
        return answer
    body = run()
    answers.keep(current.session, admin_key_id=key_id, name=name, status=status, body=body, secret=current.secret)
    return _answer(body, status)


def _answer(body: str, status: int) -> Response:
    return Response(body, status, content_type=_KIND if body else None)


def _arguments() -> dict[str, str]:
    found = request.args.to_dict(flat=False)
    for name, values in found.items():
        if len(values) > 1:
            words = f"“{name[:80]}” was given {len(values)} times. Give it once."
            raise _Unreadable(problems.written(422, words))
    return {name: values[0] for name, values in found.items()}


def _content(is_wanted: bool) -> bytes:
    """The body, b"{}" for none. Raises _Unreadable for what is no JSON, or none of this address’s business."""
    data = request.get_data()
    if not data.strip() and not request.content_length:
        return b"{}"
    if request.mimetype != _KIND:
        raise _Unreadable(problems.written(415, f"Send JSON, and say so: “Content-Type: {_KIND}”."))
    try:
        held = json.loads(data)
    except (ValueError, RecursionError):
        raise _Unreadable(problems.written(400, "The body is no JSON.")) from None
    if not is_wanted and held != {}:
        raise _Unreadable(problems.written(422, "This address takes no body."))
    return data


def _read(place: str, model: type[Asked] | None, given: dict[str, str] | bytes) -> BaseModel | None:
    wanted = model or Asked
    try:
        if isinstance(given, bytes):
            return wanted.model_validate_json(given, strict=True) if model else None
        return wanted.model_validate(given)
    except ValidationError as problem:
        raise _Unreadable(problems.of_fields(place, problem, list(wanted.model_fields))) from None
