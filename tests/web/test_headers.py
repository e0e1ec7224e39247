"""Every answer carries the security headers, whatever it is."""

import pytest
from flask import Blueprint

from app.portal import create_app
from app.web.guards import public

PAGES = ("/", "/sign-in", "/account", "/nothing", "/healthz", "/readyz", "/favicon.ico", "/robots.txt", "/sign-out")


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_them(owner, path):
    headers = owner.open("GET", path).headers

    policy = {part.split(" ")[0]: part.split(" ")[1:] for part in headers["Content-Security-Policy"].split("; ")}
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == ["'self'"]
    assert policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Postern-Request-Id"].startswith("req_")
    assert "Strict-Transport-Security" not in headers


def test_static_files_and_failures_carry_them_too(browse, app):
    broken = Blueprint("broken", __name__)
    broken.add_url_rule("/broken", view_func=public(lambda: 1 / 0))
    app.register_blueprint(broken)
    style = browse.get("/").html.split('rel="stylesheet" href="')[1].split('"')[0]

    for path, status in ((style, 200), ("/broken", 500)):
        answer = browse.get(path, status=status)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_https_is_insisted_on_where_there_is_https(settings, engine):
    app = create_app(settings.model_copy(update={"portal_url": "https://portal.example"}), engine)

    headers = app.test_client().get("/healthz", base_url="https://portal.example").headers

    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_what_sets_no_caching_is_stored_nowhere(owner):
    for path in ("/account", "/keys/", "/nothing", "/healthz"):
        assert owner.open("GET", path).headers["Cache-Control"] == "no-store", path


def test_request_id_of_a_client_is_not_believed(browse):
    answer = browse.get("/healthz", headers={"Postern-Request-Id": "req_mine"})

    assert answer.headers["Postern-Request-Id"] != "req_mine"


def test_pages_are_compressed_for_whoever_can_read_that(browse):
    plain = browse.get("/")
    packed = browse.client.get("/", base_url="http://127.0.0.1:8300", headers={"Accept-Encoding": "gzip, br"})

    assert packed.headers["Content-Encoding"] == "br"
    assert int(packed.headers["Content-Length"]) < len(plain.html) / 2


@pytest.mark.parametrize(
    ("site", "is_packed"),
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False), (None, False)],
)
def test_signed_in_pages_are_compressed_only_for_our_own_pages(owner, site, is_packed):
    headers = {"Accept-Encoding": "br"} | ({"Sec-Fetch-Site": site} if site else {})
    owner.get("/account")

    response = owner.client.get("/account", base_url="http://127.0.0.1:8300", headers=headers)

    assert ("Content-Encoding" in response.headers) is is_packed
