"""Where GitHub tells which keys its secret scanning found. It proves that it is GitHub by signing the raw body."""

import hashlib

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.core import clock, net
from app.core.errors import Invalid, NotAllowed, Unavailable
from app.leaks import models, reports, services, signatures, signers
from app.leaks.reports import Report
from app.leaks.signers import Source
from app.web import database, limits, metrics
from app.web.current import current
from app.web.guards import public

bp = Blueprint("secret_scanning", __name__, url_prefix="/github")

BODY_BYTES = 8 * 1024 * 1024
"""Some thirty thousand matches: GitHub asks us to take large ones."""
PART = 100
"""So many in one transaction: what was done is done, whatever becomes of the rest."""


@bp.post("/secret-scanning")
@public
@limits.body_of_up_to(BODY_BYTES)
def receive() -> ResponseReturnValue:
    key_id = request.headers.get("Github-Public-Key-Identifier", "")
    signature = request.headers.get("Github-Public-Key-Signature", "")
    if not signatures.could_be(key_id, signature):
        return {"error": "The two headers of GitHub's signature are missing, or are none."}, 401
    try:
        pem = signers.pem_of(key_id, _source(), database.own_transaction, clock=clock.now)
    except NotAllowed as problem:
        return {"error": problem.message}, 401
    except Unavailable as problem:
        return {"error": problem.message}, 503, {"Retry-After": "60"}
    body = request.get_data()
    if not signatures.is_genuine(body, signature=signature, pem=pem):
        return {"error": "The signature does not fit the body."}, 401
    try:
        return _taken(reports.of_github(body))
    except Invalid as problem:
        return {"error": problem.message}, 400


def _taken(found: list[Report]) -> list[dict[str, str]]:
    """GitHub's feedback: of each match whether it was a key of ours, naming it by its digest."""
    labels = []
    for part in reports.in_parts(found, PART):
        with database.own_transaction() as session:
            taken = services.take_in(session, part, reporter=models.GITHUB, now=current.now)
        for report, is_ours in zip(part, taken.is_ours, strict=True):
            metrics.leak_reported(source=report.source, is_ours=is_ours)
            labels.append(
                {
                    "token_hash": hashlib.sha256(report.token.encode()).hexdigest(),
                    "token_type": report.kind,
                    "label": "true_positive" if is_ours else "false_positive",
                }
            )
    return labels


def _source() -> Source:
    settings = current.settings
    return Source(settings.github_keys_url, settings.github_token.get_secret_value(), net.from_settings(settings))
