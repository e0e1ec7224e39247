"""The identity stand-in: Canaille, a real OpenID provider, with a few known people and everything in memory.

`python -m app.sandbox.identity` serves it at http://localhost:<identity_port>, which is also its issuer.
"""

import hashlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import canaille
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc import provider
from flask import Flask
from gunicorn.app.base import BaseApplication
from joserfc.jwk import RSAKey

from app.core import clock, config, logs
from app.core.config import Settings
from app.sandbox import directory

SCOPES = ["openid", "profile", "email"]


def create_app(settings: Settings) -> Flask:
    """The provider, with PEOPLE and the portal's client in it. Forgets everything else when it ends."""
    key = _signing_key(settings.data_dir / "identity" / "signing-key.pem")
    provider.AuthorizationCodeGrant.query_authorization_code = _code_of
    app: Flask = canaille.create_app(config=_configuration(settings, key))
    with app.app_context():
        for person in directory.PEOPLE:
            _add_person(app, person)
        _add_client(app, settings)
    app.wsgi_app = _OneAtATime(app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way to wrap itself
    return app


def main() -> None:
    """Serve until a signal says stop."""
    settings = config.load()
    app = create_app(settings)
    logs.set_up(level="WARNING", as_json=settings.logs_json)  # after Canaille, which sets up its own
    _Gunicorn(app, bind=f"127.0.0.1:{settings.identity_port}").run()


def _code_of(_grant: object, code: str, client: Any) -> Any:  # noqa: ANN401  (Canaille's models have no types)
    """The open code that is meant, in place of Canaille's own look-up: its memory backend finds what matches any of
    several filters (memory/backend.py, 0.3.6), so that one abandoned sign-in would spoil those after it.
    """
    found = Backend.instance.query(models.AuthorizationCode, code=code)
    fitting = (one for one in found if one.client.client_id == client.client_id and not one.is_expired())
    return next(fitting, None)


def _configuration(settings: Settings, key: RSAKey) -> dict[str, Any]:
    """Canaille's settings: what signing in needs, and nothing that sends mail, asks other hosts or needs scripts.

    Source: canaille/core/configuration.py and canaille/oidc/configuration.py, 0.3.6.
    """
    return {
        "SECRET_KEY": hashlib.sha256(key.as_pem(private=True)).hexdigest(),
        "SERVER_NAME": urlsplit(directory.issuer(settings)).netloc,
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {
            "NAME": f"{settings.product_name} sign-in for development",
            "DATABASE": "memory",
            "LANGUAGE": "en",
            "TIMEZONE": "UTC",
            "JAVASCRIPT": False,
            "HTMX": False,
            "SMTP": None,
            "CAPTCHA_ENABLED": False,
            "ENABLE_PASSWORD_RECOVERY": False,
            "EMAIL_CONFIRMATION": False,
        },
        "CANAILLE_OIDC": {
            "ACTIVE_JWKS": [key.as_dict(private=True)],
            "TRUSTED_DOMAINS": [urlsplit(settings.portal_url).hostname],  # no consent page for the portal
        },
        "CANAILLE_SCIM": {"ENABLE_SERVER": False, "ENABLE_CLIENT": False},
    }


def _add_person(app: Flask, person: directory.Person) -> None:
    user = models.User(
        user_name=person.user_name,
        given_name=person.given_name,
        family_name=person.family_name,
        formatted_name=person.name,
        display_name=person.user_name,
        emails=[person.email],
        password=directory.PASSWORD,
    )
    app.backend.save(user)  # type: ignore[attr-defined]  # put there by Canaille


def _add_client(app: Flask, settings: Settings) -> None:
    client = models.Client(
        client_id=directory.CLIENT_ID,
        client_secret=directory.CLIENT_SECRET,
        client_id_issued_at=clock.now(),
        client_name=settings.product_name,
        client_uri=settings.portal_url,
        redirect_uris=[directory.redirect_uri(settings)],
        post_logout_redirect_uris=[f"{settings.portal_url}/"],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=SCOPES,
        id_token_signed_response_alg="RS256",  # noqa: S106  (no default in the memory backend)
        token_endpoint_auth_method="client_secret_basic",  # noqa: S106  (a method's name)
    )
    app.backend.save(client)  # type: ignore[attr-defined]
    client.audience = [client]
    app.backend.save(client)  # type: ignore[attr-defined]


def _signing_key(path: Path) -> RSAKey:
    """The key in `path`, made on first use, so that tokens still verify after a restart."""
    if path.exists():
        return _with_id(RSAKey.import_key(path.read_bytes()))
    key = RSAKey.generate_key(2048)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.as_pem(private=True))
    return _with_id(key)


def _with_id(key: RSAKey) -> RSAKey:
    key.ensure_kid()
    return key


class _OneAtATime:
    """Lets one request in at a time: Canaille's memory backend is plain dictionaries, not safe between threads."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            return self._app(environ, start_response)


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One process (what is in memory is not shared) with a few threads."""

    def __init__(self, app: Flask, bind: str) -> None:
        self._app = app
        self._options = {
            "bind": bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": 4,
            "loglevel": "warning",
            "graceful_timeout": 2,
            "control_socket_disable": True,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


if __name__ == "__main__":
    main()
