"""A key leaks: a stranger reports it, the gateway refuses it, its owner has mail; and the drill that shows the same."""

import re

from tests.browser.test_journey import run_in_shell, snippet
from tests.waiting import eventually


def test_a_reported_key_dies_at_the_gateway_and_its_owner_has_mail(sign_in, new_page):
    page = sign_in("robin")
    page.goto("/first-call/")
    page.get_by_role("button", name="Make another key and show it here").click()
    secret = page.locator("#secret").inner_text()
    curl = snippet(page, "curl")
    assert "Hello" in run_in_shell(curl)

    stranger = new_page()
    stranger.goto("/")
    stranger.get_by_role("link", name="Report a leaked key").click()
    stranger.get_by_label("The key").fill(secret[:-1])
    stranger.get_by_label("Where you found it").fill("https://paste.example/1")
    stranger.get_by_role("button", name="Report it").click()
    stranger.get_by_text("This key is not whole").first.wait_for()
    assert "Hello" in run_in_shell(curl)

    stranger.get_by_label("The key").fill(f"token: {secret}")
    stranger.get_by_role("button", name="Report it").click()
    stranger.get_by_text("That was a key of this gateway.").wait_for()
    eventually(lambda: "revoked" in run_in_shell(curl))
    assert "Robin" not in stranger.content()

    page.goto("/keys/leaks/")
    row = page.locator("tbody tr").first
    for words in (secret[:17], "https://paste.example/1", "Somebody, by the public form", "Revoked"):
        assert words in row.inner_text()

    def has_mail():
        page.goto("/outbox/")
        return page.get_by_role("link", name=re.compile("A leaked key was stopped")).count()

    eventually(has_mail)
    page.get_by_role("link", name=re.compile("A leaked key was stopped")).first.click()
    page.get_by_text("https://paste.example/1").first.wait_for()
    assert secret not in page.content()


def test_a_drill_sees_its_key_die_at_the_real_gateway(sign_in):
    page = sign_in("robin")
    page.goto("/keys/leaks/")

    page.get_by_role("button", name="Run a drill").click()

    page.locator("h1", has_text="Dead after").wait_for()
    steps = page.locator("tbody tr")
    assert [one.inner_text().partition(".")[0].strip() for one in steps.all()] == ["1", "2", "3", "4", "5", "6"]
    assert "not seen" not in page.locator("table").inner_text()
    page.get_by_role("link", name="Leaked keys").click()
    page.get_by_text("dead after").wait_for()
    page.goto("/keys/")
    assert "Leak drill" not in page.content()
