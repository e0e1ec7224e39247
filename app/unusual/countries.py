"""Which country an address is in, by a file in MaxMind's format that whoever runs Postern keeps up to date."""

import logging
from pathlib import Path

import maxminddb
from maxminddb import InvalidDatabaseError, Reader

from app.keys.seen_models import KeySighting
from app.unusual.places import Place

log = logging.getLogger(__name__)

LENGTH = 60
NEVER_LOOKED = (-1, -1)


class Unreadable(Exception):
    """The file is not there, or is none of these. The message says so."""


class Countries:
    """Read anew when the file is another; as long as it cannot be read, nothing is known of countries, and logged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._version: tuple[int, int] | None = NEVER_LOOKED

    def is_open(self) -> bool:
        """Whether countries are known."""
        version = _version_of(self._path)
        if version != self._version:
            self._version, self._reader = version, None
            try:
                self._reader = opened(self._path)
            except Unreadable as problem:
                log.warning("countries.unreadable", extra={"error": str(problem)})
        return self._reader is not None

    def of(self, sighting: KeySighting) -> Place | None:
        """“NO”, Norway; None for an address that is in no country, or that nobody knows."""
        if self._reader is None:
            return None
        try:
            found = self._reader.get(sighting.address)
        except ValueError:  # no address: gateways write what they see
            return None
        country = found.get("country") if isinstance(found, dict) else None
        code = country.get("iso_code") if isinstance(country, dict) else None
        if not isinstance(country, dict) or not isinstance(code, str):
            return None
        names = country.get("names")
        name = names.get("en") if isinstance(names, dict) else None
        return Place(code[:2], name[:LENGTH] if isinstance(name, str) else code[:2])


def opened(path: Path) -> Reader:
    """In memory, so that the file may be replaced meanwhile. Raises Unreadable."""
    try:
        return maxminddb.open_database(path, maxminddb.MODE_MEMORY)
    except (OSError, ValueError, InvalidDatabaseError) as problem:
        raise Unreadable(f"{path} cannot be read as a list of countries (.mmdb): {problem}") from None


def _version_of(path: Path) -> tuple[int, int] | None:
    """When it was written and how long it is; None for a file that is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
