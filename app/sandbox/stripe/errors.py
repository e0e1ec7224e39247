"""Refusals in Stripe's shape and words."""

from typing import Any

INVALID = "invalid_request_error"


class Refused(Exception):
    """What Stripe answers instead of doing it. `extra` goes into the error object, `headers` onto the answer.

    commits: what was done until then stays (a declined payment leaves traces).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        commits: bool = False,
        **extra: Any,  # noqa: ANN401  (whatever JSON holds)
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.commits = commits
        known = {"message": message, "type": kind, "code": code, "param": param}
        self.body = {"error": {name: value for name, value in known.items() if value is not None} | extra}


def missing(kind: str, found: str, param: str = "id") -> Refused:
    """There is no such object."""
    words = f"No such {kind.rpartition('.')[2].replace('_', ' ')}: '{found}'"
    return Refused(words, status=404, code="resource_missing", param=param)


def unknown(names: list[str]) -> Refused:
    """Parameters that the operation does not take."""
    words = f"Received unknown parameter{'s' if len(names) > 1 else ''}: {', '.join(names)}"
    return Refused(words, code="parameter_unknown", param=names[0])


def lacking(name: str) -> Refused:
    """A parameter that must be there."""
    return Refused(f"Missing required param: {name}.", code="parameter_missing", param=name)
