"""Adding an integration checks its address and tells every gateway."""

import pytest

from app.core import changes, errors
from app.integrations import queries, services


def test_an_added_integration_is_announced(session, make):
    before = changes.newest(session)

    integration = make.integration("sampler", tools=())

    assert queries.enabled(session) == [integration]
    assert [(c.kind, c.subject_id) for c in changes.since(session, before)] == [("integration", integration.id)]


@pytest.mark.parametrize("slug", ["", "a", "Upper", "-dash", "dash-", "sp ace", "x" * 41, "../etc"])
def test_bad_slugs_are_refused(make, slug):
    with pytest.raises(errors.Invalid):
        make.integration(slug or " ")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/",
        "http://",
        "http://user:pw@host/",
        "http://host:99999/",
        "http://host/ a",
        "http://host/#x",
        "http://[::1",
    ],
)
def test_bad_addresses_are_refused(make, url):
    with pytest.raises(errors.Invalid):
        make.integration("sampler", upstream_url=url)


def test_a_slug_is_taken_once(make):
    make.integration("sampler")

    with pytest.raises(errors.Conflict):
        make.integration("sampler")


def test_switched_off_is_not_offered(session, make, now):
    integration = make.integration("sampler")

    services.set_enabled(session, integration=integration, is_enabled=False, now=now)

    assert queries.enabled(session) == []
    with pytest.raises(errors.Conflict):
        services.set_enabled(session, integration=integration, is_enabled=False, now=now)


def test_a_moved_integration_is_announced(session, make, now):
    integration = make.integration("sampler")
    before = changes.newest(session)

    services.move(session, integration=integration, upstream_url="https://other.example/mcp", now=now)

    assert queries.by_slug(session, "sampler").upstream_url == "https://other.example/mcp"
    assert len(changes.since(session, before)) == 1
    with pytest.raises(errors.NotFound):
        queries.by_slug(session, "absent")


@pytest.mark.parametrize("arguments", ["", "{", "[]", "1"])
def test_an_example_that_is_no_json_object_is_refused(make, arguments):
    with pytest.raises(errors.Invalid, match="JSON object"):
        make.integration("sampler", example_tool="greet", example_arguments=arguments)


def test_newcomers_try_the_first_with_an_example(session, make):
    plain = make.integration("plain")
    assert queries.sample(session) == plain

    ready = make.integration("ready", example_tool="greet")

    assert queries.sample(session) == ready
