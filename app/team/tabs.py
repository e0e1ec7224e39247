"""The pages about an organisation itself, as links above each of them: those that the reader's role includes."""

from flask import current_app, request, url_for

from app.organisations.guards import current

TABS = (
    ("Settings", "organisation.index", "organisation:read"),
    ("Members", "members.index", "members:read"),
    ("Single sign-on", "own_provider.index", "sso:write"),
    ("Admin keys", "api_keys.index", "api:write"),
    ("Audit log", "audit.index", "audit:read"),
)


def tabs() -> list[dict[str, object]]:
    """What ui.segments reads."""
    return [
        {
            "label": label,
            "url": url_for(endpoint),
            "is_current": request.blueprint == endpoint.partition(".")[0],
        }
        for label, endpoint, permission in TABS
        if endpoint in current_app.view_functions and current.may(permission)
    ]
