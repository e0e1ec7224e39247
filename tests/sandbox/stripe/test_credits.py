"""Money goes back: never more than came, and each way leaves its trace. Invoices and their items by hand."""

import pytest
import requests
import stripe as sdk

from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import DAY
from tests.waiting import PATIENCE_S


@pytest.fixture
def acme(stripe):
    return shop.customer(stripe)


def paid(stripe, customer, amount=1000):
    api = stripe.client.v1
    api.invoice_items.create({"customer": customer.id, "amount": amount, "currency": "usd", "description": "Work"})
    invoice = api.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    return api.invoices.pay(invoice.id, {"expand": ["payments"]})


def test_refunds_never_pass_what_was_paid(stripe, api, acme):
    intent = paid(stripe, acme).payments.data[0].payment.payment_intent

    api.refunds.create({"payment_intent": intent, "amount": 600, "reason": "requested_by_customer"})
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded amount"):
        api.refunds.create({"payment_intent": intent, "amount": 401})
    rest = api.refunds.create({"payment_intent": intent})
    with pytest.raises(sdk.InvalidRequestError, match="already been refunded"):
        api.refunds.create({"payment_intent": intent})

    assert (rest.amount, rest.status) == (400, "succeeded")
    charge = api.charges.list({"payment_intent": intent, "expand": ["data.refunds"]}).data[0]
    assert (charge.amount_refunded, charge.refunded, len(charge.refunds.data)) == (1000, True, 2)
    assert api.refunds.list({"payment_intent": intent}).data[0].id == rest.id
    assert stripe.types()[-2:] == ["refund.created", "charge.refunded"]


def test_credit_note_on_an_open_invoice_lowers_what_is_due(stripe, api):
    customer = shop.customer(stripe, None)
    api.invoice_items.create({"customer": customer.id, "amount": 1000, "currency": "usd"})
    made = api.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    api.invoices.finalize_invoice(made.id, {"auto_advance": False})

    note = api.credit_notes.create({"invoice": made.id, "amount": 300, "reason": "order_change", "memo": "Sorry"})

    assert (note.type, note.pre_payment_amount, note.total) == ("pre_payment", 300, 300)
    assert api.invoices.retrieve(made.id).amount_remaining == 700
    assert api.credit_notes.void_credit_note(note.id).status == "void"
    assert api.invoices.retrieve(made.id).amount_remaining == 1000


def test_credit_note_on_a_paid_invoice_goes_back_or_onto_the_balance(stripe, api, acme):
    invoice = paid(stripe, acme)
    line = invoice.lines.data[0].id
    lines = [{"type": "invoice_line_item", "invoice_line_item": line, "amount": 500}]

    note = api.credit_notes.create(
        {"invoice": invoice.id, "lines": lines, "refund_amount": 200, "credit_amount": 300, "metadata": {"late": "yes"}}
    )

    assert (note.amount, note.refunds[0].amount_refunded, note.lines.data[0].invoice_line_item) == (500, 200, line)
    assert api.customers.retrieve(acme.id).balance == -300
    with pytest.raises(sdk.InvalidRequestError, match="must equal"):
        api.credit_notes.create({"invoice": invoice.id, "amount": 100})
    with pytest.raises(sdk.InvalidRequestError, match="between 1 and 500"):
        api.credit_notes.create({"invoice": invoice.id, "amount": 501, "credit_amount": 501})
    assert [each.id for each in api.credit_notes.list({"invoice": invoice.id}).data] == [note.id]
    assert api.credit_notes.retrieve(note.id).metadata.late == "yes"


def test_invoice_by_hand_is_final_an_hour_later(stripe, api, acme):
    api.invoice_items.create({"customer": acme.id, "amount": 250, "currency": "usd"})
    asked = {"customer": acme.id, "auto_advance": True, "pending_invoice_items_behavior": "include"}
    invoice = api.invoices.create(asked)
    api.invoice_items.create({"customer": acme.id, "amount": 50, "currency": "usd", "invoice": invoice.id})

    stripe.move(by=3600)

    final = api.invoices.retrieve(invoice.id)
    assert (final.status, final.total, len(final.lines.data)) == ("paid", 300, 2)


