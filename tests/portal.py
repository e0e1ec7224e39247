"""The portal for tests: the application on each database, browsers in front of it, and the cast that everyone knows.

`browse` is nobody in particular. `owner` and `member` belong to one organisation, `outsider` to another; each is a
browser that is signed in, with `.person` and `.organisation`. A browser commits what the test made before it asks.
"""

import os
from datetime import timedelta
from functools import cache, cached_property

import pytest
from jinja2 import FileSystemBytecodeCache
from pydantic import SecretStr
from werkzeug.routing import Rule

from app.accounts.models import BrowserSession
from app.core import clock, crypto
from app.core.config import OidcProvider, Settings
from app.portal import create_app
from app.web import assets
from app.web.database import TransactionalFlask
from tests.pages import Page, problems_of_whole

PORTAL_URL = "http://127.0.0.1:8300"
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
BOOSTED = {"HX-Request": "true", "HX-Request-Type": "full", "HX-Boosted": "true"}
PROVIDER = OidcProvider(
    name="local",
    label="Continue with Local",
    discovery_url="https://identity.example/.well-known/openid-configuration",
    client_id="postern",
    client_secret=SecretStr("the-client-secret"),
)


class RememberedRule(Rule):
    """What werkzeug finds out about a route is found out once per route, not once per test."""

    _made = {}  # noqa: RUF012

    def compile(self):
        known = (self.rule, self.subdomain, repr(self.defaults), self.merge_slashes)
        if known not in self._made:
            super().compile()
            self._made[known] = vars(self)
            return
        made = self._made[known]
        for name in ("_parts", "_trace", "_converters", "arguments"):
            setattr(self, name, made[name])
        for name in ("_build", "_build_unknown"):
            setattr(self, name, made[name].__func__.__get__(self))


_build_asset = assets._build


@cache
def _built(name, source, _stamp):
    return _build_asset(name, source)


class RememberedTemplates(FileSystemBytecodeCache):
    """Compiled once for all processes of a run, and read once by each of them."""

    def __init__(self, folder):
        super().__init__(folder)
        self._read = {}

    def load_bytecode(self, bucket):
        known = bucket.key, bucket.checksum
        if known not in self._read:
            super().load_bytecode(bucket)
            self._read[known] = bucket.code
        bucket.code = self._read[known]

    def dump_bytecode(self, bucket):
        super().dump_bytecode(bucket)
        self._read[bucket.key, bucket.checksum] = bucket.code


class Hand:
    """The hand of the portal's clock: `hand.moves(minutes=5)`."""

    def __init__(self, now):
        self.now = now

    def moves(self, **by):
        self.now += timedelta(**by)


class Answer:
    """What came back. page: parsed; for a whole page that was got already checked to be well made."""

    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.get_data().decode(errors="replace")
        self.location = response.headers.get("Location", "")

    @cached_property
    def page(self):
        """None for what is no HTML."""
        return Page(self.html) if self.response.mimetype == "text/html" else None

    @property
    def text(self):
        """The words of the answer."""
        return self.page.text if self.page else self.html


class Browser:
    """A browser with its cookies. person, organisation: who is signed in, if anybody."""

    def __init__(self, app, session, person=None, organisation=None):
        self.client = app.test_client()
        self.session, self.person, self.organisation = session, person, organisation
        self._answers, self._token = [], None

    def get(self, path, *, status=200, **options):
        """A page, checked: valid HTML, one h1 echoed in the title, unique ids, a CSRF field in every form."""
        answer = self.open("GET", path, **options)
        assert answer.status == status, f"{path} answered {answer.status}: {answer.text[:500]}"
        is_whole = answer.page is not None and not 300 <= status < 400 and options.get("headers") is not PART
        if is_whole:
            assert problems_of_whole(answer.page) == [], path
        return answer

    def part(self, path, *, status=200, **options):
        """What htmx gets when it asks for a part of a page."""
        answer = self.get(path, status=status, headers=PART, **options)
        assert "<html" not in answer.html
        return answer

    def post(self, path, *, status=303, csrf=True, headers=None, **fields):
        """Send a form, with the CSRF token of the last page that had one."""
        data = {"csrf_token": self.csrf_token(), **fields} if csrf else fields
        answer = self.open("POST", path, data=data, headers=headers or {})
        assert answer.status == status, f"{path} answered {answer.status}: {answer.text[:500]}"
        return answer

    def csrf_token(self):
        if self._newest_token() is None:
            self.get("/account")
        return self._newest_token()

    def _newest_token(self):
        """Of the last form there was; pages are parsed no sooner, because most are left without sending a form."""
        unread, self._answers = self._answers, []
        for answer in unread:
            for form in answer.page.forms if answer.page else []:
                self._token = form.fields.get("csrf_token") or self._token
        return self._token

    def open(self, method, path, **options):
        """Ask, whatever comes of it. Redirects are not followed."""
        self.session.commit()
        answer = Answer(self.client.open(path, method=method, base_url=PORTAL_URL, **options))
        self.session.expire_all()
        self._answers.append(answer)
        return answer

    def cookie(self, name="postern_session"):
        """The value of a cookie, or None."""
        found = self.client.get_cookie(name, domain="127.0.0.1")
        return found and found.value


