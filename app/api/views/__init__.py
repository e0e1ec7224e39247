"""Addresses of the API, and the page of admin keys."""

from app.api.endpoints import bp as api_bp
from app.api.views import (
    admin_keys,
    alerts,
    audit,
    billing,
    calls,
    credit,
    document,
    key_acts,
    key_rules,
    keys,
    limits,
    lines,
    members,
    organisation,
    plan,
    usage,
    webhooks,
)

blueprints = (api_bp, admin_keys.bp)

__all__ = [
    "alerts",
    "api_bp",
    "audit",
    "billing",
    "blueprints",
    "calls",
    "credit",
    "document",
    "key_acts",
    "key_rules",
    "keys",
    "limits",
    "lines",
    "members",
    "organisation",
    "plan",
    "usage",
    "webhooks",
]
