"""What people do when they pay, in a browser."""

from urllib.parse import urlsplit


def curl_of(page):
    """The command of the first call, with a key in it."""
    page.goto("/first-call/")
    if page.locator("#secret").count() == 0:
        page.get_by_role("button", name="Make another key and show it here").click()
        page.locator("#secret").wait_for()
    return page.locator("#code-curl").text_content()


def check_out(page):
    """Over Checkout with a card that is accepted, and back."""
    portal = urlsplit(page.url).netloc
    page.get_by_role("button", name="Go to Checkout").click()
    page.locator("h1", has_text="Checkout").wait_for()
    page.get_by_role("button", name="Subscribe").click()
    page.wait_for_url(lambda url: urlsplit(url).netloc == portal)


def text_of(answer):
    """The words of a page that was gone to."""
    return answer.frame.locator("main").inner_text()