@pytest.fixture
def settings(tmp_path):
    """Settings that no environment variable touches."""
    return Settings(
        data_dir=tmp_path, portal_url=PORTAL_URL, gateway_url="http://127.0.0.1:8301", oidc_providers=(PROVIDER,)
    )


@pytest.fixture
def hand(now, monkeypatch):
    """What the clock says, and the way to turn it; stands still by itself."""
    hand = Hand(now)
    monkeypatch.setattr(clock, "now", lambda: hand.now)
    return hand


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory):
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "templates"
    folder.mkdir(exist_ok=True)
    return RememberedTemplates(str(folder))


@pytest.fixture
def app(settings, engine, hand, compiled_templates, monkeypatch):
    monkeypatch.setattr(TransactionalFlask, "url_rule_class", RememberedRule)
    monkeypatch.setattr(assets, "_build", lambda name, source: _built(name, source, source.stamp()))
    app = create_app(settings, engine)
    app.jinja_env.bytecode_cache = compiled_templates
    app.jinja_env.auto_reload = app.extensions["assets"]._reload = False  # nobody edits them meanwhile
    return app


@pytest.fixture
def new_browser(app, session):
    """Opens browsers that nobody has used yet."""
    return lambda **who: Browser(app, session, **who)


@pytest.fixture
def browse(new_browser):
    return new_browser()


@pytest.fixture
def sign_in(new_browser, session, hand):
    """Signs a person in, in a browser of their own, without the way over an identity provider."""

    def go(person, organisation=None):
        browser = new_browser(person=person, organisation=organisation)
        token = crypto.random_token()
        row = BrowserSession(
            token_digest=crypto.digest(token),
            person_id=person.id,
            data={"_user_id": str(person.id), "_fresh": True, "authenticated_at": int(hand.now.timestamp())},
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            address="127.0.0.1",
            created_at=hand.now,
            last_seen_at=hand.now,
        )
        session.add(row)
        session.flush()
        browser.client.set_cookie("postern_session", token, domain="127.0.0.1")
        return browser

    return go


class Program:
    """Asks the API with an admin key; role: which it has in the organisation."""

    def __init__(self, app, session, organisation, make, role="owner"):
        shown = []
        self.key = make.admin_key(organisation, role=role, secret=shown)
        self.client, self.session, self.organisation, self.secret = app.test_client(), session, organisation, shown[0]

    def ask(self, method, path, *, status=200, headers=None, **options):
        """As the client gives it. path: below /api/v1, unless it is a whole one. status: None for any."""
        self.session.commit()
        whole = path if path.startswith("/api/") else f"/api/v1{path}"
        sent = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        answer = self.client.open(whole, method=method, base_url=PORTAL_URL, headers=sent, **options)
        self.session.expire_all()
        assert status is None or answer.status_code == status, f"{whole} {answer.status_code}: {answer.text[:500]}"
        return answer


@pytest.fixture
def program(app, session, make):
    """Makes a program with an admin key of an organisation."""
    return lambda organisation, role="owner": Program(app, session, organisation, make, role)


@pytest.fixture
def owner(sign_in, make):
    person = make.person("Olive Owner", email="olive@example.com")
    return sign_in(person, make.organisation("Acme", owner=person))


@pytest.fixture
def member(sign_in, make, owner):
    person = make.person("Max Member", email="max@example.com")
    make.membership(owner.organisation, person)
    return sign_in(person, owner.organisation)


@pytest.fixture
def outsider(sign_in, make):
    person = make.person("Otto Outsider", email="otto@example.com")
    return sign_in(person, make.organisation("Other", owner=person))
