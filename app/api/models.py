"""The answers that programs may ask for a second time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class ApiAnswer(SQLModel, table=True):
    """What a request with an Idempotency-Key was answered. name: that key, the client's own. digest: of the request.
    sealed: the body, which only who holds the admin key's secret can read, because it may hold the secret of a key.
    """

    __tablename__ = "api_answer"

    admin_key_id: UUID = Field(foreign_key="admin_key.id", primary_key=True)
    name: str = Field(max_length=255, primary_key=True)
    digest: str = Field(max_length=64)
    status: int = Field(default=0)
    sealed: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
