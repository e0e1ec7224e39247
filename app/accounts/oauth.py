"""Talking to identity providers, with Authlib: the way out (authorization code, PKCE, state, nonce) and back.

What Authlib leaves to its user is closed here: the discovery document chooses neither algorithms nor how TLS is
checked, an answer without an ID token is no sign-in, and no call waits for ever (docs/adr/0006).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration
from authlib.integrations.flask_client.apps import FlaskOAuth2App
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError

from app.accounts.oauth_guarded import Guarded
from app.accounts.providers import Provider
from app.accounts.services import Claims
from app.core.errors import Invalid, Unavailable
from app.core.net import Guard

TIMEOUT_S = (5.0, 10.0)
"""To connect, and between two bytes of an answer."""

METADATA_AGE_S = 3600
"""A provider's addresses and keys are asked for again after so long; unknown key ids ask at once."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures that only the provider can make. HMAC would make our client secret a signing key, `none` no signature."""

LEEWAY_S = 60
GITHUB_ISSUER = "https://github.com"
GITHUB = {
    "issuer": GITHUB_ISSUER,
    "authorization_endpoint": "https://github.com/login/oauth/authorize",
    "token_endpoint": "https://github.com/login/oauth/access_token",
    "userinfo_endpoint": "https://api.github.com/user",
}
GITHUB_SAYS = (GITHUB_ISSUER, "https://github.com/login/oauth")
"""Values of `iss` in an answer from GitHub, should it send one."""

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL = ("userinfo_endpoint", "authorization_response_iss_parameter_supported")


@dataclass(frozen=True)
class WayOut:
    """Where to send the browser, and what must be kept until it comes back."""

    url: str
    state: str
    nonce: str
    code_verifier: str


