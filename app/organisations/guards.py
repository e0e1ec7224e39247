"""Which organisation is meant, and whether the person may do this in it: the guard `member`."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast
from uuid import UUID

from flask import g, request, session, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts import guards as accounts
from app.accounts.again import Danger
from app.accounts.models import THROUGH, Person
from app.core.errors import NotAllowed, NotFound
from app.organisations import providers, queries, roles
from app.organisations.acting import Actor
from app.organisations.models import Membership, Organisation
from app.organisations.queries import Place
from app.web import forgery, htmx
from app.web.guards import Guard, View, guarded

CHOSEN = "organisation_id"
"""Where the browser's session keeps the organisation that was switched to."""
NOWHERE = "organisations.index"
"""The page for somebody who belongs to no organisation."""
SHOWN = 8
"""Organisations that the switcher lists; the page of all of them has the others."""
SEEN_EVERY = timedelta(hours=1)
"""“Last seen” is written at most so often for each member."""


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

    @property
    def actor(self) -> Actor:
        """The person, as services of members and invitations know them."""
        return Actor(self.person.id, self.person.name, self.role)

    def may(self, permission: str) -> bool:
        """Whether to show a button; the guard behind it decides."""
        return roles.may(self.role, permission)

    @property
    def billing_email(self) -> str:
        """Where bills are to go when it first pays."""
        return self.organisation.billing_email or self.person.email or ""

    @property
    def place(self) -> Place:
        """The organisation with the membership in it."""
        return self._place()

    def _place(self) -> Place:
        places = self._places()
        if not places:
            raise NotAllowed("You belong to no organisation any more. Make one, or ask to be invited.")
        return places[0]

    def _places(self) -> list[Place]:
        """The current one first, and one more than the switcher lists if there are so many."""
        if "places" not in g:
            chosen = session.get(CHOSEN)
            preferred = UUID(chosen) if isinstance(chosen, str) else None
            g.places = queries.places_of(self.session, self.person.id, preferred=preferred, limit=SHOWN + 1)
            if through := session.get(THROUGH):
                g.places = self._behind(UUID(str(through)))
            if g.places:
                g.place = g.places[0]
                self._see(g.place[1])
        return cast(list[Place], g.places)

    def _behind(self, provider_id: UUID) -> list[Place]:
        """What a session that began with an organisation's own provider opens: that organisation alone."""
        try:
            _, organisation = providers.by_id(self.session, provider_id)
            return [queries.place_of(self.session, self.person.id, organisation.id)]
        except NotFound:
            return []

    def own_way(self) -> str | None:
        """Where to sign in first, because the organisation requires it; None for who may look. Owners always may."""
        organisation = self.organisation
        if not organisation.requires_sso or self.role == roles.OWNER or session.get(THROUGH):
            return None
        provider = providers.of(self.session, organisation.id)
        if provider is None or not providers.must_use(self.session, provider, self.person):
            return None
        is_known = providers.has_account(self.session, provider, self.person)
        page = htmx.page_url() if htmx.wants_fragment() else request.full_path.rstrip("?")
        way_back = page if request.method in forgery.SAFE_METHODS else None
        return url_for("sso.start", provider_id=provider.id, next=way_back, link=None if is_known else 1)

    def _see(self, membership: Membership) -> None:
        if membership.last_seen_at is None or self.now - membership.last_seen_at >= SEEN_EVERY:
            membership.last_seen_at = self.now
            self.session.add(membership)


current = Current()


class ForTemplates(Current):
    """`current` as layouts read it: on a public page, `person` is None when nobody is signed in."""

    @property
    def person(self) -> Person | None:  # type: ignore[override]  # templates ask first; views have a guard for it
        return self.visitor

    @property
    def here(self) -> Organisation | None:
        """The organisation whose name stands in the corner; None for somebody who belongs to none."""
        places = self._places()
        return places[0][0] if places else None

    @property
    def places(self) -> list[Organisation]:
        """What the switcher lists, the current one first; the page of all of them may have more."""
        return [organisation for organisation, _ in self._places()][:SHOWN]


for_templates = ForTemplates()


def member(permission: str, *, lately: Danger | None = None) -> Callable[[View], View]:
    """Somebody is signed in whose role in the current organisation includes `permission`.

    lately: what takes a recent sign-in as well; others are asked to sign in again.
    Raises ValueError, when the module is imported, for a permission that no role has.
    """
    if permission not in roles.ALL:
        raise ValueError(f"No role has the permission “{permission}”; see organisations/roles.py.")

    def check() -> ResponseReturnValue | None:
        turned_away = accounts.turn_away_strangers()
        if turned_away is None and for_templates.here is None:
            return htmx.leave(url_for(NOWHERE))
        if turned_away is None and (elsewhere := current.own_way()) is not None:
            return htmx.leave(elsewhere)
        if turned_away is None and not current.may(permission):
            raise NotAllowed(f"Your role in “{current.organisation.name}” does not include this. Ask its owner.")
        return turned_away or (again.hold_up(lately) if lately is not None else None)

    guard = Guard(f"member {permission}{' lately' if lately is not None else ''}", check)
    return lambda view: guarded(view, guard)
