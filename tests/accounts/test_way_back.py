"""What a provider brings back is believed only as far as it proves something."""

import pytest
import requests
from joserfc.jwk import RSAKey
from sqlmodel import select

from app.accounts import oauth, providers
from app.accounts.models import Person
from app.core.config import Settings
from app.core.errors import Invalid
from app.portal import create_app
from tests.accounts.provider import Provider
from tests.databases import on_one
from tests.portal import PROVIDER


def nobody_came_in(browse, session):
    browse.get("/account", status=303)
    return list(session.exec(select(Person))) == []


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": ["another-client"], "azp": "postern"},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"at_hash": "wrong"},
    ],
    ids=str,
)
def test_id_token_that_proves_nothing_is_refused(browse, come_in, provider, session, claims):
    provider.claims = claims

    answer = come_in(browse, status=400)

    assert "does not prove who you are" in answer.text
    assert nobody_came_in(browse, session)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_signature_that_others_could_make_is_refused(browse, come_in, provider, session, algorithm):
    provider.header = {"alg": algorithm}

    come_in(browse, status=400)

    assert nobody_came_in(browse, session)


def test_id_token_signed_with_another_key_is_refused(browse, come_in, provider, session):
    provider.signing_key = RSAKey.generate_key(2048, parameters={"kid": "one"})

    come_in(browse, status=400)

    assert nobody_came_in(browse, session)


def test_key_in_the_token_s_own_header_is_not_believed(browse, come_in, provider, session):
    own = RSAKey.generate_key(2048, parameters={"kid": "mine"})
    provider.signing_key, provider.header = own, {"kid": "mine", "jwk": own.as_dict(private=False)}

    come_in(browse, status=400)

    assert nobody_came_in(browse, session)


def test_new_signing_key_is_fetched_when_it_first_appears(browse, new_browser, come_in, provider):
    come_in(browse)
    old = provider.key
    try:
        provider.key = provider.signing_key = RSAKey.generate_key(2048, parameters={"kid": "two"})
        provider.header = {"kid": "two"}

        come_in(new_browser())
    finally:
        provider.key = old


def test_answer_without_an_id_token_is_no_sign_in(browse, come_in, provider, session):
    provider.token = {"id_token": None}

    come_in(browse, status=400)

    assert nobody_came_in(browse, session)


def test_user_information_about_somebody_else_is_refused(browse, come_in, provider, session):
    provider.userinfo = {"sub": "sam", "name": "Sam"}

    come_in(browse, status=400, name=None)

    assert nobody_came_in(browse, session)


def test_name_comes_from_user_information_where_the_token_has_none(browse, come_in, provider, session):
    provider.userinfo = {"name": "Alex\n Mason\x00"}

    come_in(browse, name=None)

    [person] = session.exec(select(Person))
    assert person.name == "Alex Mason"


def test_name_that_is_no_name_falls_back_on_the_login(browse, come_in, session):
    come_in(browse, name=["a", "list"], email="not an address", preferred_username="alex")

    [person] = session.exec(select(Person))
    assert (person.name, person.email) == ("alex", None)


def test_answer_of_another_issuer_is_refused(browse, provider, session):
    back = provider.approve(browse.get("/sign-in/local", status=303).location)

    answer = browse.get(f"{back}&iss=https://evil.example", status=400)

    assert "does not prove" in answer.text
    assert provider.calls["/token"] == 0
    assert nobody_came_in(browse, session)


def test_answer_that_names_its_issuer_is_believed(browse, provider):
    back = provider.approve(browse.get("/sign-in/local", status=303).location)

    browse.get(f"{back}&iss={provider.issuer}", status=303)


def test_issuer_that_was_promised_must_be_there(browse, come_in, provider):
    provider.discovery = {"authorization_response_iss_parameter_supported": True}

    come_in(browse, status=400)


def test_state_works_once(browse, provider, session):
    back = provider.approve(browse.get("/sign-in/local", status=303).location)
    browse.get(back, status=303)

    browse.get(back, status=400)

    assert len(list(session.exec(select(Person)))) == 1


def test_used_up_state_stays_used_up_when_the_answer_was_refused(browse, provider):
    provider.claims = {"nonce": "another"}
    location = browse.get("/sign-in/local", status=303).location
    browse.get(provider.approve(location), status=400)
    provider.claims = {}

    browse.get(provider.approve(location), status=400)


