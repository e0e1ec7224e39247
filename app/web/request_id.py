"""One reference per request: in each log line, in the `Postern-Request-Id` header, and on error pages."""

from flask import Flask, Response

from app.core import ids, logs

HEADER = "Postern-Request-Id"


def install(app: Flask) -> None:
    """Name each request before anything else happens to it. What a client sends under this name is not believed."""
    app.before_request(_name)
    app.after_request(_tell)
    app.teardown_request(_forget)


def _name() -> None:
    logs.set_request_id(ids.request_id())


def _tell(response: Response) -> Response:
    request_id = logs.current_request_id()
    if request_id is not None:
        response.headers[HEADER] = request_id
    return response


def _forget(_problem: BaseException | None) -> None:
    logs.set_request_id(None)
