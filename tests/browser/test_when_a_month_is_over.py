"""From the page of prices to a bill that anybody can do again.

It moves the clock of the stand-in for Stripe, which goes forward only: so this comes after every other journey.
"""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import requests
import stripe

from app.sandbox.stripe import KEY
from tests.browser.paying import check_out, curl_of, text_of
from tests.browser.test_journey import run_in_shell
from tests.waiting import eventually

PRICES = re.compile(r"usd\.calls = \{ free = 1000, graduated = .*")
PRICE = 'usd.calls = { free = 2, graduated = [{ up_to = 1, each = "0.05" }, { each = "0.0325" }] }'
MONTH = f"{datetime.now(UTC):%Y-%m}"
CALLS, COST = 5, "$0.12"
"""Two are free, one costs 5 cents, two 3.25 each: 11.5 cents, half up."""


def test_from_a_price_to_a_bill_that_anybody_can_do_again(sign_in, stack, tmp_path):
    publish(stack, tmp_path)
    page = sign_in("kim")
    curl = curl_of(page)
    page.goto("/pricing")
    page.get_by_role("link", name="Choose Pay as you go").click()
    page.get_by_text("Your card is asked for and nothing is charged").wait_for()
    check_out(page)
    page.get_by_text("You are on “Pay as you go”.").wait_for()

    while priced(page, stack) < CALLS:  # a call that was faster than the news of the plan costs nothing
        assert "Hello" in run_in_shell(curl)
    assert COST in text_of(page.goto("/billing/"))
    eventually(lambda: COST in text_of(page.goto("/billing/next")), every_s=0.5)
    end_the_month(stack)

    eventually(lambda: re.search(rf"{re.escape(COST)}\s*Paid", text_of(page.goto("/billing/"))), every_s=0.5)
    [line] = [line for line in newest_invoice(stack).lines.data if line.amount]
    [row] = lines(page, stack)
    base = f"/billing/months/{MONTH}"
    assert (line.amount, line.quantity) == (int(row["amount_minor"]), int(row["quantity"])) == (12, CALLS)
    shown = text_of(page.goto(base))
    assert f"{row['description']}" in shown
    assert shown.count(COST) >= 2, "the line, and the sum"
    statement = tmp_path / "statement.json"
    statement.write_bytes(page.request.get(f"{stack.portal}{base}/statement.json").body())
    stack.postern("verify", str(statement))
    stack.postern("reconcile")
    assert "Reconciled up to" in text_of(page.goto("/billing/"))

    # The month goes on here, and what is used in it is on the bill after.
    for _ in range(2):
        assert "Hello" in run_in_shell(curl)
    eventually(lambda: "Late usage of " in text_of(page.goto("/billing/next")), every_s=0.5)
    stack.postern("reconcile")


def publish(stack, folder):
    """Pay as you go, so dear that a few calls come to something."""
    text = (stack.root / "plans.toml").read_text()
    text, found = PRICES.subn(PRICE, text)
    assert found == 1
    file = folder / "plans.toml"
    file.write_text(text)
    stack.postern("plans", "apply", str(file))


def lines(page, stack):
    """Of the month's bill, as its CSV has them."""
    said = page.request.get(f"{stack.portal}/billing/months/{MONTH}/statement.csv").text()
    return list(csv.DictReader(io.StringIO(said)))


def priced(page, stack):
    return sum(int(row["quantity"]) for row in lines(page, stack))


def end_the_month(stack):
    """Past its end, and the hour that Stripe leaves invoices open."""
    now = datetime.strptime(MONTH, "%Y-%m").replace(tzinfo=UTC)
    first = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=2, minute=0, second=0, microsecond=0)
    requests.post(f"{stack.stripe}/_clock", json={"to": int(first.timestamp())}, timeout=60).raise_for_status()


def newest_invoice(stack):
    bases = dict.fromkeys(("api", "files", "connect", "meter_events"), stack.stripe)
    client = stripe.StripeClient(KEY, base_addresses=bases)
    return next(
        one for one in client.v1.invoices.list().data if one.billing_reason == "subscription_cycle" and one.total
    )
