"""How big and how deep a request may be. The portal takes forms, not files."""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core.config import Settings
from app.web import forgery
from app.web.guards import View

BODY_BYTES = 256 * 1024
FORM_BYTES = 128 * 1024
FORM_PARTS = 200
_ATTRIBUTE = "body_bytes"


def install(app: Flask, settings: Settings) -> None:
    """Bound what a request may bring, and believe only as many proxies as there are."""
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_BYTES,
        MAX_FORM_PARTS=FORM_PARTS,
        TRUSTED_HOSTS=_hosts(settings),
    )
    hops = settings.proxy_hops
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask's documented way to wrap itself
    app.before_request(_allow_more)
    app.before_request(_refuse_nul)


def body_of_up_to(size_bytes: int) -> Callable[[View], View]:
    """For the few views that programs send more to than forms are."""

    def put(view: View) -> View:
        setattr(view, _ATTRIBUTE, size_bytes)
        return view

    return put


def _hosts(settings: Settings) -> list[str]:
    """Host values to answer to; ports play no part (Werkzeug leaves them out of the comparison)."""
    hosts = [urlsplit(settings.portal_url).hostname or "", *settings.trusted_hosts]
    return [*hosts, "localhost", "127.0.0.1"] if settings.is_development else hosts


def _allow_more() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    size_bytes = getattr(view, _ATTRIBUTE, None)
    if size_bytes is not None:
        request.max_content_length = size_bytes


def _refuse_nul() -> None:
    """PostgreSQL stores no NUL, and no form of ours needs one."""
    if "%00" in request.query_string.decode("latin-1") or "\0" in request.path:
        abort(400)
    if request.method not in forgery.SAFE_METHODS and any(
        "\0" in value for _, values in request.form.lists() for value in values
    ):
        abort(400)
