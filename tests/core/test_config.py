"""Settings come from the environment or from files, and wrong ones are refused in words."""

import pytest

from app.core import config, errors

SAFE = {
    "POSTERN_ENVIRONMENT": "production",
    "POSTERN_SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "POSTERN_ENCRYPTION_KEYS": '["fedcba9876543210fedcba9876543210"]',
    "POSTERN_PORTAL_URL": "https://postern.example",
    "POSTERN_GATEWAY_URL": "https://gateway.postern.example",
    "POSTERN_GITHUB_CLIENT_ID": "app",
    "POSTERN_GITHUB_CLIENT_SECRET": "its secret",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith("POSTERN_"):
            monkeypatch.delenv(name)


def test_defaults_run_on_one_machine():
    settings = config.load()

    assert settings.is_development
    assert settings.database_url.startswith("sqlite:///")
    assert settings.portal_url == "http://127.0.0.1:8300"


def test_one_base_port_moves_all(monkeypatch):
    monkeypatch.setenv("POSTERN_BASE_PORT", "9400")
    monkeypatch.setenv("POSTERN_CLOCK_PORT", "9999")

    settings = config.load()

    assert (settings.portal_port, settings.gateway_port, settings.clock_port) == (9400, 9401, 9999)
    assert settings.gateway_url == "http://127.0.0.1:9401"


def test_a_secret_can_come_from_a_file(monkeypatch, tmp_path):
    path = tmp_path / "secret"
    path.write_text("from a file\n")
    monkeypatch.setenv("POSTERN_SECRET_KEY_FILE", str(path))

    assert config.load().secret_key.get_secret_value() == "from a file"


def test_a_missing_secret_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("POSTERN_SECRET_KEY_FILE", str(tmp_path / "absent"))

    with pytest.raises(errors.Invalid, match="POSTERN_SECRET_KEY_FILE: cannot read"):
        config.load()


def test_providers_are_read_as_json(monkeypatch):
    monkeypatch.setenv(
        "POSTERN_OIDC_PROVIDERS",
        '[{"name":"work","label":"Work","discovery_url":"https://id.example/.well-known/openid-configuration",'
        '"client_id":"a","client_secret":"b"}]',
    )

    (provider,) = config.load().oidc_providers

    assert (provider.name, provider.client_secret.get_secret_value()) == ("work", "b")


def test_production_accepts_safe_settings(monkeypatch):
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)

    assert not config.load().is_development


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("POSTERN_SECRET_KEY", "for development only", "POSTERN_SECRET_KEY must be 32"),
        ("POSTERN_SECRET_KEY", "short", "POSTERN_SECRET_KEY must be 32"),
        ("POSTERN_ENCRYPTION_KEYS", "[]", "POSTERN_ENCRYPTION_KEYS must hold"),
        ("POSTERN_ENCRYPTION_KEYS", '["short"]', "POSTERN_ENCRYPTION_KEYS must hold"),
        ("POSTERN_ENCRYPTION_KEYS", '["0123456789abcdef0123456789abcdef"]', "none of them the secret key"),
        ("POSTERN_PORTAL_URL", "http://postern.example", "POSTERN_PORTAL_URL must be https"),
        ("POSTERN_GATEWAY_URL", "https://gateway.example/path", "without a path"),
        ("POSTERN_GITHUB_CLIENT_ID", "", "Nobody could sign in"),
        ("POSTERN_BASE_PORT", "abc", "POSTERN_BASE_PORT"),
        ("POSTERN_GITHUB_CLIENT_SECRET", "", "POSTERN_GITHUB_CLIENT_SECRET is missing"),
        ("POSTERN_STRIPE_KEY", "rk_x", "POSTERN_STRIPE_WEBHOOK_SECRET is missing"),
        ("POSTERN_STRIPE_URL", "http://127.0.0.1:8307", "POSTERN_STRIPE_URL is for development only"),
        ("POSTERN_STRIPE_URL", "127.0.0.1:8307/v1", "POSTERN_STRIPE_URL must look like"),
        ("POSTERN_DATABASE_URL", "mysql://host/name", "POSTERN_DATABASE_URL must begin with"),
        ("POSTERN_OIDC_PROVIDERS", "not json", "^POSTERN_OIDC_PROVIDERS must be JSON.$"),
    ],
)
def test_production_refuses_what_is_unsafe(monkeypatch, name, value, words):
    for safe_name, safe_value in SAFE.items():
        monkeypatch.setenv(safe_name, safe_value)
    monkeypatch.setenv(name, value)

    with pytest.raises(errors.Invalid, match=words) as caught:
        config.load()

    assert "0123456789abcdef" not in caught.value.message


def test_every_setting_is_documented():
    undocumented = [name for name, field in config.Settings.model_fields.items() if not field.description]

    assert undocumented == []


def test_one_wrong_setting_is_one_line(monkeypatch):
    monkeypatch.setenv("POSTERN_BASE_PORT", "abc")

    with pytest.raises(errors.Invalid) as caught:
        config.load()

    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "url", "mode"),
    [
        ("sk_live_x", "", "live"),
        ("rk_live_x", "", "live"),
        ("sk_test_x", "", "test"),
        ("sk_live_x", "http://127.0.0.1:8307", "test"),
    ],
)
def test_test_and_live_are_told_apart_by_the_key(key, url, mode):
    settings = config.Settings(stripe_key=key, stripe_webhook_secret="of the endpoint", stripe_url=url)

    assert (settings.takes_payments, settings.stripe_mode) == (True, mode)


def test_without_a_key_nothing_is_paid():
    assert not config.Settings().takes_payments


def test_stand_in_for_stripe_leaves_the_metrics_ports_of_all_gateways_alone():
    assert config.Settings(base_port=9400, gateway_workers=3).stripe_port == 9409
