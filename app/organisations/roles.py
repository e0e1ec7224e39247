"""What each role may do. The whole table, so that it can be read in one look.

Guards, pages and tests read it, and so does the page that explains roles to whoever invites somebody.
"""

OWNER = "owner"
ADMIN = "admin"
DEVELOPER = "developer"
BILLING = "billing"
VIEWER = "viewer"

LOOK = frozenset({"organisation:read", "members:read", "keys:read", "usage:read", "billing:read"})
BUILD = frozenset({"keys:write", "webhooks:read", "webhooks:write", "alerts:write"})
PAY = frozenset({"billing:write"})
RUN = frozenset({"organisation:write", "members:write", "sso:write", "api:write", "audit:read"})
OWN = frozenset({"organisation:delete", "ownership:write"})

PERMISSIONS: dict[str, frozenset[str]] = {
    OWNER: LOOK | BUILD | PAY | RUN | OWN,
    ADMIN: LOOK | BUILD | PAY | RUN,
    DEVELOPER: LOOK | BUILD,
    BILLING: LOOK | PAY,
    VIEWER: LOOK,
}
"""Widest first."""

DESCRIPTIONS: dict[str, str] = {
    OWNER: "Everything, including giving the organisation to somebody else and deleting it.",
    ADMIN: "Everything but deleting the organisation: people, sign-in, keys, plan, payments and the audit log.",
    DEVELOPER: "Makes and revokes keys and webhook endpoints, tunes alerts on use; sees usage, spend and invoices.",
    BILLING: "Chooses the plan, pays, sets caps; sees usage and keys but cannot make any.",
    VIEWER: "Sees keys, usage, spend and invoices; changes nothing.",
}

RUNNERS = (OWNER, ADMIN)
"""Who runs an organisation: making somebody one of these takes a recent sign-in."""

ALL = frozenset().union(*PERMISSIONS.values())
"""Every permission there is; a guard that names another one is a typing error."""


def may(role: str, permission: str) -> bool:
    """Whether `role` includes `permission`; an unknown role includes nothing."""
    return permission in PERMISSIONS.get(role, frozenset())


def covers(role: str, other: str) -> bool:
    """Whether `role` may do all that `other` may: who may give it, and whom it may change."""
    return role in PERMISSIONS and other in PERMISSIONS and PERMISSIONS[role] >= PERMISSIONS[other]


def given_by(role: str) -> list[str]:
    """The roles that somebody of this one may give, widest first."""
    return [other for other in PERMISSIONS if covers(role, other)]


def with_permission(permission: str) -> list[str]:
    """The roles that include it, widest first."""
    return [role for role in PERMISSIONS if may(role, permission)]
