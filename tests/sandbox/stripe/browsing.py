"""The stand-in's pages as a person without JavaScript meets them."""

import requests

from tests.pages import Page, problems_of_whole
from tests.sandbox.stripe.running import StandIn
from tests.waiting import PATIENCE_S


def look(stripe: StandIn, path: str, *, status: int = 200) -> Page:
    """The page, which must be well made."""
    answer = requests.get(_full(stripe, path), timeout=PATIENCE_S)
    return _read(answer, status)


def send(stripe: StandIn, path: str, *, status: int = 303, **fields: str) -> str | Page:
    """Send a form: where one is sent on to, or the page that comes back instead."""
    answer = requests.post(_full(stripe, path), data=fields, allow_redirects=False, timeout=PATIENCE_S)
    if status == 303:
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]
    return _read(answer, status)


def _full(stripe: StandIn, path: str) -> str:
    return path if path.startswith("http") else f"{stripe.url}{path}"


def _read(answer: requests.Response, status: int) -> Page:
    assert answer.status_code == status, answer.text
    page = Page(answer.text)
    assert [each for each in problems_of_whole(page) if "CSRF" not in each] == []  # it looks at Origin instead
    return page