def test_state_works_only_in_the_browser_that_began(browse, new_browser, provider):
    back = provider.approve(browse.get("/sign-in/local", status=303).location)

    new_browser().get(back, status=400)


def test_state_runs_out_after_ten_minutes(browse, provider, hand):
    back = provider.approve(browse.get("/sign-in/local", status=303).location)
    hand.moves(minutes=10)

    assert "ten minutes" in browse.get(back, status=400).text


def test_several_tabs_can_sign_in_at_once(browse, provider):
    locations = [browse.get("/sign-in/local", status=303).location for _ in range(2)]

    browse.get(provider.approve(locations[0]), status=303)


def test_refusal_is_told_in_our_words(browse, provider):
    location = browse.get("/sign-in/local", status=303).location
    state = location.split("state=")[1].split("&")[0]

    answer = browse.get(
        f"/sign-in/local/callback?error=access_denied&error_description=%3Cscript%3E&state={state}", status=400
    )

    assert "You did not let Local tell us who you are" in answer.text
    assert "script>" not in answer.page.text
    assert answer.headers["Postern-Request-Id"] in answer.text


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?error=x", "?state=&code=", "?state=a&state=b"])
def test_way_back_without_a_beginning_is_a_helpful_page(browse, query):
    answer = browse.get(f"/sign-in/local/callback{query}", status=400)

    assert "Try again" in answer.text


def test_provider_that_is_down_gets_a_calm_page(browse, provider, caplog):
    provider.is_down = True

    answer = browse.get("/sign-in/local", status=503)

    assert "Local does not answer as it should just now" in answer.text
    assert answer.headers["Retry-After"] == "30"
    provider.is_down = False
    browse.get("/sign-in/local", status=303)
    assert any(record.message == "sign_in.failed" for record in caplog.records)


def test_provider_that_goes_down_halfway_gets_a_calm_page(browse, provider):
    back = provider.approve(browse.get("/sign-in/local", status=303).location)
    provider.is_down = True

    browse.get(back, status=503)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
    ids=str,
)
def test_discovery_document_that_is_wrong_is_not_used(browse, provider, discovery):
    provider.discovery = discovery

    browse.get("/sign-in/local", status=503)


def test_discovery_document_decides_nothing_about_how_we_connect():
    document = Provider._discovery(type("Told", (), {"issuer": "https://id.example"}))

    metadata = oauth.checked_metadata(
        {**document, "verify": False, "proxies": {"https": "http://evil.example"}, "trust_env": True},
        "https://id.example/.well-known/openid-configuration",
    )

    assert not {"verify", "proxies", "trust_env"} & set(metadata)


def test_https_issuer_cannot_send_us_to_plain_http():
    document = Provider._discovery(type("Told", (), {"issuer": "https://id.example"}))

    with pytest.raises(ValueError, match="token_endpoint"):
        oauth.checked_metadata(
            {**document, "token_endpoint": "http://id.example/token"},
            "https://id.example/.well-known/openid-configuration",
        )


def test_every_outside_call_has_a_timeout_and_follows_nothing(app, browse, come_in, monkeypatch):
    seen = []
    send = requests.Session.send

    def note(session, request, **options):
        seen.append((request.url, options["timeout"], options["allow_redirects"]))
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", note)

    come_in(browse, name=None)

    assert len(seen) == 4
    assert {(timeout, follows) for _, timeout, follows in seen} == {(oauth.TIMEOUT_S, False)}


def test_discovery_is_asked_for_again_after_its_time(browse, provider, monkeypatch):
    path = "/.well-known/openid-configuration"
    for _ in range(2):
        browse.get("/sign-in/local", status=303)
    assert provider.calls[path] == 1

    monkeypatch.setattr(oauth, "METADATA_AGE_S", -1)
    browse.get("/sign-in/local", status=303)

    assert provider.calls[path] == 2


def test_two_providers_of_one_name_are_refused():
    one = {"name": "work", "label": "A", "discovery_url": "https://a/", "client_id": "a", "client_secret": "s"}
    settings = Settings(oidc_providers=(one, {**one, "label": "B"}))

    with pytest.raises(Invalid, match="same name"):
        providers.of(settings)


@on_one
def test_provider_with_the_name_of_organisations_own_is_refused_at_start(settings, engine):
    settings = settings.model_copy(update={"oidc_providers": (PROVIDER.model_copy(update={"name": "sso"}),)})

    with pytest.raises(Invalid, match="no provider can be called “sso”"):
        create_app(settings, engine)
