"""Promises about addresses: each is guarded, each that was published stays, and strangers get nowhere."""

from pathlib import Path

import pytest

from app.core.config import Settings
from app.portal import create_app
from app.web import guards

PUBLISHED = Path(__file__).with_name("published_urls.txt")


def published():
    """{"GET /keys/": "member keys:read", …}: addresses with the guard that each was given."""
    lines = [line for line in PUBLISHED.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(" | ") for line in lines)


def served_by(portal):
    """The same, as the portal has it."""
    return {
        f"{method} {rule.rule}": guards.guard_of(portal.view_functions[rule.endpoint]).name
        for rule in rules(portal)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("rules")))


def rules(portal):
    return [rule for rule in portal.url_map.iter_rules() if rule.endpoint != "static"]


def test_every_view_has_a_guard(portal):
    bare = [rule.endpoint for rule in rules(portal) if guards.guard_of(portal.view_functions[rule.endpoint]) is None]

    assert bare == []


def test_no_published_address_vanishes(portal):
    known, served = published().keys(), served_by(portal).keys()

    assert known - served == set(), "redirect what was published; never drop it"
    assert served - known == set(), f"new addresses are promises: add them, with their guard, to {PUBLISHED.name}"


def test_each_address_has_the_guard_that_it_was_given(portal):
    served = served_by(portal)

    assert {address: served[address] for address in published() if address in served} == published()


def test_what_changes_something_is_a_post(portal):
    """Forms know no other method; programs, which ask the API, do."""
    pages = {"GET", "HEAD", "OPTIONS", "POST"}
    odd = [
        rule.rule
        for rule in rules(portal)
        if rule.methods - pages - ({"PATCH", "DELETE"} if rule.rule.startswith("/api/v1/") else set())
    ]

    assert odd == []


def test_strangers_only_see_what_is_public(portal):
    client = portal.test_client()
    seen = []
    for rule in rules(portal):
        if guards.guard_of(portal.view_functions[rule.endpoint]).name == "public" or rule.arguments:
            continue
        for method in rule.methods & {"GET", "POST"}:
            answer = client.open(rule.rule, method=method, base_url="http://127.0.0.1:8300")
            if answer.status_code == 200:
                seen.append(f"{method} {rule.rule}")

    assert seen == []
