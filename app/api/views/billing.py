"""What months come to, line by line; the invoices for them; and what comes next."""

from app.api import cursors, paying, queries
from app.api.bill_schemas import (
    CreditNoteTold,
    InvoiceLineTold,
    InvoiceOpened,
    InvoicePage,
    InvoiceTold,
    MonthPage,
    MonthTold,
    NextBill,
    NextBillTold,
    NextLine,
    StatementLine,
    StatementTold,
    StatementTotal,
    WhatIfAsked,
    WhatIfLine,
    WhatIfTold,
)
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.plan_schemas import PageTold
from app.api.schemas import Paging
from app.billing import belonging, credit_notes, gathering, invoices, months, next_bill, portal, what_if
from app.billing.bill import Line, Total
from app.billing.models import Invoice
from app.billing.review import is_at_stripe
from app.core.errors import Conflict
from app.plans import queries as plans

MONTHS = "/billing/months"


@endpoint("GET", MONTHS, "billing:read", "Months that have a statement", query=Paging, answer=MonthPage)
def list_months(query: Paging) -> MonthPage:
    after = cursors.read(query.cursor)
    until = months.around(after.at) if after is not None else None
    since = current.organisation.created_at
    found = months.latest(since, now=current.now, limit=query.limit + 1, until=until)
    shown, following = cursors.cut(found, query.limit, lambda one: (one.begins_at, "month"))
    items = [
        MonthTold(month=one.name, begins_at=one.begins_at, ends_at=one.ends_at, is_over=one.is_over(current.now))
        for one in shown
    ]
    return MonthPage(items=items, next_cursor=following)


@endpoint("GET", f"{MONTHS}/<month>", "billing:read", "The statement of a month", answer=StatementTold)
def get_statement(month: str) -> StatementTold:
    chosen = months.named(month, now=current.now)
    made = gathering.statement_of(current.session, current.organisation.id, chosen)
    return StatementTold(
        month=chosen.name,
        begins_at=chosen.begins_at,
        ends_at=chosen.ends_at,
        is_over=chosen.is_over(current.now),
        lines=[_line(line) for line in made.lines],
        totals=[_total(total) for total in made.totals],
    )


@endpoint("GET", "/billing/invoices", "billing:read", "List invoices", query=Paging, answer=InvoicePage)
def list_invoices(query: Paging) -> InvoicePage:
    found = queries.invoices_after(
        current.session,
        current.organisation,
        mode=current.settings.stripe_mode,
        after=cursors.read(query.cursor),
        limit=query.limit + 1,
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.created_at, one.id))
    return InvoicePage(items=[_invoice(one) for one in shown], next_cursor=following)


@endpoint("GET", "/billing/invoices/<invoice_id>", "billing:read", "One invoice with its lines", answer=InvoiceOpened)
def get_invoice(invoice_id: str) -> InvoiceOpened:
    invoice = invoices.invoice_of(current.session, current.organisation.id, invoice_id)
    lines = [
        InvoiceLineTold(
            words=line.words,
            kind=line.kind,
            amount_minor=line.amount,
            begins_at=line.begins_at,
            ends_at=line.ends_at,
            month=line.month.name if line.month is not None else None,
            line=line.key,
        )
        for line in belonging.lines_of(current.session, invoice)
    ]
    notes = [
        CreditNoteTold(
            id=note.id,
            number=note.number,
            amount_minor=note.amount,
            state=note.state,
            words=note.words,
            pdf_url=note.pdf_url,
            created_at=note.created_at,
        )
        for note in credit_notes.of_invoices(current.session, [invoice.id])[invoice.id]
    ]
    return InvoiceOpened(invoice=_invoice(invoice), lines=lines, credit_notes=notes)


@endpoint("GET", "/billing/next", "billing:read", "The next invoice, before it is made", answer=NextBill)
def get_next_bill() -> NextBill:
    desk = paying.desk()
    held, payer = desk.standing(), desk.account()
    if held.subscription is None or payer is None or not is_at_stripe(held):
        return NextBill(bill=None)
    subscription_id = held.subscription.stripe_id
    api, _ = desk.stripe()
    bill = next_bill.fetch(current.session, api, payer, subscription_id, now=current.now)
    return NextBill(bill=_next(bill) if bill is not None else None)


@endpoint("GET", "/billing/what-if", "billing:read", "A month on another plan", query=WhatIfAsked, answer=WhatIfTold)
def get_what_if(query: WhatIfAsked) -> WhatIfTold:
    session, organisation, now = current.session, current.organisation, current.now
    month = months.named(query.month or months.around(now).name, now=now)
    offer = paying.desk().standing().offer
    if query.plan not in (None, offer.plan.slug):
        offer = plans.offer(session, query.plan or "", at=now, organisation=organisation)
    compared = what_if.compare(session, organisation, month, offer, now=now)
    return WhatIfTold(
        month=month.name,
        plan=offer.plan.slug,
        currency=compared.currency,
        difference_minor=compared.difference_minor,
        refused=compared.refused,
        lines=[
            WhatIfLine(
                words=words,
                was_minor=was.amount_minor if was is not None else None,
                would_minor=would.amount_minor if would is not None else None,
            )
            for words, was, would in what_if.pairs(compared)
        ],
    )


@endpoint(
    "POST", "/billing/portal", "billing:write", "Where a person changes card and details", answer=PageTold, status=201
)
def open_portal() -> PageTold:
    desk = paying.desk()
    payer = desk.account()
    if payer is None:
        raise Conflict("There is no card yet. It is asked for when a plan is chosen that costs something.")
    customer_id = payer.customer_id
    api, catalogue = desk.stripe()
    back = f"{current.settings.portal_url.rstrip('/')}/billing/"
    return PageTold(url=portal.open_(api, catalogue, customer_id=customer_id, visit=current.visit, return_url=back))


def _line(line: Line) -> StatementLine:
    return StatementLine(
        key=line.key,
        kind=line.kind,
        description=line.description,
        currency=line.currency,
        metric=line.metric,
        quantity=line.quantity,
        amount_nanos=line.nanos,
        amount_minor=line.amount_minor,
        begins_at=line.begins_at,
        ends_at=line.ends_at,
    )


def _total(total: Total) -> StatementTotal:
    return StatementTotal(
        currency=total.currency,
        subtotal_minor=total.subtotal_minor,
        credits_minor=sum(one.amount_minor for one in total.credits),
        due_minor=total.due_minor,
    )


def _invoice(one: Invoice) -> InvoiceTold:
    return InvoiceTold(
        id=one.id,
        number=one.number,
        state=one.state,
        currency=one.currency,
        subtotal_minor=one.subtotal,
        tax_minor=one.tax,
        total_minor=one.total,
        due_minor=one.due,
        paid_minor=one.paid,
        period_begins_at=one.period_start,
        period_ends_at=one.period_end,
        created_at=one.created_at,
        paid_at=one.paid_at,
        page_url=one.page_url,
        pdf_url=one.pdf_url,
    )


def _next(bill: next_bill.NextBill) -> NextBillTold:
    return NextBillTold(
        at=bill.at,
        currency=bill.currency,
        lines=[NextLine(words=line.words, amount_minor=line.amount, is_ours=line.is_ours) for line in bill.lines],
        subtotal_minor=bill.subtotal,
        tax_minor=bill.tax,
        balance_minor=bill.balance,
        due_minor=bill.due,
    )
