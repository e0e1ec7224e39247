"""Webhooks: where an organisation is told, with which secret, and what became of each message."""

import json
from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.core import net, vault
from app.core.errors import Invalid, LimitReached, NotAllowed
from app.organisations.guards import current, member
from app.web import htmx, paging
from app.webhooks import models, queries, services, signing
from app.webhooks.forms import EndpointForm
from app.webhooks.models import WebhookDelivery, WebhookEndpoint

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

PAGE = 25
WORDS = {"": "All", models.WAITING: "Waiting", models.FAILED: "Failed", models.DELIVERED: "Delivered"}
TONES = {models.WAITING: "warn", models.FAILED: "danger", models.DELIVERED: "ok"}


@bp.get("/")
@member("webhooks:read")
def index() -> ResponseReturnValue:
    endpoints = queries.endpoints_of(current.session, current.organisation.id)
    last = queries.last_deliveries(current.session, endpoints)
    return htmx.render(
        "webhooks/index.html", endpoints=endpoints, last=last, words=WORDS, tones=TONES, kinds=models.KINDS
    )


@bp.get("/new")
@member("webhooks:write")
def new() -> ResponseReturnValue:
    return htmx.render("webhooks/new.html", form=EndpointForm())


@bp.post("/")
@member("webhooks:write")
def create() -> ResponseReturnValue:
    form = EndpointForm()
    if form.validate():
        try:
            endpoint, secret = services.add(
                current.session,
                organisation=current.organisation,
                url=(form.url.data or "").strip(),
                guard=net.from_settings(current.settings),
                safe=vault.from_settings(current.settings),
                with_audit=bool(form.with_audit.data) and current.may("audit:read"),
                person_id=current.person.id,
                now=current.now,
            )
        except (Invalid, LimitReached) as refusal:
            form.url.errors = [*form.url.errors, refusal.message]
        else:
            return htmx.render("webhooks/secret.html", endpoint=endpoint, secret=secret, is_new=True)
    return htmx.render("webhooks/new.html", status=422, form=form)


@bp.get("/<uuid:endpoint_id>")
@member("webhooks:read")
def show(endpoint_id: UUID) -> ResponseReturnValue:
    endpoint, state = _endpoint(endpoint_id), request.args.get("state", "")
    if state not in WORDS:
        raise Invalid(f"Deliveries are {', '.join(filter(None, WORDS))}.")
    page = paging.page_of(
        lambda limit, offset: queries.deliveries_of(current.session, endpoint, state=state, limit=limit, offset=offset),
        size=PAGE,
    )
    return htmx.render(
        "webhooks/show.html",
        endpoint=endpoint,
        page=page,
        words=WORDS,
        tones=TONES,
        state=state,
        states=[
            {
                "label": words,
                "url": url_for("webhooks.show", endpoint_id=endpoint.id, state=one or None),
                "is_current": one == state,
            }
            for one, words in WORDS.items()
        ],
        now=current.now,
    )


@bp.get("/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>")
@member("webhooks:read")
def delivery(endpoint_id: UUID, delivery_id: UUID) -> ResponseReturnValue:
    endpoint = _endpoint(endpoint_id)
    found = queries.delivery_of(current.session, endpoint, delivery_id)
    return htmx.render(
        "webhooks/delivery.html",
        endpoint=endpoint,
        delivery=found,
        message_id=signing.message_id(found.id),
        said=json.dumps(json.loads(found.body), indent=2, ensure_ascii=False) if _may_read(found) else "",
        words=WORDS,
        tones=TONES,
    )


@bp.post("/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/again")
@member("webhooks:write")
def again(endpoint_id: UUID, delivery_id: UUID) -> ResponseReturnValue:
    endpoint = _endpoint(endpoint_id)
    found = queries.delivery_of(current.session, endpoint, delivery_id)
    services.again(current.session, endpoint=endpoint, delivery=found, now=current.now)
    flash("It will be delivered again within a few seconds.")
    return _back(endpoint)


@bp.post("/<uuid:endpoint_id>/test")
@member("webhooks:write")
def test(endpoint_id: UUID) -> ResponseReturnValue:
    endpoint = _endpoint(endpoint_id)
    services.send_test(current.session, endpoint=endpoint, now=current.now)
    flash("A test is on its way. Look at the page again in a few seconds.")
    return _back(endpoint)


@bp.post("/<uuid:endpoint_id>/secret")
@member("webhooks:write")
def roll(endpoint_id: UUID) -> ResponseReturnValue:
    endpoint = _endpoint(endpoint_id)
    secret = services.roll(
        current.session,
        endpoint=endpoint,
        safe=vault.from_settings(current.settings),
        person_id=current.person.id,
        now=current.now,
    )
    return htmx.render("webhooks/secret.html", endpoint=endpoint, secret=secret, is_new=False)


@bp.post("/<uuid:endpoint_id>/switch")
@member("webhooks:write")
def switch(endpoint_id: UUID) -> ResponseReturnValue:
    endpoint, is_enabled = _endpoint(endpoint_id), request.form.get("to") == "on"
    services.switch(
        current.session, endpoint=endpoint, is_enabled=is_enabled, person_id=current.person.id, now=current.now
    )
    flash("The webhook is on." if is_enabled else "The webhook is off. Nothing is sent to it.")
    return _back(endpoint)


@bp.post("/<uuid:endpoint_id>/audit")
@member("webhooks:write")
def follow_audit(endpoint_id: UUID) -> ResponseReturnValue:
    endpoint, is_on = _endpoint(endpoint_id), request.form.get("to") == "on"
    if is_on and not current.may("audit:read"):
        raise NotAllowed("Who may not read the audit log cannot have it sent anywhere. Ask an owner or admin.")
    services.follow_audit(current.session, endpoint=endpoint, is_on=is_on, person_id=current.person.id, now=current.now)
    flash("Each new entry of the audit log is sent there." if is_on else "The audit log is not sent there any more.")
    return _back(endpoint)


@bp.post("/<uuid:endpoint_id>/remove")
@member("webhooks:write")
def remove(endpoint_id: UUID) -> ResponseReturnValue:
    services.remove(current.session, endpoint=_endpoint(endpoint_id), person_id=current.person.id, now=current.now)
    flash("The webhook was removed. Nothing is sent to it any more.")
    return htmx.redirect(url_for("webhooks.index"))


def _endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    return queries.endpoint_of(current.session, current.organisation, endpoint_id)


def _may_read(found: WebhookDelivery) -> bool:
    """What the audit log says is for fewer than webhooks are."""
    return found.kind != models.AUDIT_ENTRY or current.may("audit:read")


def _back(endpoint: WebhookEndpoint) -> ResponseReturnValue:
    return htmx.redirect(url_for("webhooks.show", endpoint_id=endpoint.id))
