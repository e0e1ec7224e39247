"""htmx 4, behind one door: nothing else in Postern reads or writes an `HX-*` header.

It stands on htmx-flask, whose model is htmx 2: its truth value (`HX-Request`) is still right; its swaps refuse half of
htmx's and it knows neither `HX-Request-Type` nor `Vary`, so those are done here (docs/adr/0007).
"""

from typing import Any, cast
from urllib.parse import urlsplit

import htmx_flask
from flask import Flask, Response, current_app, get_flashed_messages, make_response, render_template, request
from werkzeug.utils import redirect as http_redirect

from app.web import paths

VARY = ("HX-Request", "HX-Request-Type")


def install(app: Flask) -> None:
    """Let requests know whether htmx sent them."""
    htmx_flask.Htmx(app)


def wants_fragment() -> bool:
    """Whether htmx will put the answer into a part of the page.

    False for boosted links and forms (htmx 4 calls them "full"), for Back (which needs a whole document), and without
    htmx.
    """
    return (
        bool(htmx_flask.request.htmx)
        and request.headers.get("HX-Request-Type") == "partial"
        and not htmx_flask.request.htmx.history_restore_request
    )


def page_url() -> str | None:
    """The path of the page that a part is asked for from, as htmx tells it; None if it is not one of ours."""
    try:
        address = urlsplit(htmx_flask.request.htmx.current_url or "")
    except ValueError:
        return None
    return paths.own_path(f"{address.path}?{address.query}" if address.query else address.path)


def render(template: str, /, *, block: str | None = None, status: int = 200, **context: object) -> Response:
    """The page, or only its `block` when that is what htmx asked for, with the flash beside it.

    block: a `{% block %}` of `template` itself; a scoped one finds its loop variables in `context`.
    status: 422 for a form to be corrected; htmx 4 swaps those too.
    """
    if block is not None and wants_fragment():
        response = make_response(render_block(template, block, **context) + _flash(), status)
    else:
        response = make_response(render_template(template, **context), status)
    return varying(response)


def render_block(template: str, block: str, /, **context: object) -> str:
    """One block of `template` on its own. Raises KeyError if the template has no such block."""
    page = current_app.jinja_env.get_template(template)
    current_app.update_template_context(context)
    return "".join(page.blocks[block](page.new_context(context)))


def redirect(url: str) -> Response:
    """Go to `url` with a GET: 303; from within a part of a page, by leaving the page.

    htmx follows a 303 by itself and would put the whole next page into the part.
    """
    if wants_fragment():
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url
        return varying(response)
    return varying(_found(url))


def leave(url: str, *, status: int = 200) -> Response:
    """Go to `url` as a new page load, also when htmx asked for a whole page (`hx-boost`).

    For what a fetch cannot do: another host's pages, and signing in or out. status: for htmx; without it, 303.
    """
    if htmx_flask.request.htmx:
        response = make_response("", status)
        response.headers["HX-Redirect"] = url
        return varying(response)
    return varying(_found(url))


def keep(status: int) -> Response:
    """Change nothing in the page but the flash: for errors that a part of the page must not be replaced by."""
    response = make_response(_flash(), status)
    response.headers["HX-Reswap"] = "none"
    return varying(response)


def retarget(response: Response, *, target: str, swap: str = "innerHTML") -> Response:
    """Have htmx put `response` elsewhere than the element asked. target: a CSS selector; swap: any htmx 4 style."""
    response.headers["HX-Retarget"] = target
    response.headers["HX-Reswap"] = swap
    return response


def push_url(response: Response, url: str) -> Response:
    """Have htmx show `url` in the address bar once `response` is in place."""
    response.headers["HX-Push-Url"] = url
    return response


def varying(response: Response) -> Response:
    """Tell caches that page and part share an address."""
    response.vary.update(VARY)
    return response


def _found(url: str) -> Response:
    return make_response(http_redirect(url, code=303))


def _flash() -> str:
    """The flash as an out-of-band part, or nothing when there is nothing to say."""
    messages = get_flashed_messages(with_categories=True)
    if not messages:
        return ""
    ui = cast(Any, current_app.jinja_env.globals["ui"])
    return str(ui.flashes(messages, oob=True))
