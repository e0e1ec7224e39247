"""Pages for people: what Stripe hosts (Checkout, portal, invoices), and a look behind the counter."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, abort, request, send_file
from flask.typing import ResponseReturnValue

from app.sandbox.stripe import arithmetic
from app.sandbox.stripe.pages import checkout, home, invoice, portal

TOKENS = Path(__file__).resolve().parents[4] / "static" / "css" / "tokens.css"
_LOCAL = ("127.0.0.1", "localhost")


def attach(app: Flask) -> None:
    """Let `app` show them all."""
    for each in (checkout.bp, home.bp, invoice.bp, portal.bp):
        app.register_blueprint(each)
    app.add_url_rule("/_look/tokens.css", "tokens", _tokens)
    app.before_request(_only_from_here)
    filters: dict[str, Callable[..., str]] = {"money": arithmetic.shown, "day": _day, "moment": _moment}
    app.jinja_env.filters.update(filters)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _tokens() -> ResponseReturnValue:
    return send_file(TOKENS)


def _only_from_here() -> ResponseReturnValue | None:
    """Pages of other sites may neither post here nor reach us by a name of theirs."""
    if urlsplit(f"//{request.host}").hostname not in _LOCAL:
        abort(403, "The stand-in answers to 127.0.0.1 and localhost only.")
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin is not None and urlsplit(origin).netloc != request.host:
        abort(403, "That form is another site’s.")
    return None


def _day(moment: int | None) -> str:
    """“1 Dec 2026”; nothing for None."""
    return f"{(at := datetime.fromtimestamp(moment, UTC)).day} {at:%b %Y}" if moment is not None else ""


def _moment(moment: int | None) -> str:
    """“1 Dec 2026, 14:05 UTC”; nothing for None."""
    return f"{_day(moment)}, {datetime.fromtimestamp(moment, UTC):%H:%M} UTC" if moment is not None else ""
