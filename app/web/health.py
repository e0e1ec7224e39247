"""Whether the portal runs (`/healthz`) and whether it can do its work (`/readyz`), for whoever watches it."""

from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from app.core import revision
from app.web import database
from app.web.guards import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> Response:
    """The process answers."""
    return _plain("ok", 200)


@bp.get("/readyz")
@public
def readyz() -> Response:
    """The database answers and has this release's shape; else 503 and the reason."""
    try:
        with database.engine().connect() as connection:
            found = revision.current(connection)
    except SQLAlchemyError:
        return _plain("the database does not answer", 503)
    if found != revision.expected():
        return _plain(f"the database is at migration {found}, this release needs {revision.expected()}", 503)
    return _plain("ok", 200)


def _plain(words: str, status: int) -> Response:
    return Response(f"{words}\n", status, content_type="text/plain; charset=utf-8")
