"""Webhooks: where the organisation is told, and what became of each message."""

from uuid import UUID

from app.api import cursors
from app.api import queries as lists
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.schemas import Paging
from app.api.webhook_schemas import (
    DeliveryFilters,
    DeliveryPage,
    DeliveryTold,
    WebhookAsked,
    WebhookChanged,
    WebhookIssued,
    WebhookPage,
    WebhookTold,
)
from app.core import net, vault
from app.core.errors import NotAllowed
from app.webhooks import queries, services
from app.webhooks.models import AUDIT_ENTRY, WebhookDelivery, WebhookEndpoint

ALL = "/webhooks"
ONE = f"{ALL}/<uuid:endpoint_id>"
DELIVERIES = f"{ONE}/deliveries"
DELIVERY = f"{DELIVERIES}/<uuid:delivery_id>"


@endpoint("GET", ALL, "webhooks:read", "List webhooks", query=Paging, answer=WebhookPage)
def list_webhooks(query: Paging) -> WebhookPage:
    found = lists.endpoints_after(
        current.session, current.organisation, after=cursors.read(query.cursor), limit=query.limit + 1
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.created_at, one.id))
    return WebhookPage(items=[_told(one) for one in shown], next_cursor=following)


@endpoint("POST", ALL, "webhooks:write", "Add a webhook", body=WebhookAsked, answer=WebhookIssued, status=201)
def create_webhook(body: WebhookAsked) -> WebhookIssued:
    _check_audit(follows=body.follows_audit)
    made, secret = services.add(
        current.session,
        organisation=current.organisation,
        url=body.url.strip(),
        guard=net.from_settings(current.settings),
        safe=vault.from_settings(current.settings),
        with_audit=body.follows_audit,
        person_id=None,
        now=current.now,
    )
    return WebhookIssued(webhook=_told(made), secret=secret)


@endpoint("GET", ONE, "webhooks:read", "One webhook", answer=WebhookTold)
def get_webhook(endpoint_id: UUID) -> WebhookTold:
    return _told(_one(endpoint_id))


@endpoint("PATCH", ONE, "webhooks:write", "Switch a webhook on or off", body=WebhookChanged, answer=WebhookTold)
def change_webhook(endpoint_id: UUID, body: WebhookChanged) -> WebhookTold:
    """What is as it is asked for already is left alone, so that asking twice does no harm."""
    found = _one(endpoint_id)
    _check_audit(follows=bool(body.follows_audit))
    if body.is_enabled not in (None, found.is_enabled):
        services.switch(
            current.session, endpoint=found, is_enabled=bool(body.is_enabled), person_id=None, now=current.now
        )
    if body.follows_audit not in (None, found.audit_since is not None):
        services.follow_audit(
            current.session, endpoint=found, is_on=bool(body.follows_audit), person_id=None, now=current.now
        )
    return _told(found)


@endpoint("DELETE", ONE, "webhooks:write", "Remove a webhook", status=204)
def remove_webhook(endpoint_id: UUID) -> None:
    services.remove(current.session, endpoint=_one(endpoint_id), person_id=None, now=current.now)


@endpoint("POST", f"{ONE}/secret", "webhooks:write", "Give a webhook a new secret", answer=WebhookIssued)
def roll_webhook_secret(endpoint_id: UUID) -> WebhookIssued:
    found = _one(endpoint_id)
    safe = vault.from_settings(current.settings)
    secret = services.roll(current.session, endpoint=found, safe=safe, person_id=None, now=current.now)
    return WebhookIssued(webhook=_told(found), secret=secret)


@endpoint("POST", f"{ONE}/test", "webhooks:write", "Send a webhook a test", status=202)
def send_webhook_test(endpoint_id: UUID) -> None:
    services.send_test(current.session, endpoint=_one(endpoint_id), now=current.now)


@endpoint("GET", DELIVERIES, "webhooks:read", "What was sent to a webhook", query=DeliveryFilters, answer=DeliveryPage)
def list_deliveries(endpoint_id: UUID, query: DeliveryFilters) -> DeliveryPage:
    found = lists.deliveries_after(
        current.session,
        _one(endpoint_id),
        state=query.state,
        after=cursors.read(query.cursor),
        limit=query.limit + 1,
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.queued_at, one.id))
    return DeliveryPage(items=[_delivery(one) for one in shown], next_cursor=following)


@endpoint("GET", DELIVERY, "webhooks:read", "One delivery", answer=DeliveryTold)
def get_delivery(endpoint_id: UUID, delivery_id: UUID) -> DeliveryTold:
    return _delivery(queries.delivery_of(current.session, _one(endpoint_id), delivery_id))


@endpoint("POST", f"{DELIVERY}/again", "webhooks:write", "Deliver a message again", answer=DeliveryTold)
def deliver_again(endpoint_id: UUID, delivery_id: UUID) -> DeliveryTold:
    found = _one(endpoint_id)
    delivery = queries.delivery_of(current.session, found, delivery_id)
    services.again(current.session, endpoint=found, delivery=delivery, now=current.now)
    return _delivery(delivery)


def _one(endpoint_id: UUID) -> WebhookEndpoint:
    return queries.endpoint_of(current.session, current.organisation, endpoint_id)


def _check_audit(*, follows: bool) -> None:
    if follows and not current.may("audit:read"):
        raise NotAllowed("An admin key that may not read the audit log cannot have it sent anywhere.")


def _told(one: WebhookEndpoint) -> WebhookTold:
    return WebhookTold(
        id=one.id,
        url=one.url,
        is_enabled=one.is_enabled,
        follows_audit=one.audit_since is not None,
        created_at=one.created_at,
    )


def _delivery(one: WebhookDelivery) -> DeliveryTold:
    return DeliveryTold(
        id=one.id,
        kind=one.kind,
        state=one.state,
        tries=one.tries,
        queued_at=one.queued_at,
        due_at=one.due_at,
        tried_at=one.tried_at,
        status=one.status,
        error=one.error,
        body=one.body if one.kind != AUDIT_ENTRY or current.may("audit:read") else "",
    )
