"""A month's statement is the sum of its parts on invoices, and each leads to the other."""

import re

import pytest

from app.billing import belonging, gathering, invoices, months
from tests.billing.lived import Lived
from tests.billing.visitor import pay
from tests.plans.catalogues import apply

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CATALOGUE = """\
currencies = ["usd"]

[plans.free]
name = "Free"
words = "No card."
kind = "free"
default = true

[plans.team]
name = "Team"
words = "For products."
kind = "team"
seats = { included = 2, most = 9 }
base.usd = { month = "26.09" }
seat.usd = { month = "9.01" }

[[plans.team.charges]]
key = "calls"
label = "Calls"
usd.calls = { each = "0.17" }

[[plans.team.charges]]
key = "time"
label = "Time"
integration = "slow"
max_per_call = { milliseconds = 9000 }
usd.milliseconds = { each = "0.001", minimum = "2.50" }
"""


@pytest.fixture
def lived(shop, settings, make):
    """November on a plan with a fee, another seat from the 25th on, calls in both months, until January."""
    lived = Lived(shop, settings, make)
    lived.place, lived.slow = make.integration("sampler"), make.integration("slow")
    apply(shop.session, CATALOGUE, now=shop.hand.now)
    shop.session.commit()
    shop.subscribe("team", interval="month", seats=3)
    lived.call(shop.organisation, lived.place, times=7)
    lived.work()
    shop.wait(days=3)
    shop.upgrade("team", interval="month", seats=5)
    lived.pass_month()
    lived.call(shop.organisation, lived.place, times=11)
    lived.call(shop.organisation, lived.slow, upstream_us=30_000)
    lived.pass_month()
    shop.hear(("invoice.",))
    shop.work()
    return lived


def billed(lived, name):
    month = months.named(name, now=lived.now)
    made = gathering.statement_of(lived.session, lived.till.organisation.id, month)
    [found] = belonging.of_month(lived.session, lived.till.organisation.id, "test", month, made)
    return made, found


def test_a_months_parts_on_its_invoices_add_up_to_its_statement(lived):
    for name in ("2026-11", "2026-12"):
        made, found = billed(lived, name)

        assert found.cost == sum(line.amount_minor for line in made.lines) > 0
        assert sum(part.amount for part in found.parts) == found.cost
        assert found.left == 0
        assert len(found.parts) >= 2

    every = invoices.of(lived.session, lived.till.organisation.id, "test", limit=9)
    for invoice in every:
        lines = belonging.lines_of(lived.session, invoice)
        assert sum(amount for _, amount in belonging.by_month(lines)) == invoice.subtotal
        assert all(line.key for line in lines if line.kind in ("use", "minimum") and line.amount)
        assert "other" not in {line.kind for line in lines}


def test_an_invoice_leads_into_the_statement_and_back(lived, owner, sign_in, outsider):
    browser = sign_in(owner.person, owner.organisation)
    latest, *_ = invoices.of(lived.session, owner.organisation.id, "test", limit=1)
    path = f"/billing/invoices/{latest.id}"
    assert path in browser.get("/billing/").page.links

    shown = browser.get(path)

    for words in ("use of December 2026", "fee from 1 Jan 2027", "up to the least of a month", latest.number):
        assert words in shown.text.replace("\N{NO-BREAK SPACE}", " "), words
    assert {"/billing/months/2026-12", "/billing/months/2027-01", latest.pdf_url, latest.page_url} <= set(
        shown.page.links
    )
    into = [link for link in shown.page.links if link.startswith("/billing/months/2026-12/")]
    assert len(into) == 3, "calls, time and its minimum"
    for link in into:
        browser.get(link)
    for month in ("2026-11", "2026-12"):
        page = browser.get(f"/billing/months/{month}")
        _, found = billed(lived, month)
        assert {f"/billing/invoices/{part.invoice.id}" for part in found.parts} <= set(page.page.links)
        assert re.search(r"On no invoice yet\s*\$0\.00", page.text)
    outsider.get(path, status=404)


def test_what_is_on_no_invoice_yet_is_said(shop, settings, make, owner):
    pay(shop, owner, "/billing/plan/payg")
    lived, place = Lived(shop, settings, make), make.integration("sampler")
    shop.session.commit()
    lived.call(owner.organisation, place, times=7)

    text = owner.get("/billing/months/2026-11").text

    assert re.search(r"On no invoice yet\s*\$0\.06", text)
    assert re.search(r"Statement for November 2026, so far\s*\$0\.06", text)


def test_what_if_equals_the_statement_and_shows_how_it_was_billed(lived, owner, sign_in):
    browser = sign_in(owner.person, owner.organisation)

    answer = browser.get("/billing/what-if/?plan=team&month=2026-12")

    _, found = billed(lived, "2026-12")
    assert "your own plan the answer equals your statement for December 2026" in answer.text
    assert "$0.00" in answer.text
    assert {f"/billing/invoices/{part.invoice.id}" for part in found.parts} <= set(answer.page.links)
    assert f"${found.cost // 100}.{found.cost % 100:02}" in answer.text
