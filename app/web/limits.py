"""How big and how deep a request may be. The portal takes forms, not files."""

from urllib.parse import urlsplit

from flask import Flask, abort, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core.config import Settings
from app.web import forgery

BODY_BYTES = 256 * 1024
FORM_BYTES = 128 * 1024
FORM_PARTS = 200


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
    app.before_request(_refuse_nul)


def _hosts(settings: Settings) -> list[str]:
    """Host values to answer to; ports play no part (Werkzeug leaves them out of the comparison)."""
    hosts = [urlsplit(settings.portal_url).hostname or "", *settings.trusted_hosts]
    return [*hosts, "localhost", "127.0.0.1"] if settings.is_development else hosts


def _refuse_nul() -> None:
    """PostgreSQL stores no NUL, and no form of ours needs one."""
    if "%00" in request.query_string.decode("latin-1") or "\0" in request.path:
        abort(400)
    if request.method not in forgery.SAFE_METHODS and any(
        "\0" in value for _, values in request.form.lists() for value in values
    ):
        abort(400)
