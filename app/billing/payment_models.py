"""Money that was paid for credit, and when more is bought by itself. Amounts in minor units unless they say nanos."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, false, text
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

CHECKOUT, AUTOMATIC = "checkout", "automatic"
ASKED, PROCESSING, PAID, DECLINED, DROPPED = "asked", "processing", "paid", "declined", "dropped"
UNDER_WAY = (ASKED, PROCESSING)
COUNTED = (ASKED, PROCESSING, PAID)
"""What counts towards the most that is bought by itself in a month."""
ERROR_LENGTH = 300
_ONE_AT_A_TIME = text("kind = 'automatic' AND state IN ('asked', 'processing')")


class CreditPayment(SQLModel, table=True):
    """One payment for credit, bought at Checkout or by itself; the row is there before Stripe is asked for the latter.

    id: the visit to Checkout, or the one that stands in Stripe's metadata. amount: of credit, before tax. payment_id:
    Stripe's PaymentIntent, once it is known. state: "asked", "processing" (the money is on its way), "paid",
    "declined", or "dropped" when nobody wanted it any more. asked_back_nanos: what refunds and disputes have asked of
    its credit; taken_back_nanos: what of that was left to take. returns: how often some of it was given back after a
    dispute. seen_at: when Stripe was asked for what is known here. is_invoiced: whether one that happened by itself has
    its invoice; Checkout makes those of the others.
    """

    __tablename__ = "credit_payment"
    __table_args__ = (
        CheckConstraint(
            "amount > 0 AND 0 <= taken_back_nanos AND taken_back_nanos <= asked_back_nanos", name="makes_sense"
        ),
        Index("ix_credit_payment_organisation_id_created_at", "organisation_id", "created_at"),
        Index("ix_credit_payment_state_due_at", "state", "due_at"),
        Index(
            "uq_credit_payment_one_at_a_time",
            "organisation_id",
            "mode",
            unique=True,
            sqlite_where=_ONE_AT_A_TIME,
            postgresql_where=_ONE_AT_A_TIME,
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    mode: str = Field(max_length=4)
    kind: str = Field(max_length=10)
    currency: str = Field(max_length=3)
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    payment_id: str | None = Field(default=None, max_length=255, unique=True)
    state: str = Field(default=ASKED, max_length=10)
    asked_back_nanos: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    taken_back_nanos: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    returns: int = Field(default=0)
    tries: int = Field(default=0)
    is_invoiced: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    error: str = Field(default="", max_length=ERROR_LENGTH)
    seen_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))

    @property
    def reference(self) -> str:
        """Of the grant that it paid for."""
        return f"payment:{self.payment_id}"


class AutoTopUp(SQLModel, table=True):
    """What an organisation has agreed to: below so much credit, buy `amount` more with its card, at most `month_most`
    in a calendar month (UTC).

    stopped_why: in words, after a card was declined ("" while it is not); nothing is bought until another card is
    there, or somebody switches it on again. stopped_card: the one that was declined.
    """

    __tablename__ = "auto_top_up"

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    mode: str = Field(max_length=4, primary_key=True)
    currency: str = Field(max_length=3)
    is_on: bool = Field(default=False)
    below: int = Field(sa_column=Column(BigInteger, nullable=False))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    month_most: int = Field(sa_column=Column(BigInteger, nullable=False))
    agreed_by: UUID | None = Field(default=None)
    agreed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    stopped_why: str = Field(default="", max_length=ERROR_LENGTH)
    stopped_card: str = Field(default="", max_length=255)
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
