"""Names where everything is served at once: unique, short enough, and the same for ever (T3)."""

import re

import pytest

from app.gateway.eras import names


@pytest.mark.parametrize(
    ("slug", "tool", "name"),
    [
        ("clock", "get_current_time", "clock_get_current_time"),
        ("my-crm", "search", "my-crm_search"),
        ("crm", "a.b/c", "crm_a-b-c_x9b81d21ed4"),
    ],
)
def test_a_name_says_whose_tool_it_is(slug, tool, name):
    assert names.of(slug, tool).startswith(f"{slug}_")
    assert names.slug_of(names.of(slug, tool)) == slug
    if "." not in tool:
        assert names.of(slug, tool) == name


def test_t3_names_are_unique_and_at_most_64_characters():
    tools = ["x" * 80, "x" * 79 + "y", "x" * 63, "a.b", "a-b", "a/b", "é", "search", "a" * 128, ""]
    made = {names.of(slug, tool) for slug in ("one", "one-more", "o" * 40) for tool in tools}

    assert len(made) == 3 * len(tools)
    assert all(len(name) <= 64 and re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in made)


def test_a_name_that_looks_like_a_cut_one_never_meets_it():
    cut = names.of("crm", "a.b")
    posing = cut.removeprefix("crm_")

    assert names.of("crm", posing) != cut
    assert len(names.of("crm", posing)) <= 64


def test_names_are_the_same_after_a_restart():
    assert names.of("crm", "x" * 80) == names.of("crm", "x" * 80)
    assert names.of("crm", "x" * 80).startswith("crm_xxx")
