"""How months and invoices belong together: of which month each line of an invoice is, and on which invoices a month's
parts are.

A month's statement is what that month cost. An invoice is what Stripe collects at once: the use of the month that is
over and the fees of the one that begins. So a month's parts are on two invoices at least, if it has both.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import credit_notes, gathering, invoiced, invoices, meters, months, next_bill
from app.billing.bill import FROM_CREDIT, Statement
from app.billing.models import Invoice
from app.billing.months import Month
from app.core import moments

USE, FEE, MINIMUM, LATE, OTHER = "use", "fee", "minimum", "late", "other"
_LATE = re.compile(r"Late usage of (?P<month>[A-Z][a-z]+ 20\d\d)")
"""The words of delivery.late_words."""


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line as Stripe has it. amount: minor units. [begins_at, ends_at): what it is for. month: whose cost it is, None
    for what is no month's. key: of the statement's line that explains it, "" where there is none.
    """

    words: str
    kind: str
    amount: int
    begins_at: datetime
    ends_at: datetime
    month: Month | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What of a month is on an invoice, in minor units."""

    invoice: Invoice
    amount: int


@dataclass(frozen=True, slots=True)
class Billed:
    """A month in one currency, in minor units: cost = the parts + left - credited. cost: the statement's lines, without
    what was taken from credit when it was used. left: what is on no invoice yet; below 0 for what comes back. credited:
    what credit notes took back of the parts since it was too much.
    """

    currency: str
    cost: int
    parts: tuple[Part, ...]
    left: int
    credited: int = 0


def lines_of(session: Session, invoice: Invoice) -> list[InvoiceLine]:
    """In Stripe's order. key: only of lines that the month's statement has."""
    found = [_line(line, invoiced.names(session, [invoice])) for line in invoice.lines]
    known: dict[Month, set[str]] = {}
    for month in {line.month for line in found if line.month is not None and line.key}:
        made = gathering.statement_of(session, invoice.organisation_id, month)
        known[month] = {line.key for line in made.lines}
    return [line if line.month is None or line.key in known.get(line.month, ()) else _closed(line) for line in found]


def by_month(lines: Iterable[InvoiceLine]) -> list[tuple[Month | None, int]]:
    """What of an invoice is which month's, oldest first, and what is none's."""
    sums: dict[Month | None, int] = {}
    for line in lines:
        sums[line.month] = sums.get(line.month, 0) + line.amount
    ordered = sorted(sums, key=lambda month: (month is None, month.name if month is not None else ""))
    return [(month, sums[month]) for month in ordered if sums[month] or month is not None]


def of_month(session: Session, organisation_id: UUID, mode: str, month: Month, made: Statement) -> list[Billed]:
    """Where the month's statement is billed, for each of its currencies; [] while nothing of it cost anything."""
    statement = (
        select(Invoice)
        .where(Invoice.organisation_id == organisation_id, Invoice.mode == mode, Invoice.state != invoices.VOID)
        .where(col(Invoice.created_at) >= months.before(month).begins_at)
        .order_by(col(Invoice.created_at), col(Invoice.id))
    )
    found = list(session.exec(statement))
    names = invoiced.names(session, found)
    parts: dict[str, list[Part]] = {}
    for invoice in found:
        lines = [line for line in (_line(one, names) for one in invoice.lines) if line.month == month]
        if any(line.amount for line in lines):
            parts.setdefault(invoice.currency, []).append(Part(invoice, sum(line.amount for line in lines)))
    costs = {
        total.currency: total.subtotal_minor - sum(one.amount_minor for one in total.credits if one.kind == FROM_CREDIT)
        for total in made.totals
    }
    credit = credit_notes.of_month(session, organisation_id, month)
    back = invoiced.taken_back(credit, made.lines, invoiced.use_in(session, organisation_id, month)) if credit else {}
    return [
        _billed(currency, costs.get(currency, 0), parts.get(currency, []), back.get(currency, 0))
        for currency in sorted({*costs, *parts})
    ]


def _billed(currency: str, cost: int, parts: list[Part], credited: int) -> Billed:
    return Billed(currency, cost, tuple(parts), cost - sum(part.amount for part in parts) + credited, credited)


def _line(line: Mapping[str, object], names: Mapping[str, str]) -> InvoiceLine:
    words, name = str(line["description"]), names.get(str(line["price"]), "")
    begins_at, ends_at = _moment(line["period_start"]), _moment(line["period_end"])
    kind, month, key = OTHER, None, ""
    late, minimum = _LATE.fullmatch(words), str(line.get("minimum") or "")
    if late is not None:
        kind, month = LATE, months.around(datetime.strptime(late["month"], "%B %Y").replace(tzinfo=UTC))
    elif minimum:
        kind, month, key = MINIMUM, months.around(begins_at), minimum.partition(" ")[2]
    elif name:
        key = invoiced.key_of(name)
        kind, month = USE if key else FEE, months.around(begins_at)
    amount = line["amount"]
    assert isinstance(amount, int)  # as invoices.apply keeps it
    shown = next_bill.name_of(words) if _is_money(name) else words
    return InvoiceLine(shown, kind, amount, begins_at, ends_at, month, key)


def _is_money(name: str) -> bool:
    return meters.Book.step_of(name) == meters.MICRO


def _closed(line: InvoiceLine) -> InvoiceLine:
    return InvoiceLine(line.words, line.kind, line.amount, line.begins_at, line.ends_at, line.month)


def _moment(seconds: object) -> datetime:
    assert isinstance(seconds, int)  # as invoices.apply keeps it
    return moments.of(seconds)
