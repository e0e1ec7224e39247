"""Credit notes: what was taken back of invoices, as Stripe has it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Text
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

ISSUED, VOID = "issued", "void"
REFUND, BALANCE = "refund", "balance"


class CreditNote(SQLModel, table=True):
    """Amounts in minor units. amount: of the whole note, in its invoice's currency; refunded of it went back to the
    card, to_balance lowers the next bill, and the rest lowered what was still to pay. reason: Stripe's word, "" for
    none. words: what the customer reads. state: "issued" or "void".
    """

    __tablename__ = "credit_note"
    __table_args__ = (CheckConstraint("amount > 0 AND refunded >= 0 AND to_balance >= 0", name="not_negative"),)

    id: str = Field(max_length=255, primary_key=True)
    mode: str = Field(max_length=4)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    invoice_id: str = Field(max_length=255, index=True)
    number: str = Field(default="", max_length=60)
    currency: str = Field(max_length=3)
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    refunded: int = Field(sa_column=Column(BigInteger, nullable=False))
    to_balance: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str = Field(default="", max_length=40)
    words: str = Field(default="", max_length=500)
    state: str = Field(max_length=10)
    pdf_url: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
