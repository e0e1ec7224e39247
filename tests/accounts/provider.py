"""An OpenID provider for tests: small, strict about what a client must send, and able to lie on request.

Nobody clicks at it: `provider.approve(location)` is what the person's browser would bring back.
"""

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from pydantic import SecretStr

from app.core.config import OidcProvider

CLIENT_ID, CLIENT_SECRET = "postern", "the-client-secret"


class Provider:
    """discovery, claims, header, token: what to say otherwise, merged over what is true. calls: by path."""

    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.reset()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self):
        self.discovery, self.claims, self.header, self.token = {}, {}, {}, {}
        self.userinfo = {}
        self.signing_key = self.key
        self.is_down = False
        self.calls = Counter()
        self.codes = {}

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def settings(self, name="local", label="Continue with Local"):
        """This provider as the portal's settings name it."""
        return OidcProvider(
            name=name,
            label=label,
            discovery_url=f"{self.issuer}/.well-known/openid-configuration",
            client_id=CLIENT_ID,
            client_secret=SecretStr(CLIENT_SECRET),
        )

    def approve(self, location, *, subject="alex", **claims):
        """The path and query that the browser comes back with when `subject` agrees to what `location` asks for."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"].split()[0] == "openid"
        code = f"code-{len(self.codes)}"
        about = {"name": "Alex Mason", "email": "alex@example.com", "sub": subject, **claims}
        self.codes[code] = {**asked, "about": {name: value for name, value in about.items() if value is not None}}
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?{urlencode({'code': code, 'state': asked['state']})}"

    def answer(self, path, form, headers):
        """(status, JSON) for a request of the portal."""
        self.calls[path] += 1
        if self.is_down:
            return 500, {"error": "server_error"}
        if path == "/.well-known/openid-configuration":
            return 200, {**self._discovery(), **self.discovery}
        if path == "/jwks":
            return 200, KeySet([self.key]).as_dict(private=False)
        if path == "/userinfo":
            return 200, {**self.codes[headers["Authorization"].removeprefix("Bearer ")]["about"], **self.userinfo}
        if path == "/token":
            return self._exchange(form, headers)
        return 404, {}

    def _discovery(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }

    def _exchange(self, form, headers):
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        found = self.codes.get(form.get("code"))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if headers.get("Authorization") != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        if (
            found is None
            or found.pop("used", False)
            or found["redirect_uri"] != form.get("redirect_uri")
            or found["code_challenge"] != challenge.rstrip(b"=").decode()
        ):
            return 400, {"error": "invalid_grant"}
        found["used"] = True
        answer = {
            "access_token": form["code"],
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self._id_token(found),
            **self.token,
        }
        return 200, {name: value for name, value in answer.items() if value is not None}

    def _id_token(self, found):
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "nonce": found["nonce"],
            "iat": now,
            "exp": now + 60,
            **found["about"],
            **self.claims,
        }
        header = {"alg": "RS256", "kid": "one", **self.header}
        claims = {name: value for name, value in claims.items() if value is not None}
        if header["alg"] == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims)]
            return b".".join([*parts, b""]).decode()
        key = OctKey.import_key(CLIENT_SECRET) if header["alg"] == "HS256" else self.signing_key
        return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def _handler(provider):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply({name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._reply({name: values[0] for name, values in parse_qs(body).items()})

        def _reply(self, form):
            status, document = provider.answer(urlsplit(self.path).path, form, self.headers)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", document["to"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    return Handler
