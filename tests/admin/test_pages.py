"""The operator's page is there for operators only."""

import pytest

from tests.databases import on_both

pytestmark = on_both


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


def test_an_operator_sees_every_organisation(operator, owner, outsider, make):
    make.call(make.key(owner.organisation), make.integration("sampler"))

    answer = operator.get("/operator/")

    for words in ("Acme", "Other", "Staff", "/k/sampler/mcp"):
        assert words in answer.text


def test_for_everyone_else_the_page_does_not_exist(owner, member, outsider, browse):
    for browser in (owner, member, outsider):
        browser.get("/operator/", status=404)
        assert "/operator" not in browser.get("/home/").html
    assert "/sign-in" in browse.get("/operator/", status=303).location


def test_organisations_are_paged(operator, owner, outsider, monkeypatch):
    monkeypatch.setattr("app.admin.views.organisations.PAGE", 2)

    assert "page=2" in operator.get("/operator/").html
    assert operator.get("/operator/?page=2").status == 200
