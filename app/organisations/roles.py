"""What each role may do. The whole table, so that it can be read in one look."""

READ = frozenset({"keys:read", "usage:read", "billing:read"})
WRITE = frozenset({"keys:write"})
MONEY = frozenset({"billing:write"})
SETTINGS = frozenset({"webhooks:write"})

PERMISSIONS: dict[str, frozenset[str]] = {
    "owner": READ | WRITE | MONEY | SETTINGS,
    "member": READ | WRITE,
}

ALL = frozenset().union(*PERMISSIONS.values())
"""Every permission there is; a guard that names another one is a typing error."""


def may(role: str, permission: str) -> bool:
    """Whether `role` includes `permission`; an unknown role includes nothing."""
    return permission in PERMISSIONS.get(role, frozenset())
