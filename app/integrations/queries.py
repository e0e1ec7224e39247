"""Looking integrations up."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.core.errors import Invalid, NotFound
from app.integrations import characters
from app.integrations.models import Integration, Tool, ToolChange


def enabled(session: Session) -> list[Integration]:
    """What can be called now, in the order it was added."""
    statement = (
        select(Integration)
        .where(col(Integration.is_enabled))
        .order_by(col(Integration.created_at), col(Integration.slug))
    )
    return list(session.exec(statement))


def every(session: Session) -> list[Integration]:
    """All there are, switched off ones included, in the order they were added."""
    return list(session.exec(select(Integration).order_by(col(Integration.created_at), col(Integration.slug))))


def slugs(session: Session) -> list[str]:
    """Of all integrations, in alphabetical order."""
    return sorted(session.exec(select(Integration.slug)))


def sample(session: Session) -> Integration | None:
    """What to try first: the first with an example call, else the first there is; None when there is nothing."""
    offered = enabled(session)
    return next((one for one in offered if one.example_tool), offered[0] if offered else None)


def by_slug(session: Session, slug: str) -> Integration:
    """Raises NotFound."""
    found = session.exec(select(Integration).where(Integration.slug == slug)).first()
    if found is None:
        raise NotFound(f"There is no integration called “{slug}”.")
    return found


def due(session: Session, *, before: datetime) -> list[UUID]:
    """Ids of those switched on that nobody has looked at since `before`, the longest forgotten first."""
    last = func.coalesce(col(Integration.checked_at), col(Integration.created_at))
    statement = select(Integration.id).where(col(Integration.is_enabled), last < before).order_by(last)
    return list(session.exec(statement))


def tools_of(session: Session, integration: Integration) -> list[Tool]:
    """Its tools in every state, by name."""
    statement = select(Tool).where(Tool.integration_id == integration.id).order_by(col(Tool.name))
    return list(session.exec(statement))


def check_tool(session: Session, integration: Integration, tool: str) -> None:
    """Raises Invalid for the name of no tool that it has. One whose tools nobody has looked at yet may have any."""
    names = [known.name for known in tools_of(session, integration)]
    if names and tool not in names:
        shown = ", ".join(map(characters.shown, names[:10])) + (", …" if len(names) > 10 else "")
        raise Invalid(f"“{integration.slug}” has no tool called “{characters.shown(tool)}”. It has: {shown}.")


def names_elsewhere(session: Session, integration: Integration) -> list[str]:
    """Names of the tools of all other integrations."""
    return list(session.exec(select(Tool.name).where(Tool.integration_id != integration.id).distinct()))


def undecided(session: Session, *, integration_id: UUID, tool: str) -> list[ToolChange]:
    """Changes of one tool that nobody has decided about."""
    statement = select(ToolChange).where(
        ToolChange.integration_id == integration_id, ToolChange.tool == tool, ToolChange.decision == ""
    )
    return list(session.exec(statement))


def changes_of(session: Session, integrations: Sequence[Integration], *, is_open: bool) -> list[ToolChange]:
    """What changed in the tools of these, oldest first. is_open: only what nobody has decided about."""
    ids = [integration.id for integration in integrations]
    statement = select(ToolChange).where(col(ToolChange.integration_id).in_(ids))
    if is_open:
        statement = statement.where(ToolChange.decision == "")
    return list(session.exec(statement.order_by(col(ToolChange.at), col(ToolChange.tool))))
