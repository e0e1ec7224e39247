import json

import pytest

from app.core.config import Settings
from tests.leaks.hub import Hub
from tests.portal import PORTAL_URL, PROVIDER

ENDPOINT = "/github/secret-scanning"


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture
def settings(tmp_path, hub):
    """Those of tests of pages, with a GitHub on this machine, and a gateway that is not there."""
    return Settings(
        data_dir=tmp_path,
        portal_url=PORTAL_URL,
        gateway_url="http://127.0.0.1:9",
        oidc_providers=(PROVIDER,),
        github_keys_url=hub.url,
    )


@pytest.fixture
def report(browse, hub):
    """`report([(token, source, url), …])` as GitHub does it; gives the answer."""

    def send(matches, *, status=200, signer=None, headers=None, body=None):
        found = [{"token": token, "type": "pst_key", "url": url, "source": source} for token, source, url in matches]
        body = json.dumps(found).encode() if body is None else body
        headers = (signer or hub.signers[0]).headers(body) if headers is None else headers
        answer = browse.open("POST", ENDPOINT, data=body, headers=headers, content_type="application/json")
        assert answer.status == status, answer.html
        return answer

    return send


@pytest.fixture
def leaked(session, make, owner):
    """A live key of the owner's organisation, and its secret."""
    secrets = []
    key = make.key(owner.organisation, name="ci", person_id=owner.person.id, secret=secrets)
    session.commit()
    return key, secrets[0]
