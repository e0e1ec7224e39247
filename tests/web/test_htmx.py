"""One template, two answers; and what htmx 4 does differently from what htmx-flask expects."""

from pathlib import Path

import htmx_flask
import pytest
from flask import Blueprint, flash, url_for
from jinja2 import ChoiceLoader, DictLoader

from app.web import htmx
from app.web.guards import public
from tests.portal import BOOSTED, PART

PAGE = """\
{% extends "layouts/public.html" %}
{% block title %}Things{% endblock %}
{% block content %}
<h1>Things</h1>
<ul>
{% for thing in things %}
{% block row scoped %}<li id="thing-{{ thing }}">{{ thing }} of {{ product_name }}</li>{% endblock %}
{% endfor %}
</ul>
{% endblock %}
"""
RESTORE = {"HX-History-Restore-Request": "true"}


@pytest.fixture
def things(app):
    app.jinja_env.loader = ChoiceLoader([DictLoader({"things.html": PAGE}), app.jinja_env.loader])
    bp = Blueprint("things", __name__, url_prefix="/things")

    @bp.get("/")
    @public
    def index():
        return htmx.render("things.html", block="row", things=["a", "b"], thing="b")

    @bp.get("/said")
    @public
    def said():
        flash("“b” was revoked.")
        return htmx.render("things.html", block="row", things=["a", "b"], thing="b")

    @bp.get("/wrong")
    @public
    def wrong():
        return htmx.render("things.html", block="row", status=422, things=[], thing="b")

    @bp.get("/done")
    @public
    def done():
        return htmx.redirect(url_for("things.index"))

    @bp.get("/elsewhere")
    @public
    def elsewhere():
        return htmx.leave("https://identity.example/")

    @bp.get("/moved")
    @public
    def moved():
        response = htmx.render("things.html", block="row", things=[], thing="b")
        return htmx.push_url(htmx.retarget(response, target="#b", swap="innerMorph"), "/things/b")

    app.register_blueprint(bp)


@pytest.mark.usefixtures("things")
class TestThings:
    """All on the pages above."""

    def test_part_is_the_block_alone_with_its_loop_variable(self, browse):
        assert browse.part("/things/").html == '<li id="thing-b">b of Postern</li>'

    @pytest.mark.parametrize(
        "headers",
        [{}, BOOSTED, RESTORE, {**PART, **RESTORE}, {"HX-Request-Type": "partial"}, {"HX-Request": "true"}],
        ids=str,
    )
    def test_everything_else_is_the_whole_page(self, browse, headers):
        assert browse.get("/things/", headers=dict(headers)).html.startswith("<!doctype html>")

    @pytest.mark.parametrize("headers", [{}, PART])
    def test_caches_are_told_that_both_share_an_address(self, browse, headers):
        vary = {name.lower() for name in browse.open("GET", "/things/", headers=headers).response.vary}

        assert {"hx-request", "hx-request-type"} <= vary

    def test_flash_comes_beside_the_part_and_is_then_gone(self, browse):
        html = browse.part("/things/said").html

        assert html.startswith('<li id="thing-b">')
        assert 'id="flash"' in html
        assert "hx-swap-oob" in html
        assert "“b” was revoked." in html
        assert "revoked" not in browse.get("/things/").html

    def test_flash_waits_for_the_page_that_a_redirect_leads_to(self, browse):
        assert "“b” was revoked." in browse.get("/things/said").html

    def test_form_to_be_corrected_is_422_in_both_forms(self, browse):
        browse.get("/things/wrong", status=422)
        browse.part("/things/wrong", status=422)

    def test_done_redirects_with_303_and_leaves_the_page_from_within_a_part(self, browse):
        assert browse.get("/things/done", status=303).location == "/things/"
        assert browse.get("/things/done", status=303, headers=dict(BOOSTED)).location == "/things/"
        assert browse.part("/things/done").headers["HX-Redirect"] == "/things/"

    def test_other_hosts_are_reached_by_leaving_whatever_htmx_asked_for(self, browse):
        assert browse.get("/things/elsewhere", status=303).location == "https://identity.example/"
        for headers in (PART, BOOSTED):
            answer = browse.open("GET", "/things/elsewhere", headers=headers)
            assert (answer.status, answer.headers["HX-Redirect"]) == (200, "https://identity.example/")

    def test_swaps_of_htmx_4_pass(self, browse):
        headers = browse.part("/things/moved").headers

        assert (headers["HX-Retarget"], headers["HX-Reswap"], headers["HX-Push-Url"]) == (
            "#b",
            "innerMorph",
            "/things/b",
        )


def test_signed_out_part_leaves_for_sign_in_and_comes_back_to_the_page(browse):
    headers = {**PART, "HX-Current-URL": "http://127.0.0.1:8300/usage/?days=7"}

    answer = browse.open("GET", "/first-call/tries", headers=headers)

    assert answer.status == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/usage/?days%3D7"
    assert answer.html == ""


@pytest.mark.parametrize(
    "address", ["https://evil.example//evil.example", "javascript:alert(1)", "", "http://[", "//x"]
)
def test_address_that_htmx_tells_is_not_believed(browse, address):
    answer = browse.open("GET", "/account", headers={**PART, "HX-Current-URL": address})

    assert answer.headers["HX-Redirect"] in ("/sign-in", "/sign-in?next=/")


def test_htmx_flask_still_refuses_what_we_do_ourselves(app):
    """Why web.htmx sets HX-Reswap by itself; when this fails, htmx-flask has learnt it."""
    with app.test_request_context(), pytest.raises(ValueError, match="Invalid reswap"):
        htmx_flask.make_response("", reswap="innerMorph")


def test_this_is_the_htmx_that_these_rules_were_written_for():
    package = Path(__file__).parents[2] / "node_modules" / "htmx.org" / "dist" / "htmx.js"
    code = package.read_text()

    assert 'headers["HX-Request-Type"] = (ctx.target === document.body || ctx.select) ? "full" : "partial"' in code
    assert "ctx.hx.redirect" in code
    assert "HX-History-Restore-Request" in code
    assert "HX-Trigger-Name" not in code
