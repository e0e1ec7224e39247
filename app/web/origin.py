"""Where changes come from, for the audit trail: the address and browser of the request in hand (app/core/audit.py).

Who asks is added by accounts once it is asked for, that it is an operator by the operator's guard.
"""

from flask import Flask, request

from app.core import audit
from app.core.audit import Origin


def install(app: Flask) -> None:
    """Say it for each request before anything else may be written down, and forget it afterwards."""
    app.before_request(_say)
    app.teardown_request(_forget)


def _say() -> None:
    audit.set_origin(
        Origin(kind=audit.PERSON, address=request.remote_addr or "", client=request.headers.get("User-Agent", ""))
    )


def _forget(_problem: BaseException | None) -> None:
    audit.set_origin(None)
