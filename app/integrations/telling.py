"""Mail about tools that were found to have changed: to operators, who decide, and to whom the integration was given.

It names tools and what kind of change it was, never a word of their definitions: those may be meant to mislead.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core import mail
from app.integrations.models import Installation, Integration, ToolChange
from app.organisations import roles
from app.organisations.models import Membership

TEMPLATE = "tools_changed"
SHOWN_AT_MOST = 50

_KINDS = {"new": "is new", "changed": "has changed", "gone": "is gone"}


def tell(session: Session, integration: Integration, changes: Sequence[ToolChange], *, now: datetime) -> int:
    """Have everybody told once who should know of those changes that wait for a decision; gives how many were."""
    waiting = [change for change in changes if not change.decision]
    if not waiting:
        return 0
    context: dict[str, mail.Words] = {
        "integration": integration.name,
        "slug": integration.slug,
        "changes": [_line(change) for change in waiting[:SHOWN_AT_MOST]],
        "more": max(0, len(waiting) - SHOWN_AT_MOST),
    }
    operators = _operators(session)
    told = 0
    for address in dict.fromkeys([*operators, *_owners(session, integration)]):
        about = context | {"decides": int(address in operators)}
        key = f"tools:{waiting[0].id}"
        told += mail.queue(session, to=address, template=TEMPLATE, context=about, key=key, now=now)
    return told


def _line(change: ToolChange) -> str:
    found = len(change.findings)
    looks = f", and looks poisoned in {found} place{'s' if found > 1 else ''}" if found else ""
    return f"“{change.tool}” {_KINDS[change.kind]}{looks}"


def _operators(session: Session) -> list[str]:
    found = session.exec(select(Person.email).where(col(Person.is_operator)).order_by(Person.email))
    return [address for address in found if address]


def _owners(session: Session, integration: Integration) -> list[str]:
    """Of the organisations that it was installed for. One that is open to all was given to nobody."""
    statement = (
        select(Person.email)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .join(Installation, col(Installation.organisation_id) == col(Membership.organisation_id))
        .where(Installation.integration_id == integration.id, Membership.role == roles.OWNER)
        .order_by(Person.email)
    )
    return [address for address in session.exec(statement) if address]
