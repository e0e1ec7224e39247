"""What a key reaches, as it is asked at every call."""

import pytest

from app.keys import scopes


def test_a_whole_integration_is_every_tool_and_whatever_else_it_has():
    assert scopes.read(["sampler"]).tools_of("sampler") is scopes.ALL


def test_a_tool_is_that_tool_alone():
    read = scopes.read(["clock/convert_time", "clock/get_current_time"])

    assert read.tools_of("clock") == {"convert_time", "get_current_time"}
    assert read.tools_of("sampler") == scopes.NONE


def test_a_whole_integration_takes_in_its_tools():
    assert scopes.read(["clock/convert_time", "clock"]).tools_of("clock") is scopes.ALL
    assert scopes.plain(["clock/convert_time", "clock", " sampler/greet ", "sampler/greet"]) == [
        "clock",
        "sampler/greet",
    ]


def test_a_tool_may_have_a_slash_in_its_name():
    assert scopes.read(["files/read/text"]).tools_of("files") == {"read/text"}


@pytest.mark.parametrize("slug", ["sampler", "", "clock", "sam", "SAMPLER"])
def test_no_scope_reaches_nothing(slug):
    assert scopes.read([]).tools_of(slug) == scopes.NONE


@pytest.mark.parametrize("text", ["sampler/", "/greet", "*", "Sampler"])
def test_what_is_no_scope_reaches_nothing(text):
    assert scopes.read([text]).tools_of("sampler") == scopes.NONE


def test_keys_with_the_same_scopes_share_them():
    assert scopes.read(["b", "a/x"]) is scopes.read(["a/x", "b", "b"])


def test_scopes_are_said_in_words():
    assert scopes.in_words(None) == "Everything"
    assert scopes.in_words([]) == "Nothing"
    assert scopes.in_words(["clock", "sampler/greet"]) == "clock, sampler/greet"
