"""Clients of organisations' own identity providers, each made once per process and way of being connected."""

from collections import OrderedDict
from datetime import datetime
from threading import Lock
from uuid import UUID

from app.accounts.oauth import Client
from app.accounts.providers import Provider
from app.core import net, vault
from app.core.config import Settings
from app.organisations import providers
from app.organisations.provider_models import OwnProvider

MOST = 200


class Clients:
    """What they asked their providers (addresses, keys) is kept with them, so they are; the least used go first."""

    def __init__(self, settings: Settings) -> None:
        self._guard = net.from_settings(settings)
        self._safe = vault.from_settings(settings)
        self._made: OrderedDict[tuple[UUID, datetime], Client] = OrderedDict()
        self._lock = Lock()

    def of(self, provider: OwnProvider) -> Client:
        """Raises vault.CannotOpen where its secret was sealed with a key that is gone."""
        place = (provider.id, provider.changed_at)
        with self._lock:
            if place not in self._made:
                self._made[place] = self._client(provider)
            self._made.move_to_end(place)
            while len(self._made) > MOST:
                self._made.popitem(last=False)
            return self._made[place]

    def fresh(self, provider: OwnProvider) -> Client:
        """One that has asked its provider nothing yet."""
        return self._client(provider)

    def _client(self, provider: OwnProvider) -> Client:
        secret = self._safe.open(provider.client_secret, place=providers.place_of(provider.id))
        known = Provider(
            name=providers.KIND,
            label=provider.label,
            client_id=provider.client_id,
            client_secret=secret,
            discovery_url=provider.issuer.rstrip("/") + "/.well-known/openid-configuration",
        )
        return Client(known, guard=self._guard)
