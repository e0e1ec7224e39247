"""Every address, asked for in every role and by strangers, answers as the table of roles says."""

from uuid import UUID

import pytest
from werkzeug.exceptions import MethodNotAllowed

from app.organisations import roles
from app.web import guards

WORDS = {"month": "2026-10", "receipt": "rcp_0000000000000000000000000"}
"""What stands for an argument of an address; a UUID that nothing has, or a word, for the others."""

UNCONFIGURED = 503
"""Stripe's webhooks, while no secret is set."""


@pytest.fixture(autouse=True)
def without_csrf(app):
    """Which comes before guards, and is not what is asked about here."""
    app.config["WTF_CSRF_ENABLED"] = False


def addresses(app):
    """(method, path, guard), one for each address; paths lead to things that do not exist."""
    urls = app.url_map.bind("127.0.0.1:8300")
    for rule in app.url_map.iter_rules():
        given = {
            name: UUID(int=7) if type(rule._converters[name]).__name__ == "UUIDConverter" else WORDS.get(name, "thing")
            for name in rule.arguments
        }
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            try:
                path = urls.build(rule.endpoint, given, method=method)
            except MethodNotAllowed:  # pragma: no cover
                raise AssertionError(rule) from None
            yield method, path, guards.guard_of(app.view_functions[rule.endpoint]).name


def is_sent_to_sign_in(answer):
    return answer.status in (302, 303) and answer.location.startswith("/sign-in")


def is_right(answer, guard, role):
    """Whether somebody signed in, with this role in their organisation, got what this guard promises."""
    kind, permission, *_ = [*guard.split(" "), ""]
    if answer.status >= 500 and answer.status != UNCONFIGURED:
        return False
    if kind == "api":
        return answer.status == 401
    if kind == "member":
        return (answer.status != 403) is roles.may(role, permission) and not is_sent_to_sign_in(answer)
    if kind.startswith("operator"):
        return answer.status == 404
    return answer.status != 403


@pytest.mark.parametrize("role", roles.PERMISSIONS)
def test_each_role_is_let_in_where_the_table_says(app, make, sign_in, role):
    wrong = []
    for method, path, guard in addresses(app):
        person, organisation = make.person(), make.organisation()
        make.membership(organisation, person, role=role)
        answer = sign_in(person, organisation).open(method, path)
        if not is_right(answer, guard, role):
            wrong.append((method, path, guard, answer.status, answer.location))

    assert wrong == []


@pytest.mark.parametrize("role", roles.PERMISSIONS)
def test_each_role_of_an_admin_key_is_let_in_where_the_table_says(app, make, program, role):
    asking, wrong = program(make.organisation(), role), []
    for method, path, guard in addresses(app):
        kind, _, permission = guard.partition(" ")
        if kind == "api":
            answer = asking.ask(method, path, status=None, json={})
            if answer.status_code >= 500 or (answer.status_code != 403) is not roles.may(role, permission):
                wrong.append((method, path, guard, answer.status_code))

    assert wrong == []


def test_strangers_are_let_in_where_it_is_public(app, new_browser):
    wrong = []
    for method, path, guard in addresses(app):
        answer = new_browser().open(method, path)
        if guard != "public" and not (is_sent_to_sign_in(answer) or answer.status == 401):
            wrong.append((method, path, guard, answer.status))

    assert wrong == []
