"""Who asks the API: a program with an admin key, in `Authorization: Bearer …`. No cookie is read or set."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

from flask import Response, g, request
from flask.typing import ResponseReturnValue

from app.api import answers, problems, rates
from app.api.rates import Rate
from app.core import audit, crypto
from app.core.errors import NotAllowed
from app.keys import admin_keys, admin_models, tokens
from app.keys.admin_models import AdminKey
from app.organisations import roles
from app.organisations.acting import Actor
from app.organisations.models import SUSPENDED, Organisation
from app.web import current as web_current
from app.web import database
from app.web.guards import Guard, View, guarded

_WHY_CLOSED = {admin_models.REVOKED: "This admin key was revoked.", admin_models.EXPIRED: "This admin key has expired."}


@dataclass(frozen=True, slots=True)
class _Caller:
    key: AdminKey
    organisation: Organisation
    secret: str
    rate: Rate


class Current(web_current.Current):
    """Also knows the admin key and its organisation, behind `api`."""

    @property
    def key(self) -> AdminKey:
        """The admin key that came with the request."""
        return self._caller.key

    @property
    def secret(self) -> str:
        """That key itself."""
        return self._caller.secret

    @property
    def organisation(self) -> Organisation:
        """The tenant whose things this request sees."""
        return self._caller.organisation

    def may(self, permission: str) -> bool:
        """Whether its role includes it, beside the one that the address needs."""
        return roles.may(self.key.role, permission)

    @property
    def visit(self) -> UUID:
        """By which Stripe knows this very request again, if it comes a second time with the same Idempotency-Key."""
        return answers.visit_of(self.key.id, request.headers.get("Idempotency-Key"))

    @property
    def actor(self) -> Actor:
        """The program, as services of members and invitations know who asks."""
        return Actor(None, f"“{self.key.name}” (a program)", self.key.role)

    @property
    def _caller(self) -> _Caller:
        return cast(_Caller, g.api_caller)


current = Current()


def api(permission: str) -> Callable[[View], View]:
    """An admin key came along whose role includes `permission`, and which has not asked too often.

    A suspended organisation's opens nothing, reads neither, as its keys open no gateway. While one is being deleted the
    API goes on, as its pages do: what has to be read or undone before the end is possible.

    Raises ValueError, when the module is imported, for a permission that no role has.
    """
    if permission not in roles.ALL:
        raise ValueError(f"No role has the permission “{permission}”; see organisations/roles.py.")

    def check() -> ResponseReturnValue | None:
        secret = _presented()
        if isinstance(secret, Response):
            return secret
        found = admin_keys.by_digest(current.session, crypto.digest(secret))
        if found is None:
            return _unauthorised("There is no such admin key.")
        key, organisation = found
        state = key.state_at(current.now)
        if state != admin_models.LIVE:
            return _unauthorised(_WHY_CLOSED[state])
        if organisation.deleted_at is not None:
            return _unauthorised("The organisation of this admin key was deleted.")
        with database.own_transaction() as counting:
            rate = rates.count(counting, key.id, now=current.now)
        g.api_caller = _Caller(key, organisation, secret, rate)
        audit.set_origin(
            replace(audit.origin(), kind=audit.ADMIN_KEY, person_id=None, name=key.name, admin_key_id=key.id)
        )
        if rate.is_over:
            words = f"This admin key may ask {rates.MOST} times a minute. Wait {rate.resets_s} s."
            answer = problems.written(429, words)
            answer.headers["Retry-After"] = str(rate.resets_s)
            return answer
        if organisation.stopped_why == SUSPENDED:
            raise NotAllowed(
                f"“{organisation.name}” is suspended by whoever runs this gateway: "
                f"{organisation.stopped_words.rstrip('.')}. Its members can still open its pages in the portal."
            )
        if not roles.may(key.role, permission):
            raise NotAllowed(f"This admin key has the role “{key.role}”, which does not include {permission}.")
        return None

    guard = Guard(f"api {permission}", check)
    return lambda view: guarded(view, guard)


def tell_rate(answer: Response) -> Response:
    """How often the key may still ask."""
    caller = g.get("api_caller")
    if isinstance(caller, _Caller):
        answer.headers["RateLimit-Policy"] = rates.POLICY
        answer.headers["RateLimit"] = caller.rate.said
    return answer


def _presented() -> str | Response:
    """The admin key of the request, or the answer to one without."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    text = text.strip()
    if not scheme:
        return _unauthorised("Send an admin key: “Authorization: Bearer …”. Owners and admins make them in the portal.")
    if scheme.lower() != "bearer" or not text:
        return _unauthorised("Send the admin key as “Authorization: Bearer …”; other schemes are not known here.")
    if tokens.is_complete(text):
        return _unauthorised("This is a key for the gateway. The API takes admin keys, which are made in the portal.")
    if not tokens.is_complete_admin(text):
        return _unauthorised("This is no complete admin key. Copy it again, from beginning to end.")
    return text


def _unauthorised(words: str) -> Response:
    answer = problems.written(401, words)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
