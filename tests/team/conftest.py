"""The portal with an OpenID provider behind its door."""

from tests.accounts.conftest import come_in, provider, settings, started_provider

__all__ = ["come_in", "provider", "settings", "started_provider"]
