"""What a gateway knows by heart: who may call, and where calls go.

One thread changes it (feed.py) while the event loop reads it. Each reader makes one dictionary look-up, which is atomic
in CPython, and each change is ordered so that whoever reads between two of its steps is refused rather than let in.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.gateway import shelves
from app.gateway.shelves import Shelf
from app.gateway.upstream import address
from app.gateway.upstream.address import Address
from app.integrations.catalogue import Catalogue
from app.integrations.routes import Route
from app.keys.grants import Grant, KnownKey
from app.keys.models import LIVE

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Destination:
    """A route with its address taken apart."""

    route: Route
    address: Address


class Policy:
    """live, closed: SHA-256 of a secret to its grant; the closed are revoked, switched off or retired. by_prefix: a
    secret's readable start to its grant, to tell whose a broken key was meant to be. destinations: slug to destination,
    switched off ones included. installed: an organisation to the integrations that it may use although they are not
    open to all. shelves: an integration, by the number that its id is (an id itself takes a Python function to hash),
    to its tools. version: of the change feed, up to which all is known.
    """

    def __init__(self) -> None:
        self.live: dict[bytes, Grant] = {}
        self.closed: dict[bytes, Grant] = {}
        self.by_prefix: dict[str, Grant] = {}
        self.destinations: dict[str, Destination] = {}
        self.installed: dict[UUID, frozenset[UUID]] = {}
        self.shelves: dict[int, Shelf] = {}
        self.version = 0
        self._keys: dict[UUID, tuple[bytes, str]] = {}
        self._earlier: dict[UUID, tuple[tuple[bytes, str], ...]] = {}
        self._slugs: dict[UUID, str] = {}

    def replace(
        self,
        *,
        keys: Iterable[KnownKey],
        routes: Iterable[Route],
        installed: Mapping[UUID, frozenset[UUID]],
        catalogues: Iterable[Catalogue],
    ) -> None:
        """Forget everything and know only these."""
        fresh = Policy()
        fresh.put_keys(keys)
        fresh.put_routes(routes)
        fresh.put_installed(installed)
        fresh.put_catalogues(catalogues)
        vars(self).update(vars(fresh))

    def put_keys(self, keys: Iterable[KnownKey]) -> None:
        """Know these keys as they are now, with the secrets that they had before."""
        for key in keys:
            key_id = key.grant.key_id
            former = self._keys.get(key_id)
            self._put_secret(key)
            self._keys[key_id] = (key.digest, key.prefix)
            if key.earlier or key_id in self._earlier or (former is not None and former[0] != key.digest):
                self._put_earlier(key, former)

    def drop_keys(self, key_ids: Iterable[UUID]) -> None:
        """These keys exist no more."""
        for key_id in key_ids:
            if key_id in self._keys:
                for digest, prefix in (self._keys.pop(key_id), *self._earlier.pop(key_id, ())):
                    self._drop_secret(digest, prefix)

    def _put_secret(self, key: KnownKey) -> None:
        if key.grant.state == LIVE:
            self.live[key.digest] = key.grant
            self.closed.pop(key.digest, None)
        else:
            self.closed[key.digest] = key.grant
            self.live.pop(key.digest, None)
        self.by_prefix[key.prefix] = key.grant

    def _put_earlier(self, key: KnownKey, former: tuple[bytes, str] | None) -> None:
        """former: what was the key's own secret until now."""
        known = self._earlier.pop(key.grant.key_id, ())
        for one in key.earlier:
            self._put_secret(one)
        kept = {key.digest, *[one.digest for one in key.earlier]}
        before = known if former is None else (*known, former)
        for digest, prefix in before:
            if digest not in kept:
                self._drop_secret(digest, prefix)
        if key.earlier:
            self._earlier[key.grant.key_id] = tuple((one.digest, one.prefix) for one in key.earlier)

    def _drop_secret(self, digest: bytes, prefix: str) -> None:
        self.live.pop(digest, None)
        self.closed.pop(digest, None)
        self.by_prefix.pop(prefix, None)

    def grant_of(self, key_id: UUID) -> Grant | None:
        """The grant of a live key as it is now; None when the key opens nothing any more."""
        known = self._keys.get(key_id)
        return None if known is None else self.live.get(known[0])

    def put_routes(self, routes: Iterable[Route]) -> None:
        """Know these integrations as they are now."""
        for route in routes:
            former = self._slugs.get(route.integration_id)
            if former is not None and former != route.slug:
                self.destinations.pop(former, None)
            self._slugs[route.integration_id] = route.slug
            try:
                self.destinations[route.slug] = Destination(route, address.parse(route.upstream_url))
            except ValueError as problem:
                log.error("policy.bad_address", extra={"integration": route.slug, "error": str(problem)})
                self.destinations.pop(route.slug, None)

    def drop_routes(self, integration_ids: Iterable[UUID]) -> None:
        """These integrations exist no more."""
        for integration_id in integration_ids:
            self.shelves.pop(integration_id.int, None)
            slug = self._slugs.pop(integration_id, None)
            if slug is not None:
                self.destinations.pop(slug, None)

    def put_installed(self, installed: Mapping[UUID, frozenset[UUID]]) -> None:
        """Know what these organisations have installed; nothing at all may be among it."""
        for organisation_id, integration_ids in installed.items():
            if integration_ids:
                self.installed[organisation_id] = integration_ids
            else:
                self.installed.pop(organisation_id, None)

    def put_catalogues(self, catalogues: Iterable[Catalogue]) -> None:
        """Know the tools of these integrations as they are now."""
        for catalogue in catalogues:
            self.shelves[catalogue.integration_id.int] = Shelf(catalogue)

    def shelf_of(self, destination: Destination) -> Shelf:
        """The tools of an integration, none at all while they are not known."""
        integration_id = destination.route.integration_id
        return self.shelves.get(integration_id.int) or shelves.nothing_of(integration_id)
