"""The journey of credit: bought, burned down, refused with words, topped up by itself, and calls pass again."""

from tests.browser.test_journey import RECEIPT, run_in_shell, snippet
from tests.waiting import eventually

PRICE = "0.90"


def test_credit_burns_down_is_refused_with_words_and_tops_itself_up(sign_in, stack):
    stack.postern("price", "set", "sampler", "word_count", "--amount", PRICE)
    page = sign_in("noor")
    page.wait_for_url("**/first-call/**")
    if page.locator("#secret").count() == 0:
        page.get_by_role("button", name="Make another key and show it here").click()
    page.locator("#secret").wait_for()
    curl = snippet(page, "curl").replace('"greet"', '"word_count"').replace("Mcp-Name: greet", "Mcp-Name: word_count")
    curl = curl.replace('"arguments":{"name":', '"arguments":{"text":')

    # Prepaid, from the page of prices; no card is asked for.
    page.goto("/pricing")
    page.get_by_role("link", name="Choose Prepaid").click()
    page.get_by_role("button", name="Change now").click()
    page.locator("h1", has_text="Credit").wait_for()
    page.get_by_text("There is no credit left").wait_for()

    # Bought at Checkout, with the card kept.
    page.get_by_label("Another amount").first.check()
    page.get_by_role("textbox", name="Another amount").fill("5.00")
    page.get_by_label("Keep this card for automatic top-up").check()
    page.get_by_role("button", name="Go to Checkout").click()
    page.get_by_role("button", name="Pay").click()
    page.get_by_text("$5.00 of credit were added.").wait_for()

    # Burned down, and refused in words that say where to go.
    eventually(lambda: _passes(curl))
    said = ""
    for _ in range(8):
        said = run_in_shell(curl)
    assert "prepaid balance is used up" in said
    assert f"{stack.portal}/billing/wallet/" in said
    page.reload()
    assert "Used by calls" in page.locator("main").inner_text()

    # More is bought by itself from now on, and calls pass again.
    page.get_by_label("When there is less than").fill("1.00")
    page.get_by_label("Buy", exact=True).fill("5.00")
    page.get_by_label("At most in a month").fill("5.00")
    page.get_by_role("button", name="Switch on").click()
    page.get_by_text("Automatic top-up is on.").wait_for()
    eventually(lambda: _passes(curl))
    page.reload()
    assert "Topped up automatically" in page.locator("main").inner_text()


def _passes(curl):
    return RECEIPT.search(run_in_shell(curl)) is not None
