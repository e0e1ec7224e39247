"""The landing page says what this is, and its button starts it."""

import pytest

from app.portal import create_app
from tests.databases import at_revision
from tests.portal import PORTAL_URL, Browser


def test_landing_page_has_one_way_in_and_an_honest_command(browse, make):
    assert "YOUR_KEY" not in browse.get("/").text
    make.integration("sampler", example_tool="greet")

    answer = browse.get("/")

    assert answer.page.headings == ["One door to MCP servers"]
    assert "Continue with Local" in answer.text
    assert "curl http://127.0.0.1:8301/k/sampler/mcp" in answer.text
    assert "Authorization: Bearer YOUR_KEY" in answer.text


def test_sign_in_link_goes_straight_to_the_only_provider(browse):
    assert "/sign-in/local" in browse.get("/").page.links
    assert "/sign-in" not in browse.get("/").page.links


def test_portal_without_a_provider_says_so(settings, engine, session, hand):
    browser = Browser(create_app(settings.model_copy(update={"oidc_providers": ()}), engine), session)

    for path in ("/", "/sign-in"):
        assert "Nobody can sign in" in browser.get(path).text


@pytest.mark.parametrize("path", ["/", "/sign-in", "/robots.txt", "/healthz"])
def test_head_is_answered_as_get_without_a_body(browse, path):
    assert browse.open("GET", path).status == 200
    response = browse.client.head(path, base_url=PORTAL_URL)
    assert (response.status_code, response.data) == (200, b"")


def test_landing_page_is_small(browse):
    response = browse.client.get("/", base_url=PORTAL_URL, headers={"Accept-Encoding": "br"})

    assert int(response.headers["Content-Length"]) < 4_000


def test_ready_means_migrated(browse, engine):
    assert browse.get("/readyz").text == "ok\n"

    with at_revision(engine, "0000"):
        answer = browse.get("/readyz", status=503)

    assert "0000" in answer.text
    assert browse.get("/readyz").text == "ok\n"
