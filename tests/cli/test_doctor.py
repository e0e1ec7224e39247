"""`postern doctor` asks integrations as the gateway would, and says why it would not."""

import pytest

from app.cli import doctor
from app.core.config import Settings
from app.core.net import Guard
from tests.core.hosts import Host, answer, says
from tests.core.mail_server import MailServer

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


def test_a_mail_server_is_asked_without_sending_anything():
    with MailServer() as server:
        settings = Settings(smtp_url=server.url, mail_from="postern@example.com", smtp_timeout_s=5)
        finding = doctor._mail(settings)

    assert (finding.is_well, finding.words) == (True, "127.0.0.1 takes mail from postern@example.com")
    assert "MAIL" not in server.verbs
    assert not doctor._mail(settings).is_well  # it is gone


def test_no_mail_server_is_well_only_while_somebody_tries_postern():
    assert doctor._mail(Settings()).is_well
    assert not doctor._mail(Settings().model_copy(update={"environment": "production"})).is_well
