"""Every view has exactly one guard, and each guard keeps out whom it says."""

import pytest
from flask import Blueprint

from app.accounts.guards import operator, signed_in
from app.organisations import roles
from app.organisations.guards import current, member
from app.web.guards import guard_of, public
from tests.databases import on_both
from tests.pages import problems_of_whole


def as_text(response):
    """Words alone are no page, so that no page is expected."""
    if response.status_code == 200:
        response.mimetype = "text/plain"
    return response


@pytest.fixture
def views(app):
    """A view behind each guard, and one without."""
    bp = Blueprint("views", __name__)
    bp.after_request(as_text)
    bp.add_url_rule("/public", "public", public(lambda: "in"))
    bp.add_url_rule("/signed-in", "signed_in", signed_in(lambda: current.person.name))
    bp.add_url_rule("/member", "member", member("keys:write")(lambda: f"{current.organisation.name} {current.role}"))
    bp.add_url_rule("/only-operators", "operator", operator(lambda: "in"))
    bp.add_url_rule("/unguarded", "unguarded", lambda: "in")
    app.register_blueprint(bp)


def test_every_view_has_a_guard(app):
    bare = [endpoint for endpoint, view in app.view_functions.items() if guard_of(view) is None]

    assert bare == []


@pytest.mark.usefixtures("views")
def test_view_without_a_guard_is_refused_to_everybody(browse, owner):
    for browser in (browse, owner):
        assert browser.get("/unguarded", status=500).text != "in"


@pytest.mark.usefixtures("views")
def test_each_guard_lets_in_whom_it_says(browse, owner, member, outsider):
    assert browse.get("/public").text == "in"
    assert browse.get("/signed-in", status=303).location == "/sign-in?next=/signed-in"
    assert browse.get("/member", status=303).location == "/sign-in?next=/member"
    assert owner.get("/signed-in").text == "Olive Owner"
    assert owner.get("/member").text == "Acme owner"
    assert member.get("/member").text == "Acme developer"
    assert outsider.get("/member").text == "Other owner"


@pytest.mark.usefixtures("views")
def test_operators_pages_do_not_exist_for_others(browse, owner, sign_in, make):
    boss = make.person("Rita", is_operator=True)
    boss = sign_in(boss, make.organisation("Ops", owner=boss))

    assert boss.get("/only-operators").text == "in"
    owner.get("/only-operators", status=404)
    browse.get("/only-operators", status=303)
    assert "/operator/" in boss.get("/account").page.links
    assert "/operator/" not in owner.get("/account").page.links


@pytest.mark.usefixtures("views")
def test_role_that_may_not_is_refused_with_words(member, monkeypatch):
    monkeypatch.setitem(roles.PERMISSIONS, "developer", roles.LOOK)

    answer = member.get("/member", status=403)

    assert "Your role in “Acme” does not include this." in answer.text


@pytest.mark.usefixtures("views")
def test_unknown_role_may_nothing(sign_in, make):
    person = make.person()
    organisation = make.organisation("Acme")
    make.membership(organisation, person, role="ghost")

    sign_in(person, organisation).get("/member", status=403)


@pytest.mark.usefixtures("views")
def test_person_without_organisation_is_led_to_making_one(sign_in, make):
    assert sign_in(make.person()).get("/member", status=303).location == "/organisations/"


def test_permission_that_nobody_has_is_a_typing_error():
    with pytest.raises(ValueError, match="keys:wriet"):
        member("keys:wriet")


def test_two_guards_on_one_view_are_a_mistake():
    with pytest.raises(ValueError, match="two guards"):
        public(signed_in(lambda: ""))


@pytest.mark.usefixtures("views")
def test_public_view_that_asks_for_a_person_breaks_loudly(app, browse):
    app.add_url_rule("/asks", "asks", public(lambda: current.person.name))

    browse.get("/asks", status=500)


@pytest.mark.usefixtures("views")
def test_person_of_two_organisations_works_in_one_at_a_time(sign_in, make, session):
    person = make.person()
    make.organisation("First", owner=person)
    make.organisation("Second", owner=person)
    browser = sign_in(person)

    assert {browser.get("/member").text for _ in range(3)} < {"First owner", "Second owner"}


@on_both
def test_every_page_meets_everybody(app, browse, owner, member, outsider):
    pages = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and not rule.arguments and not rule.rule.startswith("/api/v1/")
    ]
    assert len(pages) > 10

    for path in pages:
        assert browse.open("GET", path).status in (200, 303), path
        for somebody in (owner, member, outsider):
            answer = somebody.open("GET", path)
            assert answer.status in (200, 303, 404, 422) or (somebody is member and answer.status == 403), path
            if answer.page is not None and answer.status == 200:
                assert problems_of_whole(answer.page) == [], path
