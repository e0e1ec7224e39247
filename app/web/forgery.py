"""Changes come only from our own pages: where a request was sent from is checked first, then its CSRF token.

The first check is the one that Go 1.25 ships (net/http CrossOriginProtection): browsers say where a request comes from
in Sec-Fetch-Site, or at least in Origin. The second, Flask-WTF's token, covers what says neither.
"""

from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, request
from flask_wtf.csrf import CSRFProtect

from app.core.config import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask, settings: Settings) -> None:
    """Refuse forged changes, before any guard is asked."""
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open overnight still works
        WTF_CSRF_SSL_STRICT=False,  # the Referer: Sec-Fetch-Site and Origin say it better and are not stripped
        WTF_CSRF_HEADERS=["X-CSRFToken"],
    )
    own = urlsplit(settings.portal_url)

    @app.before_request
    def check_origin() -> None:
        if request.method in SAFE_METHODS:
            return
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            if site not in ("same-origin", "none"):
                abort(403, "This change was sent by another site, so it was not made.")
            return
        origin = request.headers.get("Origin")
        if origin is not None and origin not in (f"{own.scheme}://{own.netloc}", request.host_url.rstrip("/")):
            abort(403, "This change was sent by another site, so it was not made.")

    CSRFProtect(app)


def exempt(app: Flask, blueprint: Blueprint) -> None:
    """Let programs send to the views of `blueprint`, which prove in their own way who they are: by a signature."""
    app.extensions["csrf"].exempt(blueprint)
