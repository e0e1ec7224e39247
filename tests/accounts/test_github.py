"""GitHub speaks OAuth without OpenID Connect: its user API says who came in, and the number there is who they are."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from sqlmodel import select

from app.accounts import oauth
from app.accounts.models import Identity, Person


class GitHub:
    """user: what the user API answers. token: what the token endpoint does, with 200 even for errors, as GitHub.

    asked: (Authorization header, form) of each request, in order.
    """

    def __init__(self):
        self.user = {"id": 583231, "login": "octocat", "name": "The Octocat", "email": None}
        self.token = {"access_token": "gho_x", "token_type": "bearer", "scope": "read:user"}
        self.asked = []


@pytest.fixture
def github(monkeypatch):
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            github.asked.append((self.headers.get("Authorization"), {}))
            self._reply(github.user)

        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            github.asked.append((self.headers.get("Authorization"), form))
            self._reply(github.token)

        def _reply(self, document):
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    for name in ("token_endpoint", "userinfo_endpoint"):
        monkeypatch.setitem(oauth.GITHUB, name, f"http://127.0.0.1:{server.server_port}/{name}")
    yield github
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(settings, github):
    given = {"github_client_id": "the-app", "github_client_secret": SecretStr("secret"), "oidc_providers": ()}
    return settings.model_copy(update=given)


def come_back(browse, *, status=303, more="", query=""):
    location = browse.get(f"/sign-in/github{query}", status=303).location
    sent = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    answer = browse.get(f"/sign-in/github/callback?code=abc&state={sent['state']}{more}", status=status)
    return sent, answer


def test_github_is_asked_with_pkce_and_little_scope(browse, github):
    sent, _ = come_back(browse)

    assert sent["code_challenge_method"] == "S256"
    assert sent["scope"] == "read:user"
    assert "nonce" not in sent
    (client, exchange), (user, _) = github.asked
    assert client == "Basic " + base64.b64encode(b"the-app:secret").decode()
    assert "client_secret" not in exchange
    challenge = base64.urlsafe_b64encode(hashlib.sha256(exchange["code_verifier"][0].encode()).digest())
    assert challenge.decode().rstrip("=") == sent["code_challenge"]
    assert user == "Bearer gho_x"


def test_github_is_asked_to_let_one_choose_where_it_takes_a_sign_in_again(browse, github, hand):
    come_back(browse)
    hand.moves(minutes=16)
    assert browse.post("/organisation/delete", name="x").location == "/account/again"

    sent, answer = come_back(browse, query="?again=1")

    assert sent["prompt"] == "select_account"
    assert "max_age" not in sent
    assert answer.location == "/organisation/delete"


@pytest.mark.parametrize("name", ["The Octocat", None])
def test_person_is_known_by_the_number(browse, github, session, name):
    github.user["name"] = name

    come_back(browse)

    [identity], [person] = list(session.exec(select(Identity))), list(session.exec(select(Person)))
    assert (identity.issuer, identity.subject, identity.label) == ("https://github.com", "583231", "octocat")
    assert (person.name, person.email) == (name or "octocat", None)


def test_renamed_login_is_the_same_person(browse, new_browser, github, session):
    come_back(browse)
    github.user["login"] = "hexapus"

    come_back(new_browser())

    [identity] = session.exec(select(Identity))
    assert identity.label == "hexapus"


@pytest.mark.parametrize("user", [{}, {"id": "583231", "login": "octocat"}, {"id": -1}, {"message": "Bad credentials"}])
def test_answer_that_names_nobody_is_no_sign_in(browse, github, session, user):
    github.user = user

    come_back(browse, status=400)

    assert list(session.exec(select(Person))) == []


def test_error_that_comes_as_200_is_no_sign_in(browse, github):
    github.token = {"error": "bad_verification_code", "error_description": "<b>expired</b>"}

    _, answer = come_back(browse, status=400)

    assert "expired" not in answer.html


@pytest.mark.parametrize(("issuer", "status"), [("https://github.com/login/oauth", 303), ("https://evil.example", 400)])
def test_issuer_in_the_answer_is_checked_when_github_sends_one(browse, issuer, status):
    come_back(browse, status=status, more=f"&iss={issuer}")


def test_only_provider_is_one_click_from_the_landing_page(browse):
    page = browse.get("/").page

    assert page.links["/sign-in/github"] == "Sign inContinue with GitHub"
