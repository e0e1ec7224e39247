import pytest

from app.core.net import Guard
from app.core.vault import Vault
from app.webhooks import services


@pytest.fixture
def guard():
    """Lets messages go to this machine, where tests receive them."""
    return Guard(private_networks=["127.0.0.0/8"], requires_https=False)


@pytest.fixture
def safe():
    return Vault(["a key of thirty-two characters or more"])


@pytest.fixture
def organisation(make):
    return make.organisation("Acme", owner=make.person())


@pytest.fixture
def add(session, organisation, guard, safe, now, make):
    """Makes an endpoint: `add(url)` gives it and its secret."""

    def make_one(url):
        return services.add(
            session, organisation=organisation, url=url, guard=guard, safe=safe, person_id=make.person().id, now=now
        )

    return make_one
