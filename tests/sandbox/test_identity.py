"""The identity stand-in is a real OpenID provider: the portal's whole conversation with it, by plain HTTP."""

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from app.sandbox import directory
from tests.ports import free_port
from tests.sandbox.processes import running
from tests.waiting import PATIENCE_S

PORTAL = "http://127.0.0.1:8300"
CALLBACK = f"{PORTAL}/sign-in/local/callback"
VERIFIER = "a-verifier-of-the-length-that-the-standard-asks-for-43"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("identity")
    port = free_port()
    address = f"http://localhost:{port}"
    ready = f"{address}/.well-known/openid-configuration"
    settings = {"identity_port": port, "portal_url": PORTAL, "data_dir": folder / "var"}
    with running("app.sandbox.identity", ready_url=ready, log=folder / "log", **settings):
        yield address


@pytest.fixture
def discovery(issuer: str) -> dict[str, str]:
    return requests.get(f"{issuer}/.well-known/openid-configuration", timeout=PATIENCE_S).json()


def test_discovery_names_the_issuer_as_the_portal_knows_it(issuer: str, discovery: dict[str, str]) -> None:
    assert discovery["issuer"] == issuer
    assert "S256" in discovery["code_challenge_methods_supported"]


def test_person_signs_in_and_the_id_token_verifies(issuer: str, discovery: dict[str, str]) -> None:
    browser = requests.Session()

    answer = _sign_in(browser, discovery, user_name="alex", password=directory.PASSWORD, nonce="the-nonce")
    tokens = _redeem(discovery, answer["code"])

    keys = KeySet.import_key_set(requests.get(discovery["jwks_uri"], timeout=PATIENCE_S).json())
    token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    required = {"iss": issuer, "aud": directory.CLIENT_ID, "sub": "alex", "nonce": "the-nonce"}
    jwt.JWTClaimsRegistry(**{name: {"essential": True, "value": value} for name, value in required.items()}).validate(
        token.claims
    )
    assert answer["state"] == "the-state"
    assert token.claims["name"] == "Alex Mason"
    assert token.claims["email"] == "alex@example.com"


def test_an_abandoned_sign_in_spoils_none_after_it(discovery: dict[str, str]) -> None:
    for number in range(3):
        _sign_in(requests.Session(), discovery, user_name="kim", password=directory.PASSWORD, nonce=f"left-{number}")

    for number in range(8):
        answer = _sign_in(
            requests.Session(), discovery, user_name="sam", password=directory.PASSWORD, nonce=f"kept-{number}"
        )
        payload = _redeem(discovery, answer["code"])["id_token"].split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert (claims["sub"], claims["nonce"]) == ("sam", f"kept-{number}")


def test_wrong_password_does_not_sign_in(discovery: dict[str, str]) -> None:
    browser = requests.Session()

    page = _send_forms(browser, discovery, user_name="alex", password="wrong")

    assert page.status_code == 200
    assert "Login failed" in page.text


def test_another_verifier_gets_no_token(discovery: dict[str, str]) -> None:
    answer = _sign_in(requests.Session(), discovery, user_name="sam", password=directory.PASSWORD)

    refused = _redeem(discovery, answer["code"], verifier="b" * 43)

    assert refused["error"] == "invalid_grant"


def test_nonce_works_once(discovery: dict[str, str]) -> None:
    _sign_in(requests.Session(), discovery, user_name="sam", password=directory.PASSWORD, nonce="once")

    with pytest.raises(AssertionError, match="Replay attack"):
        _sign_in(requests.Session(), discovery, user_name="sam", password=directory.PASSWORD, nonce="once")


def test_sign_out_at_the_provider_comes_back_to_the_portal(discovery: dict[str, str]) -> None:
    browser = requests.Session()
    answer = _sign_in(browser, discovery, user_name="kim", password=directory.PASSWORD)
    tokens = _redeem(discovery, answer["code"])

    hints = {"id_token_hint": tokens["id_token"], "client_id": directory.CLIENT_ID}
    query = urlencode(hints | {"post_logout_redirect_uri": f"{PORTAL}/"})
    out = browser.get(f"{discovery['end_session_endpoint']}?{query}", allow_redirects=False, timeout=PATIENCE_S)
    again = browser.get(_authorization_url(discovery), timeout=PATIENCE_S)

    assert out.headers["Location"] == f"{PORTAL}/"
    assert 'name="login"' in again.text


def test_key_survives_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("restart")
    settings = {"identity_port": free_port(), "data_dir": folder}
    address = f"http://localhost:{settings['identity_port']}/oauth/jwks.json"

    keys = []
    for name in ("first", "second"):
        with running("app.sandbox.identity", ready_url=address, log=folder / name, **settings):
            keys.append(requests.get(address, timeout=PATIENCE_S).json())

    assert keys[0] == keys[1]


def _authorization_url(discovery: dict[str, str], nonce: str | None = None) -> str:
    challenge = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    parameters = {
        "response_type": "code",
        "client_id": directory.CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "openid profile email",
        "state": "the-state",
        "nonce": nonce or secrets.token_hex(8),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{discovery['authorization_endpoint']}?{urlencode(parameters)}"


def _sign_in(
    browser: requests.Session, discovery: dict[str, str], *, user_name: str, password: str, nonce: str | None = None
) -> dict[str, str]:
    """Go the whole way; the answer is what the callback's query holds."""
    response = _send_forms(browser, discovery, user_name=user_name, password=password, nonce=nonce)
    while not response.headers["Location"].startswith(CALLBACK):
        response = browser.get(response.headers["Location"], allow_redirects=False, timeout=PATIENCE_S)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}
    assert "error" not in answer, answer
    return answer


def _send_forms(
    browser: requests.Session, discovery: dict[str, str], *, user_name: str, password: str, nonce: str | None = None
) -> requests.Response:
    """Name first, then password, as a person would; the answer to the password, redirects not followed."""
    page = browser.get(_authorization_url(discovery, nonce), timeout=PATIENCE_S)
    page = browser.post(page.url, data={"csrf_token": _csrf(page), "login": user_name}, timeout=PATIENCE_S)
    fields = {"csrf_token": _csrf(page), "password": password}
    return browser.post(page.url, data=fields, allow_redirects=False, timeout=PATIENCE_S)


def _csrf(page: requests.Response) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def _redeem(discovery: dict[str, str], code: str, verifier: str = VERIFIER) -> dict[str, str]:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
    client = (directory.CLIENT_ID, directory.CLIENT_SECRET)
    return requests.post(discovery["token_endpoint"], data=fields, auth=client, timeout=PATIENCE_S).json()
