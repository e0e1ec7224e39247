"""Lists a page at a time."""

import pytest

from app.web.paging import page_of, part_of

ROWS = list(range(7))


def _cut(limit, offset):
    return ROWS[offset : offset + limit]


@pytest.mark.parametrize(
    ("query", "rows", "number", "has_next"),
    [
        ("", [0, 1, 2], 1, True),
        ("?page=2", [3, 4, 5], 2, True),
        ("?page=3", [6], 3, False),
        ("?page=4", [], 4, False),
        ("?page=0", [0, 1, 2], 1, True),
        ("?page=10001", [0, 1, 2], 1, True),
        ("?page=x", [0, 1, 2], 1, True),
    ],
)
def test_a_page_holds_its_rows_alone_and_knows_of_the_next(bare_app, query, rows, number, has_next):
    with bare_app.test_request_context(f"/{query}"):
        page = page_of(_cut, size=3)

    assert (page.rows, page.number, page.has_next) == (rows, number, has_next)


def test_a_last_page_that_is_full_has_no_next(bare_app):
    with bare_app.test_request_context("/?page=1"):
        assert not page_of(_cut, size=7).has_next


def test_pages_lead_to_their_neighbours_and_keep_what_was_chosen(bare_app):
    text = '{{ ui.pages(page, "styleguide.index", label="Pages of rows", state="open") }}'
    with bare_app.test_request_context("/?page=2"):
        middle, last = page_of(_cut, size=3), page_of(_cut, size=5)
        template = bare_app.jinja_env.from_string(text)
        both, newer = template.render(page=middle), template.render(page=last)

    assert 'href="/styleguide?page=1&amp;state=open" rel="prev"' in both
    assert 'href="/styleguide?page=3&amp;state=open" rel="next"' in both
    assert "Newer" in newer
    assert "Older" not in newer


def test_two_lists_of_one_page_turn_by_themselves(bare_app):
    text = '{{ ui.pages(page, "styleguide.index", currency="eur", _anchor="one") }}'
    with bare_app.test_request_context("/?page=9&one=2"):
        page = part_of(ROWS, size=2, name="one")
        html = bare_app.jinja_env.from_string(text).render(page=page)

    assert page.rows == [2, 3]
    assert 'href="/styleguide?one=3&amp;currency=eur#one" rel="next"' in html
