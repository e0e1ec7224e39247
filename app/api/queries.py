"""Lists as the API gives them: a page at a time, each beginning where the last one ended."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, or_
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.api.cursors import Place
from app.billing.alert_models import Alert
from app.billing.models import Invoice
from app.keys.models import Key
from app.leaks.models import LeakFind
from app.organisations.invitation_models import Invitation
from app.organisations.members import Member
from app.organisations.models import Membership, Organisation
from app.unusual.models import UseAlert
from app.webhooks.models import WebhookDelivery, WebhookEndpoint


def keys_after(
    session: Session,
    organisation: Organisation,
    conditions: Sequence[SQLColumnExpression[bool]],
    *,
    after: Place | None,
    limit: int,
) -> list[Key]:
    """Newest first, without deleted ones. conditions: of app/keyring/listing.py, as its page has them."""
    statement = select(Key).where(Key.organisation_id == organisation.id, col(Key.deleted_at).is_(None), *conditions)
    if after is not None:
        statement = statement.where(_older(col(Key.created_at), col(Key.id), after.at, after.id))
    return list(session.exec(statement.order_by(col(Key.created_at).desc(), col(Key.id).desc()).limit(limit)))


def members_after(session: Session, organisation: Organisation, *, after: Place | None, limit: int) -> list[Member]:
    """Who joined last comes first."""
    statement = (
        select(Person, Membership)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.organisation_id == organisation.id)
        .order_by(col(Membership.joined_at).desc(), col(Person.id).desc())
    )
    if after is not None:
        statement = statement.where(_older(col(Membership.joined_at), col(Person.id), after.at, after.id))
    return [Member(person, membership) for person, membership in session.exec(statement.limit(limit))]


def invitations_after(
    session: Session, organisation: Organisation, *, after: Place | None, limit: int
) -> list[Invitation]:
    """Newest first."""
    statement = select(Invitation).where(Invitation.organisation_id == organisation.id)
    if after is not None:
        statement = statement.where(_older(col(Invitation.created_at), col(Invitation.id), after.at, after.id))
    ordered = statement.order_by(col(Invitation.created_at).desc(), col(Invitation.id).desc())
    return list(session.exec(ordered.limit(limit)))


def invoices_after(
    session: Session, organisation: Organisation, *, mode: str, after: Place | None, limit: int
) -> list[Invoice]:
    """Newest first. mode: of Stripe."""
    statement = select(Invoice).where(Invoice.organisation_id == organisation.id, Invoice.mode == mode)
    if after is not None:
        statement = statement.where(_older(col(Invoice.created_at), col(Invoice.id), after.at, after.name))
    return list(session.exec(statement.order_by(col(Invoice.created_at).desc(), col(Invoice.id).desc()).limit(limit)))


def use_alerts_after(
    session: Session, organisation: Organisation, *, after: Place | None, limit: int
) -> list[UseAlert]:
    """Newest first."""
    statement = select(UseAlert).where(UseAlert.organisation_id == organisation.id)
    at, row_id = col(UseAlert.at), col(UseAlert.id)
    if after is not None:
        statement = statement.where(_older(at, row_id, after.at, after.id))
    return list(session.exec(statement.order_by(at.desc(), row_id.desc()).limit(limit)))


def endpoints_after(
    session: Session, organisation: Organisation, *, after: Place | None, limit: int
) -> list[WebhookEndpoint]:
    """Newest first, without those that were removed."""
    statement = select(WebhookEndpoint).where(
        WebhookEndpoint.organisation_id == organisation.id, col(WebhookEndpoint.removed_at).is_(None)
    )
    at, row_id = col(WebhookEndpoint.created_at), col(WebhookEndpoint.id)
    if after is not None:
        statement = statement.where(_older(at, row_id, after.at, after.id))
    return list(session.exec(statement.order_by(at.desc(), row_id.desc()).limit(limit)))


def deliveries_after(
    session: Session, endpoint: WebhookEndpoint, *, state: str | None, after: Place | None, limit: int
) -> list[WebhookDelivery]:
    """Newest first; state: None for any."""
    statement = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id)
    at, row_id = col(WebhookDelivery.queued_at), col(WebhookDelivery.id)
    if state is not None:
        statement = statement.where(WebhookDelivery.state == state)
    if after is not None:
        statement = statement.where(_older(at, row_id, after.at, after.id))
    return list(session.exec(statement.order_by(at.desc(), row_id.desc()).limit(limit)))


def warnings_after(session: Session, organisation: Organisation, *, after: Place | None, limit: int) -> list[Alert]:
    """Those that were told, newest first."""
    statement = select(Alert).where(Alert.organisation_id == organisation.id, col(Alert.is_told))
    if after is not None:
        statement = statement.where(_older(col(Alert.at), col(Alert.id), after.at, after.id))
    return list(session.exec(statement.order_by(col(Alert.at).desc(), col(Alert.id).desc()).limit(limit)))


def finds_after(
    session: Session, organisation: Organisation, *, key_id: UUID | None, after: Place | None, limit: int
) -> list[LeakFind]:
    """Leaked keys, newest first; key_id: of one alone."""
    statement = select(LeakFind).where(LeakFind.organisation_id == organisation.id)
    at, row_id = col(LeakFind.found_at), col(LeakFind.id)
    if key_id is not None:
        statement = statement.where(LeakFind.key_id == key_id)
    if after is not None:
        statement = statement.where(_older(at, row_id, after.at, after.id))
    return list(session.exec(statement.order_by(at.desc(), row_id.desc()).limit(limit)))


def _older(
    at: Mapped[datetime], row_id: Mapped[UUID] | Mapped[str], moment: datetime, name: UUID | str
) -> ColumnElement[bool]:
    return or_(at < moment, and_(at == moment, row_id < name))
