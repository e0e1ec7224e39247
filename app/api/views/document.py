"""The document that says all of it: for people, clients and tests."""

from flask import jsonify
from flask.typing import ResponseReturnValue

from app.api import openapi
from app.api.endpoints import ENDPOINTS, bp
from app.web.current import current
from app.web.guards import public


@bp.get("/openapi.json")
@public
def openapi_json() -> ResponseReturnValue:
    settings = current.settings
    return jsonify(openapi.document(ENDPOINTS, product=settings.product_name, portal_url=settings.portal_url))
