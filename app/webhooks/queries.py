"""Looking endpoints and deliveries up, always through their organisation."""

from uuid import UUID

from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.organisations.models import Organisation
from app.webhooks.models import WebhookDelivery, WebhookEndpoint


def endpoints_of(session: Session, organisation_id: UUID) -> list[WebhookEndpoint]:
    """Those not removed, oldest first."""
    statement = (
        select(WebhookEndpoint)
        .where(WebhookEndpoint.organisation_id == organisation_id, col(WebhookEndpoint.removed_at).is_(None))
        .order_by(col(WebhookEndpoint.created_at), col(WebhookEndpoint.id))
    )
    return list(session.exec(statement))


def followers(session: Session) -> list[WebhookEndpoint]:
    """Those that are switched on and told of the audit log, whosever they are."""
    statement = select(WebhookEndpoint).where(
        col(WebhookEndpoint.audit_since).is_not(None),
        col(WebhookEndpoint.removed_at).is_(None),
        col(WebhookEndpoint.is_enabled),
    )
    return list(session.exec(statement.order_by(col(WebhookEndpoint.id))))


def endpoint_of(session: Session, organisation: Organisation, endpoint_id: UUID) -> WebhookEndpoint:
    """Raises NotFound for a stranger's as for one that never was."""
    found = session.get(WebhookEndpoint, endpoint_id)
    if found is None or found.organisation_id != organisation.id or found.removed_at is not None:
        raise NotFound("There is no such webhook in this organisation.")
    return found


def deliveries_of(
    session: Session, endpoint: WebhookEndpoint, *, state: str = "", limit: int, offset: int = 0
) -> list[WebhookDelivery]:
    """Newest first; state: "" for all."""
    statement = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id)
    if state:
        statement = statement.where(WebhookDelivery.state == state)
    statement = statement.order_by(col(WebhookDelivery.queued_at).desc(), col(WebhookDelivery.id))
    return list(session.exec(statement.limit(limit).offset(offset)))


def delivery_of(session: Session, endpoint: WebhookEndpoint, delivery_id: UUID) -> WebhookDelivery:
    """Raises NotFound."""
    found = session.get(WebhookDelivery, delivery_id)
    if found is None or found.endpoint_id != endpoint.id:
        raise NotFound("There is no such delivery to this webhook.")
    return found


def last_deliveries(session: Session, endpoints: list[WebhookEndpoint]) -> dict[UUID, WebhookDelivery]:
    """The newest of each endpoint that has any."""
    found = {}
    for endpoint in endpoints:
        for delivery in deliveries_of(session, endpoint, limit=1):
            found[endpoint.id] = delivery
    return found
