"""The portal with an OpenID provider behind its door."""

import pytest

from tests.accounts.provider import Provider


@pytest.fixture(scope="session")
def started_provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def provider(started_provider):
    """Truthful again for each test."""
    started_provider.reset()
    return started_provider


@pytest.fixture
def settings(settings, provider):
    return settings.model_copy(update={"oidc_providers": (provider.settings(),)})


@pytest.fixture
def come_in(provider):
    """Takes a browser through the whole way in and answers the end of it."""

    def go(browser, *, start="/sign-in/local", status=303, **claims):
        location = browser.get(start, status=303).location
        return browser.get(provider.approve(location, **claims), status=status)

    return go