def test_late_usage_is_billed_as_an_item_that_names_its_period(stripe, api, acme):
    period = {"start": stripe.now() - 40 * DAY, "end": stripe.now() - 10 * DAY}
    product = api.products.create({"name": "Late calls"})
    data = {"currency": "usd", "product": product.id, "unit_amount_decimal": "0.25"}
    api.invoice_items.create({"customer": acme.id, "price_data": data, "quantity": 10, "period": period})

    preview = api.invoices.create_preview({"customer": acme.id})

    assert (preview.total, preview.lines.data[0].period.to_dict()) == (3, period)


def test_pending_item_can_be_changed_and_dropped(stripe, api, acme):
    item = api.invoice_items.create({"customer": acme.id, "amount": 250, "currency": "usd"})
    assert api.invoice_items.update(item.id, {"amount": 300, "description": "More"}).amount == 300
    assert api.invoice_items.retrieve(item.id).description == "More"
    assert [each.id for each in api.invoice_items.list({"customer": acme.id, "pending": True}).data] == [item.id]

    assert api.invoice_items.delete(item.id).deleted

    assert api.invoice_items.list({"customer": acme.id}).data == []
    with pytest.raises(sdk.InvalidRequestError, match="No upcoming invoices"):
        api.invoices.create_preview({"customer": acme.id})


def test_draft_can_be_dropped_and_an_open_one_taken_back(stripe, api, acme):
    draft = api.invoices.create({"customer": acme.id})
    assert api.invoices.update(draft.id, {"description": "Mistake"}).description == "Mistake"
    assert api.invoices.delete(draft.id).deleted

    api.invoice_items.create({"customer": acme.id, "amount": 250, "currency": "usd"})
    made = api.invoices.create({"customer": acme.id, "pending_invoice_items_behavior": "include"})
    assert api.invoices.finalize_invoice(made.id).status == "open"
    with pytest.raises(sdk.InvalidRequestError, match="already finalized"):
        api.invoices.finalize_invoice(made.id)
    assert api.invoices.mark_uncollectible(made.id).status == "uncollectible"
    assert api.invoices.void_invoice(made.id).status == "void"
    assert [each.status for each in api.invoices.list({"customer": acme.id, "status": "void"}).data] == ["void"]


def test_invoice_has_a_page_and_a_pdf(stripe, acme):
    invoice = paid(stripe, acme)

    answer = requests.get(invoice.invoice_pdf, timeout=PATIENCE_S)

    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.4")
    assert f"Invoice {invoice.number}".encode() in answer.content
    assert b"Total: 10.00 USD" in answer.content


def test_customer_is_changed_found_and_deleted(stripe, api):
    tax_id = {"type": "eu_vat", "value": "DE123456789"}
    made = api.customers.create(
        {"email": "billing@acme.example", "address": {"country": "DE"}, "tax_id_data": [tax_id], "metadata": {"a": "1"}}
    )
    changed = api.customers.update(made.id, {"name": "Acme GmbH", "metadata": {"a": "", "b": "2"}})

    assert (changed.name, changed.metadata.to_dict(), changed.address.country) == ("Acme GmbH", {"b": "2"}, "DE")
    assert [each.id for each in api.customers.list({"email": "billing@acme.example"}).data] == [made.id]
    (known,) = api.customers.tax_ids.list(made.id).data
    assert api.customers.tax_ids.delete(made.id, known.id).deleted
    assert api.customers.delete(made.id).deleted
    assert api.customers.retrieve(made.id).deleted
    with pytest.raises(sdk.InvalidRequestError, match="No such customer"):
        api.customers.update(made.id, {"name": "Again"})


def test_card_is_taken_away(stripe, api, acme):
    method = acme.invoice_settings.default_payment_method

    assert api.payment_methods.detach(method).customer is None

    assert api.customers.retrieve(acme.id).invoice_settings.default_payment_method is None
    assert api.customers.payment_methods.list(acme.id).data == []
    with pytest.raises(sdk.InvalidRequestError, match="not attached"):
        api.payment_methods.detach(method)


def test_card_that_is_declined_when_added_is_refused(stripe, api, acme):
    with pytest.raises(sdk.CardError, match="declined"):
        api.payment_methods.attach("pm_card_chargeDeclined", {"customer": acme.id})
