"""What went wrong, as problem details (RFC 9457): of every answer below /api/v1 from 400 on."""

from http import HTTPStatus

from flask import Response
from pydantic import ValidationError

from app.api.schemas import Problem, Wrong
from app.web.current import current

KIND = "application/problem+json"

WORDS = {
    404: "There is nothing at this address, or it is not this organisation’s.",
    405: "This address does not take that method.",
    413: "The body is larger than any request here has to be.",
    500: "Something broke on our side. Nothing that was asked for was half done.",
    503: "Something that this needs does not answer just now. Ask again in a moment.",
}


def written(status: int, words: str = "", errors: list[Wrong] | None = None) -> Response:
    """The answer. words: "" for the usual ones."""
    title = HTTPStatus(status).phrase
    said = Problem(
        type="about:blank",
        title=title,
        status=status,
        detail=words or WORDS.get(status, f"{title}."),
        request_id=current.request_id,
        errors=errors or [],
    )
    return Response(said.model_dump_json(), status, content_type=KIND)


def of_fields(place: str, problem: ValidationError, known: list[str]) -> Response:
    """422, with each field that is wrong. place: “body” or “query”. known: the fields that there are."""
    errors = [
        Wrong(
            where="/".join([place, *(str(part)[:80] for part in one["loc"])]),
            detail=_said(one["type"], one["msg"], known),
        )
        for one in problem.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]
    return written(422, f"{errors[0].where}: {errors[0].detail}", errors)


def _said(kind: str, words: str, known: list[str]) -> str:
    if kind == "extra_forbidden":
        return f"There is no such field. Known here are: {', '.join(known)}."
    if kind == "missing":
        return "This has to be given."
    return words.removeprefix("Value error, ").rstrip(".") + "."
