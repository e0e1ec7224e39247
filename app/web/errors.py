"""The one table from what went wrong to the page that says so.

A refusal (core.errors, or an HTTP error) is shown with its words. Anything else is a bug: its traceback goes to the
log, and the reader gets a calm page with the reference under which it stands there.
"""

import logging
from collections.abc import Callable
from http import HTTPStatus

from flask import (
    Flask,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from app.core import errors
from app.web import database, guards, htmx
from app.web.current import current

log = logging.getLogger(__name__)

STATUS: dict[type[errors.PosternError], int] = {
    errors.NotFound: 404,
    errors.NotAllowed: 403,
    errors.Invalid: 422,
    errors.Conflict: 409,
    errors.LimitReached: 429,
    errors.Unavailable: 503,
}

WORDS = {
    400: "Your browser sent something that this page cannot read. Go back, reload the page and try again.",
    403: "You are signed in, but this is not yours to do.",
    404: "There is nothing at this address, or it is not yours to see.",
    405: "This address does not take that kind of request. Go back and use the buttons on the page.",
    413: "What you sent is larger than this page takes.",
    429: "That was a lot in a short time. Wait a little, then try again.",
    500: "Something broke on our side. Nothing that you did was half saved.",
    503: "Something that this page needs does not answer just now. Try again in a moment.",
}


_SPEAKERS = "postern.error_speakers"
HOME = {"label": "Go to the start", "url": "/"}

TITLES = {
    400: "That could not be read",
    403: "Not yours to do",
    404: "Nothing here",
    405: "Not that way",
    409: "Something changed meanwhile",
    413: "Too large",
    422: "That does not fit",
    429: "Too much at once",
    500: "Something broke",
    503: "Not available just now",
}


def install(app: Flask) -> None:
    """Answer every failure with a page, or with a flash where a part of a page was asked for."""
    app.config["PROPAGATE_EXCEPTIONS"] = False  # in tests as in life
    app.register_error_handler(errors.PosternError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(ParseException, _unreadable)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(Exception, _broken)


def speak(app: Flask, prefix: str, write: Callable[[int, str], Response]) -> None:
    """Have failures below an address told in another way: to programs. write: makes the answer of a status and words,
    "" for the usual ones.
    """
    app.extensions.setdefault(_SPEAKERS, {})[prefix] = write


def page(status: int, words: str = "", *, retry_after_s: int | None = None) -> Response:
    """The answer for `status`: for a part of a page, only a flash, so that what was there stays.

    words: what to tell the reader; empty for the usual words.
    """
    write = _speaker()
    if write is not None:
        return _later(write(status, words), retry_after_s)
    words = words or WORDS.get(status, "That did not work.")
    if htmx.wants_fragment():
        flash(words, "error")
        response = htmx.keep(status)
    else:
        response = htmx.varying(_written(status, words))
    return _later(response, retry_after_s)


def _later(response: Response, retry_after_s: int | None) -> Response:
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _speaker() -> Callable[[int, str], Response] | None:
    """Who tells of failures at the address that was asked for, if not we."""
    speakers: dict[str, Callable[[int, str], Response]] = current_app.extensions.get(_SPEAKERS, {})
    return next((write for prefix, write in speakers.items() if request.path.startswith(prefix)), None)


def _refused(problem: errors.PosternError) -> ResponseReturnValue:
    status = next(STATUS[family] for family in type(problem).__mro__ if family in STATUS)
    return page(status, problem.message)


def _http(problem: HTTPException) -> ResponseReturnValue:
    if problem.code is None or problem.code < 400:
        return problem  # a redirect that the router asked for
    if problem.code == 404 and (address := _without_slash()):
        return redirect(address, 308)
    if problem.code >= 500:
        original = getattr(problem, "original_exception", None) or problem
        return _database_away(original) if isinstance(original, OperationalError) else _broken(original)
    is_ours = problem.description is not None and problem.description != type(problem).description
    response = page(problem.code, problem.description or "" if is_ours else "")
    for name, value in problem.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _without_slash() -> str:
    """The page that was meant by an address with a slash too many, “” for none. The router adds one that lacks."""
    router, path = request_ctx.url_adapter, request.path.rstrip("/")
    if request.method not in ("GET", "HEAD") or router is None or path == request.path or request.url_rule is not None:
        return ""
    try:
        endpoint, values = router.match(path, method="GET")
    except HTTPException:
        return ""
    asked = request.query_string.decode("ascii", "replace")
    return url_for(endpoint, **values) + (f"?{asked}" if asked else "")


def _forged(problem: CSRFError) -> ResponseReturnValue:
    """A form without its token. Mostly its reader was signed out meanwhile: then the way to sign in says it better."""
    try:
        turned_away = guards.check()
    except errors.PosternError as refusal:
        return _refused(refusal)
    log.info("request.forged", extra={"route": route(), "reason": problem.description})
    return turned_away or page(400, "This page is from an earlier visit. Reload it, then try again.")


def _unreadable(_problem: ParseException) -> ResponseReturnValue:
    """gunicorn found the body malformed while a view was reading it; what follows on the wire is anyone's guess."""
    response = page(400)
    response.headers["Connection"] = "close"
    return response


def _database_away(problem: OperationalError) -> ResponseReturnValue:
    log.error("database.unavailable", exc_info=problem)
    database.roll_back()
    return page(503, retry_after_s=5)


def _broken(problem: BaseException) -> ResponseReturnValue:
    log.error("request.failed", exc_info=problem, extra={"method": request.method, "route": route()})
    database.roll_back()
    return page(500)


def route() -> str:
    """The rule that matched, never the address itself: addresses hold ids."""
    return request.url_rule.rule if request.url_rule is not None else "-"


def _written(status: int, words: str) -> Response:
    """The page; plain words where even that cannot be written. From 500 on it asks nothing of the database."""
    if request_ctx.url_adapter is None:
        return _plain(status, words)  # no address of ours was meant, so no page can link to any
    quiet = {"current": None} if status >= 500 else {}
    try:
        text = render_template(
            "errors/error.html",
            status=status,
            title=TITLES.get(status) or HTTPStatus(status).phrase.capitalize(),
            message=words,
            reference=current.request_id,
            action=HOME if status in (403, 404, 405) else None,
            **quiet,
        )
    except Exception:
        if status < 500:
            raise
        log.exception("error_page.failed")
        return _plain(status, words)
    return make_response(text, status)


def _plain(status: int, words: str) -> Response:
    text = f"{words}\nReference: {current.request_id}\n"
    return Response(text, status, content_type="text/plain; charset=utf-8")
