"""Taking back a part of a bill: never more than is left, told to Stripe once, and seen by the customer."""

import pytest
from click.testing import CliRunner
from sqlmodel import select

from app.billing import credit_notes, gathering, months
from app.billing.credit_note_models import CreditNote
from app.billing.models import Invoice
from app.cli import postern
from app.core import clock, db
from app.core.audit import AuditEntry
from tests.billing.conftest import WEBHOOK_SECRET
from tests.billing.visitor import fields_of, pay
from tests.sandbox.stripe.running import KEY

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", email="opal@example.com", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


@pytest.fixture
def bill(shop, owner):
    """27.77 dollars of a first part of a month, paid."""
    pay(shop, owner, "/billing/plan/team")
    shop.hear("invoice.")
    shop.work()
    found = shop.session.exec(select(Invoice)).one()
    assert (found.total, found.state) == (2777, "paid")
    return found


def credit(operator, bill, *, status=303, **fields):
    shown = operator.get(f"/operator/bills/{bill.id}")
    given = fields_of(shown, f"/operator/bills/{bill.id}/credit")
    usual = {"amount": "5.00", "way": "refund", "reason": "", "words": "The outage of 20 November."}
    return operator.post(f"/operator/bills/{bill.id}/credit", status=status, **{**given, **usual, **fields})


def notes(shop):
    return list(shop.stand_in.client.v1.credit_notes.list().data)


def test_a_part_goes_back_to_the_card_and_the_customer_reads_why(shop, owner, operator, bill, session):
    credit(operator, bill)

    [note] = notes(shop)
    assert (note.amount, note.memo, len(note.refunds)) == (500, "The outage of 20 November.", 1)
    assert [refund.amount for refund in shop.stand_in.client.v1.refunds.list().data] == [500]
    text = owner.get("/billing/").text
    assert "$5.00 taken back on 22 Nov 2026, to your card: The outage of 20 November." in text
    assert "$22.77" in operator.get(f"/operator/bills/{bill.id}").text, "what is left"
    assert session.exec(select(AuditEntry).where(AuditEntry.action == "credit_note.issued")).one()


def test_it_stands_in_the_statement_which_still_adds_up(shop, owner, operator, bill, session, now):
    credit(operator, bill)

    made = gathering.statement_of(session, owner.organisation.id, months.around(now))

    [total] = made.totals
    assert [(one.description, one.amount_minor) for one in total.credits] == [
        (f"Credit note {bill.number}-CN-01 on {bill.number}: The outage of 20 November.", 500)
    ]
    assert sum(line.amount_minor for line in made.lines) == total.subtotal_minor
    assert total.subtotal_minor - 500 == total.due_minor
    assert "Credit note" in owner.get("/billing/months/2026-11").text
    assert "Credit note" in owner.get("/billing/months/2026-11/statement.json").text


def test_off_the_next_bill_lowers_that(shop, operator, bill):
    credit(operator, bill, way="balance")

    customer = shop.stand_in.client.v1.customers.retrieve(shop.account().customer_id)
    assert customer.balance == -500
    shop.wait_until_december()
    shop.wait(hours=2)
    newest = shop.stand_in.client.v1.invoices.list({"customer": customer.id}).data[0]
    assert (newest.total, newest.amount_due) == (9900, 9400)


WRONG = (
    ({"amount": "27.78"}, "at most what is left"),
    ({"amount": "0"}, "more than nothing"),
    ({"amount": "some"}, "is not an amount"),
    ({"amount": "1.005"}, "at most 2 decimals"),
    ({"words": " "}, "Say what it is for"),
    ({"way": "cash"}, "Choose whether"),
    ({"reason": "revenge"}, "Choose one of the reasons"),
)


def test_what_cannot_be_is_said_and_nothing_is_issued(shop, operator, bill):
    for fields, words in WRONG:
        assert words in credit(operator, bill, status=422, **fields).text
    assert notes(shop) == []


def test_all_of_a_bill_and_no_more(shop, operator, bill):
    credit(operator, bill, amount="20.00")
    credit(operator, bill, amount="7.77")

    assert sum(note.amount for note in notes(shop)) == 2777
    assert "Nothing of it can be taken back any more" in operator.get(f"/operator/bills/{bill.id}").text


def test_b9_pressing_twice_takes_back_once(shop, operator, bill):
    fields = fields_of(operator.get(f"/operator/bills/{bill.id}"), f"/operator/bills/{bill.id}/credit")
    fields |= {"amount": "5.00", "words": "Twice."}

    for _ in range(2):
        operator.post(f"/operator/bills/{bill.id}/credit", **fields)

    assert len(notes(shop)) == 1
    assert len(shop.session.exec(select(CreditNote)).all()) == 1


def test_a_note_that_was_made_at_stripe_is_heard_of(shop, bill):
    shop.stand_in.client.v1.credit_notes.create({"invoice": bill.id, "amount": 100, "credit_amount": 100})

    shop.hear("credit_note.")
    shop.work()

    assert credit_notes.room(shop.session, shop.session.get(Invoice, bill.id)) == 2677


def test_the_command_takes_back_once_for_a_reference(shop, bill, monkeypatch):
    monkeypatch.setattr(db, "create", lambda url: shop.engine)
    monkeypatch.setattr(clock, "now", lambda: shop.hand.now)
    environment = {
        "POSTERN_STRIPE_KEY": KEY,
        "POSTERN_STRIPE_URL": shop.stand_in.url,
        "POSTERN_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    shop.session.commit()

    said = ["invoice", "credit", bill.number, "5.00", "--words", "Sorry.", "--to", "balance", "--reference", "t-1"]
    for _ in range(2):
        result = CliRunner(env=environment).invoke(postern, said)
        assert result.output == f"$5.00 of {bill.number} were taken back by {bill.number}-CN-01.\n", result.exception
    listed = CliRunner(env=environment).invoke(postern, ["invoice", "list", shop.organisation.slug]).output

    assert "of which $22.77 can go back" in listed
    assert [note.amount for note in notes(shop)] == [500]


def test_only_operators_see_everybodys_bills(owner, outsider, bill):
    for path in ("/operator/bills/", f"/operator/bills/{bill.id}"):
        owner.get(path, status=404)
    assert bill.number not in outsider.get("/billing/").text
