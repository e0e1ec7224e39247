"""The portal with an OpenID provider behind its door."""

from tests.accounts.conftest import come_in, provider, settings, started_provider
from tests.team.own_provider import connected, idp, records, started_idp

__all__ = ["come_in", "connected", "idp", "provider", "records", "settings", "started_idp", "started_provider"]
