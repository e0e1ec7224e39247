"""The page of one key, and what can be done with it there."""

from datetime import timedelta
from uuid import UUID

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from app.keyring import limits_of_key, one, own_limits
from app.keyring.forms import NoteForm
from app.keyring.views import console
from app.keyring.views.console import bp
from app.keys import owners, seen, services
from app.metering import by_key, queries
from app.organisations.guards import current, member
from app.plans import periods
from app.web import htmx

DAYS = 30
REFUSED = timedelta(hours=24)


@bp.get("/<uuid:key_id>/")
@member("keys:read")
def show(key_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    session, organisation, now = current.session, current.organisation, current.now
    since, until = queries.days_back(now, DAYS)
    since = min(since, periods.start_of(periods.MONTH, now))
    days = by_key.days_of(session, organisation, [key.id], since=since, until=until)[key.id]
    month = [day for day in days if day.day >= periods.start_of(periods.MONTH, now).date()]
    secrets = one.secrets(session, key, now=now)
    currency = console.currency()
    refused = by_key.refused_of(session, organisation, key.id, since=now - REFUSED)
    rate = own_limits.own_of(session, [key.id])[key.id].rate
    return htmx.render(
        "keys/show.html",
        key=key,
        badge=console.state_badge(key, is_rotating=any(secret.works for secret in secrets)),
        owner=owners.names_of(session, [key])[key.id],
        secrets=secrets,
        quiet_ends={secret.secret.id: one.ends_when_quiet(secret) for secret in secrets},
        chart=console.calls_by_day(key, days[-DAYS:]),
        days=DAYS,
        today=days[-1],
        urls={
            "today": console.calls_of(key, days[-1].day, days[-1].day),
            "days": console.calls_of(key, days[-DAYS].day, days[-1].day),
        },
        calls=sum(day.calls for day in days[-DAYS:]),
        spent_nanos=sum(day.amount_nanos for day in month),
        currency=currency,
        limits=limits_of_key.of(session, organisation, key, current.settings, days=month, currency=currency, now=now),
        rate=rate,
        refused=one.refused(
            refused,
            keys_url=current.settings.portal_url + url_for("keys.index"),
            gateway_url=current.settings.gateway_url,
            operator=current.settings.operator,
        ),
        tries=by_key.last_refused(session, organisation, key.id, since=now - REFUSED, limit=5),
        sightings=seen.sightings_of(session, key.id, limit=one.SIGHTINGS),
        history=one.history(session, key, product=current.settings.product_name),
        form=NoteForm(),
        data_until=now,
    )


@bp.post("/<uuid:key_id>/revoke")
@member("keys:write")
def revoke(key_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    services.revoke(current.session, key=key, person_id=current.person.id, now=current.now)
    flash(f"“{key.name}” was revoked. Calls with it stop within a second.")
    return htmx.redirect(url_for("keys.index"))


@bp.post("/<uuid:key_id>/disable")
@member("keys:write")
def disable(key_id: UUID) -> ResponseReturnValue:
    key, form = console.asked_for(key_id), NoteForm()
    services.disable(current.session, key=key, note=form.note.data or "", person_id=current.person.id, now=current.now)
    flash(f"“{key.name}” is disabled. Calls with it stop within a second, until you enable it again.")
    return htmx.redirect(console.url_of(key))


@bp.post("/<uuid:key_id>/enable")
@member("keys:write")
def enable(key_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    services.enable(current.session, key=key, person_id=current.person.id, now=current.now)
    flash(f"“{key.name}” works again within a second.")
    return htmx.redirect(console.url_of(key))


@bp.post("/<uuid:key_id>/delete")
@member("keys:write")
def delete(key_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    services.delete(current.session, key=key, person_id=current.person.id, now=current.now)
    flash(f"“{key.name}” is in no list any more. Its calls, invoices and history stay as they are.")
    return htmx.redirect(url_for("keys.index"))
