"""`postern doctor` asks integrations as the gateway would, and says why it would not."""

import pytest

from app.cli import doctor
from app.core.net import Guard
from tests.core.hosts import Host, answer, says

LOCAL = Guard(private_networks=["127.0.0.0/8"])


@pytest.mark.parametrize(("status", "is_well"), [("200 OK", True), ("405 No", True), ("503 Busy", False)])
def test_an_integration_that_answers_is_well(status, is_well):
    with Host(says(answer(status=status))) as host:
        finding = doctor._registered(LOCAL, "integration search", host.url)

    assert (finding.is_well, finding.words) == (is_well, f"{host.url} answers {status[:3]}")


def test_an_integration_at_an_address_inside_is_not_asked():
    with Host() as canary:
        finding = doctor._registered(Guard(), "integration search", canary.url.replace("http", "https"))

        assert not finding.is_well
        assert "127.0.0.1" in finding.words
        assert "POSTERN_PRIVATE_NETWORKS" in finding.words
        assert canary.connections == 0


def test_an_integration_that_is_away_is_said_to_be():
    with Host() as host:
        pass

    assert not doctor._registered(LOCAL, "integration search", host.url).is_well
