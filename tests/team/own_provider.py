"""An organisation with a provider of its own, and people who come in by it."""

import pytest
from sqlmodel import select

from app.accounts.models import Person
from app.core import dns_txt
from app.organisations.models import Membership
from app.organisations.provider_models import Domain, OwnProvider
from tests.accounts.provider import CLIENT_ID, CLIENT_SECRET, Provider

PAGE = "/organisation/sign-in/"


@pytest.fixture(scope="module")
def started_idp():
    idp = Provider()
    yield idp
    idp.stop()


@pytest.fixture
def idp(started_idp):
    """The organisation's own provider; the portal's is `provider`."""
    started_idp.reset()
    return started_idp


@pytest.fixture
def records(monkeypatch):
    """TXT records, by name."""
    found = {}
    monkeypatch.setattr(dns_txt, "texts", lambda name, **_: found.get(name, []))
    return found


@pytest.fixture
def connected(owner, idp, records, session):
    """The owner's organisation with its provider, tested, and acme.example proven."""
    owner.get(PAGE)
    owner.post(f"{PAGE}provider", **settings_of(idp))
    owner.post(f"{PAGE}provider/test")
    owner.post(f"{PAGE}domains", name="acme.example")
    domain = session.exec(select(Domain)).one()
    records[domain.record_name] = ["something else", domain.record]
    owner.post(f"{PAGE}domains/{domain.id}/check")
    return session.exec(select(OwnProvider)).one()


def settings_of(idp, **other):
    return {
        "label": "Acme login",
        "issuer": idp.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "default_role": "viewer",
        **other,
    }


def come_by(browser, idp, connected, *, status=303, query="", subject="nell", email="nell@acme.example", **claims):
    location = browser.get(f"/sign-in/sso/{connected.id}{query}", status=303).location
    assert location.startswith(idp.issuer)
    return browser.get(idp.approve(location, subject=subject, email=email, name="Nell New", **claims), status=status)


def role_in(session, organisation, person_id):
    found = session.get(Membership, (organisation.id, person_id))
    return found and found.role


def newest(session):
    return session.exec(select(Person).where(Person.name == "Nell New")).one()
