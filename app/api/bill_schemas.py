"""Statements and invoices, as they go over the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.schemas import Asked, Page, Told


class StatementLine(Told):
    """A line of a bill. nanos: before it was rounded to amount_minor."""

    key: str
    kind: str
    description: str
    currency: str
    metric: str
    quantity: int
    amount_nanos: int
    amount_minor: int
    begins_at: datetime
    ends_at: datetime


class StatementTotal(Told):
    """Of one currency: due is subtotal less credits."""

    currency: str
    subtotal_minor: int
    credits_minor: int
    due_minor: int


class StatementTold(Told):
    """A calendar month in UTC."""

    month: str
    begins_at: datetime
    ends_at: datetime
    is_over: bool = Field(description="Whether the month has ended.")
    lines: list[StatementLine]
    totals: list[StatementTotal]


class InvoiceTold(Told):
    """An invoice as Stripe has it."""

    id: str
    number: str
    state: str
    currency: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    due_minor: int
    paid_minor: int
    period_begins_at: datetime
    period_ends_at: datetime
    created_at: datetime
    paid_at: datetime | None
    page_url: str
    pdf_url: str


class InvoicePage(Page):
    """Newest first."""

    items: list[InvoiceTold]


class InvoiceLineTold(Told):
    """A line as Stripe has it. month: whose cost it is, null for what is no month’s; line: of that month’s statement,
    which explains it, empty where there is none.
    """

    words: str
    kind: str
    amount_minor: int
    begins_at: datetime
    ends_at: datetime
    month: str | None
    line: str


class CreditNoteTold(Told):
    """What was taken back of it."""

    id: str
    number: str
    amount_minor: int
    state: str
    words: str
    pdf_url: str
    created_at: datetime


class InvoiceOpened(Told):
    """An invoice with its lines and what was taken back of it."""

    invoice: InvoiceTold
    lines: list[InvoiceLineTold]
    credit_notes: list[CreditNoteTold]


class MonthTold(Told):
    """A month for which there is a statement."""

    month: str
    begins_at: datetime
    ends_at: datetime
    is_over: bool


class MonthPage(Page):
    """The latest first."""

    items: list[MonthTold]


class HourTold(Told):
    """An hour of a line. quantities: of each of the line’s metrics. nanos: what of the line is its."""

    hour: str
    begins_at: datetime
    calls: int
    quantities: dict[str, int]
    amount_nanos: int
    amount_minor: int


class HourPage(Page):
    """The latest first. rest: what of the line is no hour’s; all hours and it add up to the line."""

    rest_nanos: int
    rest_minor: int
    items: list[HourTold]


class BilledCall(Told):
    """A call, and what of the line is its."""

    receipt: str
    at: datetime
    key_id: str
    integration: str
    tool: str
    status: str
    quantities: dict[str, int]
    amount_nanos: int


class BilledCallPage(Page):
    """The latest first."""

    items: list[BilledCall]


class NextLine(Told):
    """is_ours: whether Stripe does not know of it yet, and Postern adds it."""

    words: str
    amount_minor: int
    is_ours: bool


class NextBillTold(Told):
    """The next invoice as it stands; balance: taken from a credit at Stripe, or owed from before, then below zero."""

    at: datetime
    currency: str
    lines: list[NextLine]
    subtotal_minor: int
    tax_minor: int
    balance_minor: int
    due_minor: int


class NextBill(Told):
    """bill: null where nothing comes."""

    bill: NextBillTold | None


class WhatIfAsked(Asked):
    """Which month on which plan; this month, and the plan that one is on."""

    month: Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")] | None = None
    plan: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] | None = None


class WhatIfLine(Told):
    """A line as it was and as it would be, in minor units; null where it is not."""

    words: str
    was_minor: int | None
    would_minor: int | None


class WhatIfTold(Told):
    """What the month’s calls cost on another plan for the whole month. difference: below zero for less. refused: calls
    that this plan would have refused, because they cost something and it never bills, or because it allows fewer in a
    month; their price is in the lines as if they had passed.
    """

    month: str
    plan: str
    currency: str
    difference_minor: int
    refused: int
    lines: list[WhatIfLine]
