"""What can be called through the gateway: integrations, their tools as approved, and who has installed them."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, Text, UniqueConstraint, true
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

NEW = "new"
APPROVED = "approved"
CHANGED = "changed"
GONE = "gone"
"""States of a tool.

new: found, never approved, not served. approved: served as approved. changed: what the integration says now differs
from what was approved, so that calls are held. gone: the integration has it no more.
"""

REJECTED = "rejected"
WITHDRAWN = "withdrawn"
"""Decisions about a change, besides “approved”. withdrawn: it was taken back, or gave way to another, undecided."""


class Integration(SQLModel, table=True):
    """An MCP server behind the gateway, reached by callers as /mcp/{slug}.

    upstream_url: the server's own streamable HTTP address, path included; callers never see it.
    example_tool, example_arguments: a first call worth making, shown on “Your first call”.
    is_open: every organisation may use it; otherwise only those that installed it.
    credential_header, credential_sealed: the header by which the gateway itself is let in, and its value as
    core/vault.py sealed it; "" for none.
    protocol_versions: revisions that the server was found to speak, newest first. server: what it said of itself
    (capabilities, serverInfo, instructions). checked_at, check_error: when its tools were last looked at, and what went
    wrong then ("" when nothing did).
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
    is_open: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    credential_header: str = Field(default="", max_length=80, sa_column_kwargs={"server_default": ""})
    credential_sealed: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    protocol_versions: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )
    server: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}"))
    checked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    check_error: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})


class Tool(SQLModel, table=True):
    """A tool of an integration.

    definition, digest: what was approved, as canonical.text and canonical.digest give it; "" when never approved.
    found, found_digest: what the integration said last. findings: what looked poisoned in `found`:
    [{"path", "kind", "excerpt"}]. sample_answer: the result (JSON) that test keys get; "" for one made up
    from its schema.
    """

    __table_args__ = (UniqueConstraint("integration_id", "name"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    integration_id: UUID = Field(foreign_key="integration.id")
    name: str = Field(max_length=128)
    state: str = Field(max_length=10)
    definition: str = Field(default="", sa_column=Column(Text, nullable=False))
    digest: str = Field(default="", max_length=64)
    found: str = Field(default="", sa_column=Column(Text, nullable=False))
    found_digest: str = Field(default="", max_length=64)
    findings: list[dict[str, str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    sample_answer: str = Field(default="", sa_column=Column(Text, nullable=False))
    found_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    approved_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class ToolChange(SQLModel, table=True):
    """A change that was found in an integration's tools: kept for good.

    kind: "new", "changed" or "gone". before, after: definitions, "" for none. decision: "approved", "rejected",
    "withdrawn", or "" while nobody has decided.
    """

    __tablename__ = "tool_change"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    integration_id: UUID = Field(foreign_key="integration.id", index=True)
    tool: str = Field(max_length=128)
    kind: str = Field(max_length=10)
    before: str = Field(default="", sa_column=Column(Text, nullable=False))
    after: str = Field(default="", sa_column=Column(Text, nullable=False))
    findings: list[dict[str, str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    decision: str = Field(default="", max_length=10)
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    decided_by_id: UUID | None = Field(default=None)


class Installation(SQLModel, table=True):
    """An organisation uses an integration that is not open to all."""

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    integration_id: UUID = Field(foreign_key="integration.id", primary_key=True)
    installed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
