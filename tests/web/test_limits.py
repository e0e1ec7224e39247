"""Who a request is from, and how far it may be believed."""

import pytest
from flask import request

from app.portal import create_app
from app.web.paths import own_path

FORWARDED = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "a.example",
}


@pytest.mark.parametrize(("hops", "address"), [(0, "10.0.0.1"), (1, "198.51.100.7"), (2, "203.0.113.9")])
def test_address_comes_from_exactly_as_many_proxies_as_there_are(settings, engine, hops, address):
    given = {"proxy_hops": hops, "trusted_hosts": ("a.example",)}
    app = create_app(settings.model_copy(update=given), engine)
    seen = []
    app.before_request(lambda: seen.append(request.remote_addr))

    app.test_client().get(
        "/healthz", base_url="http://127.0.0.1:8300", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": "10.0.0.1"}
    )

    assert seen == [address]


@pytest.mark.parametrize("text", ["/", "/a", "/a?b=c&d=//e", "/a/b#c", "/ä"])
def test_own_paths_pass(text):
    assert own_path(text) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "a",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        " /a",
        "/a\x00",
        "/a\x7f",
        "/" + "a" * 3000,
        "//[",
    ],
)
def test_everything_else_does_not(text):
    assert own_path(text) is None
