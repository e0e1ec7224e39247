"""Looking integrations up."""

from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.integrations.models import Integration


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
