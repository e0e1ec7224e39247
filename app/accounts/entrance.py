"""What lies behind the door. The portal says so, since accounts know nothing of organisations, keys or other pages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from flask import Flask, current_app
from sqlmodel import Session

from app.accounts import providers
from app.accounts.models import Person
from app.accounts.oauth import Client
from app.core.config import Settings

EXTENSION = "postern.entrance"


class Welcome(Protocol):
    """Gives a newcomer what they need, in the transaction that makes them.

    Returns secrets by name, for web.session_secrets: what the page `newcomers_to` shows this once. is_invited: they go
    to an invitation first and not to that page, so nothing is made that would be shown there.
    """

    def __call__(self, session: Session, person: Person, now: datetime, *, is_invited: bool) -> Mapping[str, str]: ...


SampleCall = Callable[[Session], str | None]
"""A command for the landing page, with YOUR_KEY in it; None when there is nothing to call yet."""


@dataclass(frozen=True)
class Entrance:
    """clients: by provider name, in the order of their buttons. newcomers_to, others_to: endpoints. invitations: what
    the paths of invitations begin with.
    """

    clients: Mapping[str, Client]
    welcome: Welcome
    newcomers_to: str
    others_to: str
    sample_call: SampleCall
    invitations: str


def install(
    app: Flask,
    settings: Settings,
    *,
    welcome: Welcome,
    newcomers_to: str,
    others_to: str,
    sample_call: SampleCall,
    invitations: str,
) -> None:
    """Open the door. Raises Invalid if the providers in the settings make no sense."""
    clients = {one.name: Client(one) for one in providers.of(settings)}
    app.extensions[EXTENSION] = Entrance(clients, welcome, newcomers_to, others_to, sample_call, invitations)


def current() -> Entrance:
    """The entrance of this portal."""
    return cast(Entrance, current_app.extensions[EXTENSION])
