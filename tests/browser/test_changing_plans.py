"""A plan is chosen, exchanged for a dearer one, for a cheaper one, and cancelled, in the middle of a month."""

import re

from tests.browser.paying import check_out, text_of
from tests.waiting import eventually


def test_upgrade_downgrade_and_cancel_in_the_middle_of_a_month(sign_in):
    page = sign_in("dana")
    page.goto("/billing/plan/payg")
    check_out(page)
    page.get_by_text("You are on “Pay as you go”.").wait_for()

    # Dearer: at once, for what was shown.
    page.get_by_role("link", name="Choose Team").click()
    page.get_by_role("heading", name="Today").wait_for()
    button = page.get_by_role("button", name=re.compile(r"Pay \$[\d.]+ and change now"))
    price = re.search(r"\$[\d.]+", button.inner_text()).group()
    assert price in page.locator(".sums tfoot").inner_text()
    button.click()
    page.get_by_text("You are on “Team”.").wait_for()
    page.get_by_text("1 of 10 taken").wait_for()
    eventually(lambda: f"{price} Paid" in " ".join(text_of(page.goto("/billing/")).split()))

    # More seats: previewed, paid, there.
    page.goto("/billing/plan")
    page.get_by_label("How many").fill("12")
    page.get_by_role("button", name="See what that costs").click()
    page.get_by_role("button", name=re.compile(r"Pay \$[\d.]+ and change now")).click()
    page.get_by_text("1 of 12 taken").wait_for()

    # Cheaper: when what is paid for is over, and not if one thinks better of it.
    page.get_by_role("link", name="Choose Pay as you go").click()
    page.get_by_text("Nothing changes today").wait_for()
    page.get_by_role("button", name=re.compile("Change on")).click()
    page.get_by_text("“Pay as you go” begins on").first.wait_for()
    page.get_by_role("button", name="Stay on Team").click()
    page.get_by_text("You stay on “Team”.").wait_for()

    # Away: one press, with a reason if one likes.
    page.get_by_role("link", name="Cancel Team").click()
    page.get_by_label("Why are you leaving?").fill("Only trying it out.")
    page.get_by_role("button", name="Cancel the plan").click()
    page.get_by_text("Until then nothing changes.").wait_for()
    page.get_by_text("Your keys, your usage and your invoices stay where they are.").wait_for()
    page.goto("/keys/")
    page.locator("tbody tr").first.wait_for()
