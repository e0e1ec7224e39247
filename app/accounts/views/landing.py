"""The landing page: what this is, and the button that starts it."""

from flask import Blueprint, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import entrance
from app.accounts.guards import current
from app.web import htmx
from app.web.guards import public

bp = Blueprint("landing", __name__)

CACHING = "public, max-age=0, s-maxage=60, must-revalidate"
"""A cache in front may keep it for a minute; a browser asks each time and is told in a few bytes if it is the same."""


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    door = entrance.current()
    if current.visitor is not None:
        return make_response(redirect(url_for(door.others_to), code=303))
    sample_call = door.sample_call(current.session)
    response = htmx.render("public/landing.html", clients=door.clients, next_path=None, sample_call=sample_call)
    response.headers["Cache-Control"] = CACHING
    response.add_etag()
    return response.make_conditional(request)


@bp.get("/robots.txt")
@public
def robots() -> ResponseReturnValue:
    """Everything behind the door redirects strangers anyway; this spares crawlers the way."""
    response = make_response("User-agent: *\nDisallow: /sign-in\n")
    response.content_type = "text/plain; charset=utf-8"
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
