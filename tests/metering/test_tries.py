"""Each try on “Your first call” says what happened and what to do about it."""

from datetime import timedelta

import pytest

from app.metering import attempts, models, queries, tries

KEYS, GATEWAY = "https://portal.example/keys/", "https://gateway.example"


def shown(calls=(), refused=()):
    return tries.newest_first(calls, refused, keys_url=KEYS, gateway_url=GATEWAY, operator="whoever runs it")


@pytest.fixture
def scene(make):
    organisation = make.organisation()
    return organisation, make.key(organisation), make.integration("sampler")


def calls_in(session, organisation):
    return queries.calls_of(session, organisation, limit=10)


def test_a_call_that_went_well_needs_no_words(session, make, scene):
    organisation, key, sampler = scene
    event = make.call(key, sampler, duration_us=12_000)

    (one,) = shown(calls_in(session, organisation))

    assert (one.id, one.is_ok, one.is_receipt, one.what_to_do, one.duration_us) == (event.id, True, True, "", 12_000)
    assert one.title == "greet of Sampler"


def test_an_unknown_tool_is_named(session, make, scene):
    organisation, key, sampler = scene
    make.call(key, sampler, tool="grete", status=models.TOOL_ERROR, error_class="unknown_tool")

    (one,) = shown(calls_in(session, organisation))

    assert not one.is_ok
    assert "“sampler” has no tool called “grete”" in one.what_to_do


@pytest.mark.parametrize("reason", [attempts.UNKNOWN_TOOL, attempts.TOOL_HELD])
def test_a_refused_tool_is_named_to_whose_try_it_was(make, scene, reason):
    organisation, key, _ = scene
    own, strangers = make.attempt(organisation=organisation, key=key, reason=reason), make.attempt(reason=reason)
    own.tool = strangers.tool = "grete"

    first, second = sorted(shown(refused=[own, strangers]), key=lambda one: one.id, reverse=True)

    assert "“grete”" in first.title
    assert "grete" not in second.title


@pytest.mark.parametrize("status", [status for status in models.STATUSES if status != models.OK])
def test_every_failed_call_is_explained(session, make, scene, status):
    organisation, key, sampler = scene
    make.call(key, sampler, status=status)

    (one,) = shown(calls_in(session, organisation))

    assert not one.is_ok
    assert one.what_to_do


@pytest.mark.parametrize("reason", sorted(attempts.EXPLANATIONS))
def test_every_refusal_is_explained_without_a_gap(make, reason):
    (one,) = shown(refused=[make.attempt(reason=reason)])

    assert one.title
    assert one.what_to_do
    assert "{" not in one.title + one.what_to_do


def test_newest_comes_first_whatever_it_is(session, make, scene, now):
    organisation, key, sampler = scene
    make.call(key, sampler, at=now - timedelta(seconds=2))
    refusal = make.attempt(organisation=organisation, at=now - timedelta(seconds=1))
    newest = make.call(key, sampler, at=now)

    found = shown(calls_in(session, organisation), [refusal])

    assert [one.id for one in found][:2] == [newest.id, refusal.id]
    assert tries.state_of(found) != tries.state_of(found[1:])
    assert tries.state_of([]) == tries.state_of([])


def test_old_tries_are_forgotten(session, make, now):
    make.attempt(at=now - timedelta(hours=25))
    make.attempt(at=now)

    assert attempts.forget(session, before=now - timedelta(hours=24)) == 1
    assert attempts.forget(session, before=now - timedelta(hours=24)) == 0
