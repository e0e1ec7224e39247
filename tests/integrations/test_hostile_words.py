"""What somebody else wrote about an integration is shown as words, wherever it is shown (T10)."""

import pytest

WORDS = [
    '<img src=x onerror="alert(1)">',
    "</script><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202etxt.exe \u2066hidden\u2069",
    '" onmouseover="alert(1)',
]


@pytest.mark.parametrize("words", WORDS)
def test_t10_names_and_summaries_are_inert_on_every_page_that_shows_them(owner, make, session, words):
    integration = make.integration("hostile", example_tool="greet")
    integration.name, integration.summary = words, words
    key = make.key(owner.organisation, name=words)
    make.call(key, integration, tool=words[:60])
    session.commit()

    for path in ("/first-call/", "/home/", "/usage/", "/keys/"):
        page = owner.get(path)

        assert "<img src=x" not in page.html
        assert "<script>alert" not in page.html
        assert 'onmouseover="alert' not in page.html
        assert ">49" not in page.html