class Client:
    """One provider. Every method may raise Unavailable when the provider does not answer as it should."""

    def __init__(self, provider: Provider, *, guard: Guard | None = None) -> None:
        """guard: the way out to a provider that the operator's settings do not name; it must say the address, too."""
        self.provider = provider
        self._is_others = guard is not None
        is_github = provider.discovery_url is None
        self._client = _App(
            FlaskIntegration(provider.name),
            name=provider.name,
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            server_metadata_url=provider.discovery_url,
            client_kwargs={
                "scope": "read:user" if is_github else "openid profile email",
                "code_challenge_method": "S256",
                "leeway": 0,  # an access token that lives a minute is fine: it is used at once
            },
            **(GITHUB if is_github else {}),
        )

        if guard is not None:
            self._client.client_cls = partial(_Session, guard=guard)  # type: ignore[assignment]  # made like the class

    def look(self) -> None:
        """Ask who it is and for its keys, for whoever sets it up."""
        with _calm(self.provider):
            self._client.load_server_metadata()
            if not self._client.fetch_jwk_set(force=True).get("keys"):
                raise ValueError("it shows no keys")

    def way_out(self, redirect_uri: str, *, max_age_s: int | None = None) -> WayOut:
        """Begin: new state, nonce and PKCE verifier. max_age_s: to have the provider ask who is there, and say when."""
        with _calm(self.provider):
            begun = self._client.create_authorization_url(redirect_uri, **self._asking(max_age_s))
        return WayOut(
            url=begun["url"],
            state=begun["state"],
            nonce=begun.get("nonce", ""),
            code_verifier=begun["code_verifier"],
        )

    def way_back(self, *, code: str, issuer: str | None, redirect_uri: str, nonce: str, code_verifier: str) -> Claims:
        """Who came back with `code`. issuer: the `iss` of the answer, if it has one (RFC 9207).

        Raises Invalid if the answer proves nobody's identity.
        """
        with _calm(self.provider):
            self._check_issuer(issuer)
            token = self._client.fetch_access_token(redirect_uri, code=code, code_verifier=code_verifier)
            return self._github(token) if self.provider.discovery_url is None else self._openid(token, nonce)

    def _asking(self, max_age_s: int | None) -> dict[str, str | int]:
        """max_age obliges it to say auth_time (OpenID Connect Core 1.0, 2); 0 would lead some round in circles."""
        if max_age_s is None:
            return {}
        is_openid = self.provider.discovery_url is not None
        return {"prompt": self.provider.prompt, **({"max_age": max_age_s} if is_openid else {})}

    def _check_issuer(self, issuer: str | None) -> None:
        metadata = self._client.load_server_metadata()
        if issuer is None:
            if metadata.get("authorization_response_iss_parameter_supported") is True:
                raise _NotProvenError("the answer names no issuer")
            return
        if issuer not in (GITHUB_SAYS if self.provider.discovery_url is None else (metadata["issuer"],)):
            raise _NotProvenError("the answer is another issuer's")

    def _openid(self, token: Mapping[str, Any], nonce: str) -> Claims:
        metadata = self._client.load_server_metadata()
        must = {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": self.provider.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        claims = self._client.parse_id_token(token, nonce=nonce, claims_options=must, leeway=LEEWAY_S)
        if claims is None:
            raise _NotProvenError("the answer holds no ID token")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise _NotProvenError("the subject is not a text of at most 255 characters")
        is_enough = "name" in claims and ("email" in claims or not self._is_others)
        about = claims if is_enough else {**self._userinfo(token, subject), **claims}
        login = _text(about, "email") or _text(about, "preferred_username") or subject
        return Claims(
            provider=self.provider.name,
            issuer=metadata["issuer"],
            subject=subject,
            name=(_text(about, "name") or _text(about, "preferred_username") or login)[:120],
            email=_email(about),
            label=login[:254],
            is_email_doubted=_is_email_doubted(about),
            auth_time=_auth_time(claims),
        )

    def _userinfo(self, token: Mapping[str, Any], subject: str) -> dict[str, Any]:
        """Name and address, where the provider keeps them out of the ID token; only if they are the same person's."""
        if not self._client.load_server_metadata().get("userinfo_endpoint"):
            return {}
        about = dict(self._client.userinfo(token=token))
        if about.get("sub") != subject:
            raise _NotProvenError("the user information is about another subject")
        return about

    def _github(self, token: Mapping[str, Any]) -> Claims:
        answer = self._client.get(GITHUB["userinfo_endpoint"], token=token)
        answer.raise_for_status()
        user = answer.json()
        if not isinstance(user.get("id"), int) or user["id"] <= 0:
            raise _NotProvenError("the answer holds no user id")
        login = _text(user, "login") or str(user["id"])
        return Claims(
            provider=self.provider.name,
            issuer=GITHUB_ISSUER,
            subject=str(user["id"]),
            name=(_text(user, "name") or login)[:120],
            email=_email(user),
            label=login[:254],
        )


class _Session(OAuth2Session):  # type: ignore[misc]  # Authlib has no types
    """Every call has a timeout and stays at the address it was meant for; guard: the way that it goes."""

    def __init__(self, *arguments: Any, guard: Guard | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **options)
        if guard is not None:
            self.trust_env = False
            self.mount("https://", Guarded(guard))
            self.mount("http://", Guarded(guard))

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # noqa: ANN401  (requests' own)
        answer = super().request(method, url, **{"timeout": TIMEOUT_S, **options, "allow_redirects": False})
        if answer.is_redirect:
            raise requests.TooManyRedirects(f"{url} sends elsewhere", response=answer)
        return cast(requests.Response, answer)


class _App(FlaskOAuth2App):  # type: ignore[misc]
    """Authlib's client with metadata that is checked, ages, and says only what we asked it."""

    client_cls = _Session
    server_metadata: dict[str, Any]
    _loaded_at = float("-inf")

    def load_server_metadata(self) -> dict[str, Any]:
        url = self._server_metadata_url
        if url is not None and time.monotonic() - self._loaded_at > METADATA_AGE_S:
            with self._get_session() as session:
                answer = session.request("GET", url, withhold_token=True)
                answer.raise_for_status()
                self.server_metadata = checked_metadata(answer.json(), url)
            self._loaded_at = time.monotonic()
        return self.server_metadata


def checked_metadata(document: object, discovery_url: str) -> dict[str, Any]:
    """The parts of a discovery document that we use; Authlib would hand every part on, `verify: false` included.

    Raises ValueError if it is not the document of the issuer it was asked from (OpenID Connect Discovery 1.0, 4.3).
    """
    if not isinstance(document, dict):
        raise ValueError("the discovery document is not a JSON object")
    issuer = document.get("issuer")
    if not isinstance(issuer, str) or issuer.rstrip("/") + "/.well-known/openid-configuration" != discovery_url:
        raise ValueError("the discovery document is another issuer's")
    metadata: dict[str, Any] = {"issuer": issuer}
    schemes = ("https://",) if discovery_url.startswith("https://") else ("https://", "http://")
    for name in _ENDPOINTS:
        address = document.get(name)
        if not isinstance(address, str) or not address.startswith(schemes):
            raise ValueError(f"the discovery document has no usable {name}")
        metadata[name] = address
    metadata |= {name: document[name] for name in _OPTIONAL if name in document}
    offered = document.get("id_token_signing_alg_values_supported") or ["RS256"]
    algorithms = [one for one in ALGORITHMS if one in offered]
    if not algorithms:
        raise ValueError("the provider signs in no way that only it can")
    metadata["id_token_signing_alg_values_supported"] = algorithms
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if "client_secret_basic" not in methods:
        metadata["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105  (a method's name)
    return metadata


class _NotProvenError(Exception):
    """The provider answered, but the answer is no proof of who came back."""


@contextmanager
def _calm(provider: Provider) -> Iterator[None]:
    """Turns what goes wrong with a provider into words for the reader; the cause stays with it, for the log."""
    name = provider.short_name
    try:
        yield
    except (_NotProvenError, OAuthError, JoseError) as problem:
        raise Invalid(f"{name} sent you back, but its answer does not prove who you are. Try again.") from problem
    except (requests.RequestException, ValueError, KeyError, TypeError, RuntimeError) as problem:
        raise Unavailable(f"{name} does not answer as it should just now. Try again in a moment.") from problem


def _auth_time(claims: Mapping[str, Any]) -> int | None:
    """From the ID token alone, which is signed."""
    at = claims.get("auth_time")
    if at is not None and (isinstance(at, bool) or not isinstance(at, int | float)):
        raise _NotProvenError("the time of signing in is not a number")
    return None if at is None else int(at)


def _text(about: Mapping[str, Any], name: str) -> str:
    """A claim as one line of text; "" when it is missing or something else."""
    value = about.get(name)
    return " ".join("".join(c if c.isprintable() else " " for c in value).split()) if isinstance(value, str) else ""


def _email(about: Mapping[str, Any]) -> str | None:
    """Not one that the provider itself doubts: whose it is decides which mail goes there."""
    email = _text(about, "email")
    return email if "@" in email and len(email) <= 254 and not _is_email_doubted(about) else None


def _is_email_doubted(about: Mapping[str, Any]) -> bool:
    return about.get("email_verified") in (False, "false")
