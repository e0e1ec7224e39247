"""What `postern run` starts follows the settings, and a port that can't be had is named before anything starts."""

import json
import socket

import pytest

from app.core.config import ROOT, Settings
from app.sandbox import commands, directory, ports, welcome
from app.sandbox.stripe import WEBHOOK_PATH
from tests.ports import free_base_port


def made(**settings):
    return {command.name: command for command in commands.all_of(Settings(**settings))}


def test_everything_is_started():
    assert list(made()) == ["portal", "gateway", "worker", "identity", "sampler", "clock", "stripe"]


def test_base_port_moves_all_of_them():
    wanted = [port for command in made(base_port=9300).values() for port in command.ports.values()]

    assert sorted(wanted) == list(range(9300, 9308))


def test_one_port_moves_alone():
    found = made(base_port=9300, identity_port=9999)

    assert found["identity"].ports == {"POSTERN_IDENTITY_PORT": 9999}
    assert found["sampler"].ports == {"POSTERN_SAMPLER_PORT": 9303}


def test_portal_knows_the_stand_in_besides_its_own_providers():
    other = {
        "name": "work",
        "label": "Continue with work",
        "discovery_url": "https://sso.example/.well-known/openid-configuration",
        "client_id": "it",
        "client_secret": "its secret",
    }

    providers = json.loads(made(oidc_providers=[other])["portal"].environment["POSTERN_OIDC_PROVIDERS"])

    assert providers[0] == other
    assert providers[1]["name"] == directory.PROVIDER_NAME
    assert providers[1]["discovery_url"] == "http://localhost:8302/.well-known/openid-configuration"
    assert Settings(oidc_providers=providers).oidc_providers[1].client_id == directory.CLIENT_ID


def test_portal_and_worker_take_payments_at_the_stand_in(monkeypatch):
    for name in ("portal", "worker"):
        for variable, value in made(base_port=9300)[name].environment.items():
            monkeypatch.setenv(variable, value)

        settings = Settings(base_port=9300)

        assert settings.takes_payments
        assert (settings.stripe_url, settings.stripe_mode) == ("http://127.0.0.1:9307", "test")


def test_portal_listens_where_the_stand_in_for_stripe_tells_of_events():
    urls = (ROOT / "tests" / "rules" / "published_urls.txt").read_text().split()

    assert WEBHOOK_PATH in urls


def test_with_a_key_of_ones_own_no_stand_in_starts():
    found = made(stripe_key="rk_test_x", stripe_webhook_secret="of the endpoint")

    assert "stripe" not in found
    assert not any(name.startswith("POSTERN_STRIPE") for name in found["worker"].environment)


def test_portal_has_one_process_unless_asked_for_more():
    assert made()["portal"].environment["POSTERN_PORTAL_WORKERS"] == "1"
    assert made(portal_workers=3)["portal"].environment["POSTERN_PORTAL_WORKERS"] == "3"


def test_portal_that_listens_elsewhere_is_asked_there():
    assert made(bind_host="192.0.2.7")["portal"].ready_url == "http://192.0.2.7:8300/readyz"
    assert made(bind_host="0.0.0.0")["portal"].ready_url == "http://127.0.0.1:8300/readyz"


def test_free_ports_are_no_complaint():
    base_port = free_base_port()

    assert ports.complaint(list(made(base_port=base_port).values()), base_port=base_port) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_taken_port_is_named_with_who_wants_it(address):
    base_port = free_base_port()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, base_port + 2), family=family)
    except OSError:
        pytest.skip(f"this machine has no {address}")
    with listener:
        complaint = ports.complaint(list(made(base_port=base_port).values()), base_port=base_port)

    assert f"  {base_port + 2}  wanted by identity; POSTERN_IDENTITY_PORT moves it" in complaint
    assert "To move all of them at once: POSTERN_BASE_PORT=" in complaint
    assert complaint.count("wanted by") == 1


def test_port_wanted_twice_is_named_twice():
    base_port = free_base_port()

    complaint = ports.complaint(list(made(base_port=base_port, clock_port=base_port).values()), base_port=base_port)

    assert "wanted by portal" in complaint
    assert "wanted by clock" in complaint


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "Data and logs are in var/; `make reset` forgets them."),
        ({"data_dir": "/srv/it"}, "Data and logs are in /srv/it."),
        ({"database_url": "postgresql://me@localhost/it", "data_dir": "/srv/it"}, "Logs are in /srv/it."),
    ],
)
def test_welcome_says_where_the_data_is(settings, words):
    settings = Settings(**settings)

    assert words in welcome.text(settings, commands.all_of(settings), took_s=2.1).splitlines()
