"""What stands around every page: nothing that leads nowhere, and all that htmx needs."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from app.web import styleguide
from tests.pages import Page, problems_of_whole

EVIL = "<script>alert(1)</script>\"'&"
PAGE = (
    "{% extends 'layouts/LAYOUT.html' %}{% block title %}Keys{% endblock %}"
    "{% block content %}<h1>Keys</h1>{% endblock %}"
)


@pytest.mark.parametrize("layout", styleguide.LAYOUTS)
def test_style_guide_is_a_valid_page_in_each_layout(bare_app, layout):
    answer = bare_app.test_client().get(f"/styleguide?layout={layout}")

    assert answer.status_code == 200
    assert problems_of_whole(Page(answer.text)) == []
    assert ('class="console is-operator"' in answer.text) is (layout == "operator")


def test_console_carries_the_token_for_htmx_and_marks_where_one_is(render):
    house = styleguide.House(EVIL, UUID(int=7))

    html = render(
        PAGE.replace("LAYOUT", "console"),
        current=SimpleNamespace(person=SimpleNamespace(name=EVIL), here=house, places=[house, house]),
        switch_url="/switch",
        organisations_url="/organisations/",
        nav=[{"label": "Keys", "url": "/keys", "icon": "key", "is_current": True}],
        sign_out_url="/sign-out",
    )

    assert problems_of_whole(Page(html)) == []
    assert """hx-headers:inherited='{"X-CSRFToken": "the-token"}'""" in html
    assert 'href="/keys" aria-current="page"' in html
    assert html.count("<script ") == 2
    assert Page(html).form("/sign-out").method == "post"
    assert Page(html).form("/switch").method == "post"


def test_public_page_links_only_what_it_was_given(render):
    bare = PAGE.replace("LAYOUT", "public")
    somebody = SimpleNamespace(person=SimpleNamespace(name="Mira"), organisation=None)

    nobody = Page(render(bare))
    stranger = Page(
        render(bare, sign_in_url="/sign-in", site_nav=[{"label": "Docs", "url": "/docs", "is_current": True}])
    )
    signed_in = Page(render(bare, sign_in_url="/sign-in", console_url="/home", current=somebody))

    assert set(nobody.links) == {"#main", "/"}
    assert {"/docs": "Docs", "/sign-in": "Sign in"}.items() <= stranger.links.items()
    assert "/home" in signed_in.links
    assert "/sign-in" not in signed_in.links


def test_error_page_shows_what_it_was_given(render):
    html = render(
        "{% include 'errors/error.html' %}",
        status=404,
        title=EVIL,
        message=EVIL,
        reference="req_1",
        action={"label": "Go home", "url": "/"},
    )

    page = Page(html)
    assert problems_of_whole(page) == []
    assert "req_1" in page.text
    assert "Error 404" in page.text
    assert "<script>alert" not in html
