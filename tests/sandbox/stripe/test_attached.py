"""An invoice for a payment that was there before it: made by hand, and paid by that payment."""

import pytest
import stripe as sdk

from tests.sandbox.stripe import shop

RATE = {"display_name": "Sales tax", "inclusive": False, "percentage": "20"}


@pytest.fixture
def acme(stripe):
    return shop.customer(stripe)


@pytest.fixture
def paid(api, acme):
    card = acme.invoice_settings.default_payment_method
    return api.payment_intents.create(
        {"amount": 1200, "currency": "usd", "customer": acme.id, "confirm": True, "payment_method": card}
    )


def invoiced(api, acme, amount=1000, tax=200):
    made = api.invoices.create({"customer": acme.id, "currency": "usd", "auto_advance": False})
    taxes = [{"amount": tax, "taxable_amount": amount, "tax_rate_data": RATE}]
    api.invoices.add_lines(made.id, {"lines": [{"amount": amount, "description": "Credit", "tax_amounts": taxes}]})
    return api.invoices.finalize_invoice(made.id, {"auto_advance": False})


def test_a_payment_that_succeeded_pays_the_invoice_it_is_attached_to(stripe, api, acme, paid):
    invoice = invoiced(api, acme)
    assert (invoice.status, invoice.subtotal, invoice.total, invoice.total_taxes[0].amount) == ("open", 1000, 1200, 200)

    done = api.invoices.attach_payment(invoice.id, {"payment_intent": paid.id})

    assert (done.status, done.amount_paid, done.amount_remaining, done.amount_overpaid) == ("paid", 1200, 0, 0)
    [known] = api.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": paid.id}, "status": "paid"}
    ).data
    assert known.invoice == invoice.id
    assert len(api.charges.list({"customer": acme.id}).data) == 1


def test_a_payment_belongs_to_one_invoice_and_what_is_too_much_is_kept_for_the_customer(stripe, api, acme, paid):
    api.invoices.attach_payment(invoiced(api, acme, tax=100).id, {"payment_intent": paid.id})

    assert api.customers.retrieve(acme.id).balance == -100
    with pytest.raises(sdk.InvalidRequestError, match="attached to an invoice already"):
        api.invoices.attach_payment(invoiced(api, acme, amount=2000).id, {"payment_intent": paid.id})
