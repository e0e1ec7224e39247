"""What can be called through the gateway."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class Integration(SQLModel, table=True):
    """An MCP server behind the gateway, reached by callers as /mcp/{slug}.

    upstream_url: the server's own streamable HTTP address, path included; callers never see it.
    example_tool, example_arguments: a first call worth making, shown on “Your first call”.
    """

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    slug: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=80)
    summary: str = Field(max_length=200)
    upstream_url: str = Field(max_length=500)
    is_enabled: bool = Field(default=True)
    example_tool: str = Field(default="", max_length=128)
    example_arguments: str = Field(default="{}", max_length=1000)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
