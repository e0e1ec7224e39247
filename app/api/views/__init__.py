"""Addresses of the API, and the page of admin keys."""

from app.api.endpoints import bp as api_bp
from app.api.views import admin_keys, billing, document, keys, members, organisation, usage

blueprints = (api_bp, admin_keys.bp)

__all__ = ["api_bp", "billing", "blueprints", "document", "keys", "members", "organisation", "usage"]
