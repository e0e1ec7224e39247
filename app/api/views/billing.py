"""What a month comes to, and the invoices for it."""

from app.api import cursors, queries
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.schemas import Paging
from app.api.usage_schemas import InvoicePage, InvoiceTold, StatementLine, StatementTold, StatementTotal
from app.billing import gathering, months
from app.billing.bill import Line, Total
from app.billing.models import Invoice


@endpoint("GET", "/billing/months/<month>", "billing:read", "The statement of a month", answer=StatementTold)
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
