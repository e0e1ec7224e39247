"""The stand-in as a WSGI application: the API, its pages, and the knobs that the real one lacks."""

from pathlib import Path

from flask import Flask
from werkzeug.exceptions import HTTPException

from app.sandbox.stripe import controls, front, pages
from app.sandbox.stripe.desk import Desk, Settings
from app.sandbox.stripe.errors import Refused


def create_app(settings: Settings, path: Path | None = None) -> Flask:
    """path: of its database; None keeps everything in memory. The desk is `app.extensions["stripe"]`."""
    app = Flask(__name__, static_url_path="/_look")
    desk = Desk(settings, path)
    if settings.webhook_url:
        desk.store.set_fact("endpoint", {"url": settings.webhook_url, "secret": settings.webhook_secret})
    app.extensions["stripe"] = desk
    front.attach(app)
    app.register_blueprint(controls.bp)
    pages.attach(app)
    app.register_error_handler(HTTPException, front.unknown_path)
    app.register_error_handler(Refused, front.refused)
    return app
