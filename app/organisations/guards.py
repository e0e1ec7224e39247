"""Which organisation is meant, and whether the person may do this in it: the guard `member`."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from flask import g, session
from flask.typing import ResponseReturnValue

from app.accounts import guards as accounts
from app.accounts.models import Person
from app.core.errors import NotAllowed
from app.organisations import queries, roles
from app.organisations.models import Membership, Organisation
from app.web.guards import Guard, View, guarded

CHOSEN = "organisation_id"
"""Where the browser's session keeps the organisation that was switched to."""


class Current(accounts.Current):
    """Also knows the organisation, behind `member`."""

    @property
    def organisation(self) -> Organisation:
        """The tenant whose things this request sees."""
        return self._place()[0]

    @property
    def role(self) -> str:
        """What the person is in it: of roles.py."""
        return self._place()[1].role

    def may(self, permission: str) -> bool:
        """Whether to show a button; the guard behind it decides."""
        return roles.may(self.role, permission)

    def _place(self) -> tuple[Organisation, Membership]:
        if "place" not in g:
            chosen = session.get(CHOSEN)
            place = queries.membership_of(
                self.session, self.person.id, preferred=UUID(chosen) if isinstance(chosen, str) else None
            )
            if place is None:
                raise NotAllowed("You belong to no organisation any more. Ask its owner to invite you again.")
            g.place = place
        return cast(tuple[Organisation, Membership], g.place)


current = Current()


class ForTemplates(Current):
    """`current` as layouts read it: on a public page, `person` is None when nobody is signed in."""

    @property
    def person(self) -> Person | None:  # type: ignore[override]  # templates ask first; views have a guard for it
        return self.visitor


for_templates = ForTemplates()


def member(permission: str) -> Callable[[View], View]:
    """Somebody is signed in whose role in the current organisation includes `permission`.

    Raises ValueError, when the module is imported, for a permission that no role has.
    """
    if permission not in roles.ALL:
        raise ValueError(f"No role has the permission “{permission}”; see organisations/roles.py.")

    def check() -> ResponseReturnValue | None:
        turned_away = accounts.turn_away_strangers()
        if turned_away is None and not current.may(permission):
            raise NotAllowed(f"Your role in “{current.organisation.name}” does not include this. Ask its owner.")
        return turned_away

    guard = Guard(f"member {permission}", check)
    return lambda view: guarded(view, guard)
