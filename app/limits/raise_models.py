"""More than the plan allows, for one organisation and for a while."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class LimitRaise(SQLModel, table=True):
    """Until ends_at the plan's limit of this measure and period is `most`, if that is more.

    measure, period: as in LimitRule. person_id: the operator who gave it; None for the command line. ended_at: when it
    stopped holding, by its end or before.
    """

    __tablename__ = "limit_raise"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    measure: str = Field(max_length=10)
    period: str = Field(default="", max_length=10)
    most: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str = Field(max_length=300)
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ends_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
