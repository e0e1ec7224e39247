"""Who is asking: sign-in state by Flask-Login on our sessions, and the guards `signed_in` and `operator`."""

from collections.abc import Callable
from uuid import UUID

import flask_login
from flask import Flask, Response, g, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again, queries
from app.accounts.again import Danger
from app.accounts.models import THROUGH, Person
from app.core import audit
from app.core.errors import NotFound
from app.web import current as web_current
from app.web import forgery, htmx, session
from app.web.guards import Guard, View, guarded


class Current(web_current.Current):
    """Also knows the person, behind `signed_in` and every stricter guard."""

    @property
    def person(self) -> Person:
        """Who is signed in. Raises LookupError in a view whose guard lets anybody in."""
        person = self.visitor
        if person is None:
            raise LookupError("Nobody is signed in, and this view's guard does not ask for it.")
        return person

    @property
    def visitor(self) -> Person | None:
        """Who is signed in, if anyone: for public pages. Reading it makes the answer depend on the cookie."""
        account = flask_login.current_user
        return account.person if account.is_authenticated else None


current = Current()


class Account(flask_login.UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A person as Flask-Login wants to see one."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.is_operator = person.is_operator

    def get_id(self) -> str:
        return str(self.person.id)


class _Login(flask_login.LoginManager):  # type: ignore[misc]
    """Flask-Login without its remember cookie, which cannot be revoked and outlives a sign-out."""

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


def install(app: Flask) -> None:
    """Have Flask-Login find the person behind a session."""
    login = _Login()
    login.session_protection = None  # it would trust X-Forwarded-For; our sessions are rows that can be ended
    login.user_loader(_account)
    login.unauthorized_handler(_to_sign_in)
    login.init_app(app, add_context_processor=False)


def signed_in(view: View) -> View:
    """Somebody is signed in; `current.person` says who."""
    return guarded(view, _SIGNED_IN)


def operator(view: View) -> View:
    """Somebody who runs this installation is signed in. For others the page does not exist."""
    return guarded(view, _OPERATOR)


def signed_in_lately(danger: Danger) -> Callable[[View], View]:
    """Somebody is signed in, and signed in lately where `danger` is: others are asked to sign in again."""
    return _lately(_SIGNED_IN, danger)


def operator_lately(danger: Danger) -> Callable[[View], View]:
    """The same for operators."""
    return _lately(_OPERATOR, danger)


def is_operator_here() -> bool:
    """Whether this page's guard let an operator in; for menus, so it asks the database nothing."""
    return getattr(g.get("_login_user"), "is_operator", False) is True


def turn_away_strangers() -> ResponseReturnValue | None:
    """The way to sign in, if nobody is signed in: what `signed_in` does, for guards that ask for more."""
    if current.visitor is None:
        return _to_sign_in()
    return None


def _only_operators() -> ResponseReturnValue | None:
    turned_away = turn_away_strangers()
    if turned_away is None and (not current.person.is_operator or session.current().get(THROUGH)):
        raise NotFound("There is nothing at this address, or it is not yours to see.")
    if turned_away is None:
        audit.as_operator()
    return turned_away


def _lately(guard: Guard, danger: Danger) -> Callable[[View], View]:
    lately = Guard(f"{guard.name}_lately", lambda: guard.check() or again.hold_up(danger))
    return lambda view: guarded(view, lately)


def _account(person_id: str) -> Account | None:
    person = queries.person(current.session, UUID(person_id))
    if person is None:
        return None
    audit.acts(person.id, person.name)
    return Account(person)


def _to_sign_in() -> Response:
    """To the sign-in page and, for what can be asked again, back here afterwards."""
    if htmx.wants_fragment():
        way_back = htmx.page_url()
    else:
        way_back = request.full_path.rstrip("?") if request.method in forgery.SAFE_METHODS else None
    return htmx.leave(url_for("sign_in.index", next=way_back), status=401)


_SIGNED_IN = Guard("signed_in", turn_away_strangers)
_OPERATOR = Guard("operator", _only_operators)
