"""What is done with keys: a new secret, off and on, the end; and who uses them, or was refused."""

from datetime import timedelta
from uuid import UUID

from app.api import cursors
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.key_schemas import (
    DisablingAsked,
    KeyActivity,
    KeyIssued,
    KeysAsked,
    KeysTold,
    KeyTold,
    RefusedTold,
    RotationAsked,
    SecretPage,
    SecretTold,
    SightingTold,
)
from app.api.schemas import Paging
from app.api.views import keys
from app.api.views.keys import ONE
from app.core.errors import Invalid, NotFound
from app.keyring import one as pages
from app.keys import queries, rotation, seen, services
from app.keys.rotation import Overlap
from app.metering import attempts, by_key

SECRETS = f"{ONE}/secrets"
REFUSED = timedelta(hours=24)


@endpoint("POST", f"{ONE}/rotate", "keys:write", "Give a key a new secret", body=RotationAsked, answer=KeyIssued)
def rotate_key(key_id: UUID, body: RotationAsked) -> KeyIssued:
    key = keys.one(key_id)
    if body.quiet_hours is not None and body.overlap_hours:
        raise Invalid("Give overlap_hours or quiet_hours, not both.")
    issued = rotation.rotate(
        current.session,
        key=key,
        overlap=Overlap(body.overlap_hours, body.quiet_hours),
        brand=current.settings.key_brand,
        expires_at=body.expires_at,
        person_id=None,
        now=current.now,
    )
    return keys.told_once(issued)


@endpoint("GET", SECRETS, "keys:read", "Secrets that a key had before", query=Paging, answer=SecretPage)
def list_secrets(key_id: UUID, query: Paging) -> SecretPage:
    found = pages.secrets(current.session, keys.one(key_id), now=current.now)
    shown, following = cursors.part(
        found, cursor=query.cursor, limit=query.limit, name=lambda earlier: earlier.secret.id.hex
    )
    return SecretPage(items=[_secret(earlier) for earlier in shown], next_cursor=following)


@endpoint("POST", f"{SECRETS}/<uuid:secret_id>/end", "keys:write", "Stop an earlier secret before its time", status=204)
def end_secret(key_id: UUID, secret_id: UUID) -> None:
    key = keys.one(key_id)
    secret = rotation.secret_of(current.session, key, secret_id)
    rotation.end_overlap(current.session, key=key, secret=secret, person_id=None, now=current.now)


@endpoint("POST", f"{ONE}/disable", "keys:write", "Switch a key off", body=DisablingAsked, answer=KeyTold)
def disable_key(key_id: UUID, body: DisablingAsked) -> KeyTold:
    key = keys.one(key_id)
    services.disable(current.session, key=key, note=body.note, person_id=None, now=current.now)
    return keys.told_one(key)


@endpoint("POST", f"{ONE}/enable", "keys:write", "Switch a key on again", answer=KeyTold)
def enable_key(key_id: UUID) -> KeyTold:
    key = keys.one(key_id)
    services.enable(current.session, key=key, person_id=None, now=current.now)
    return keys.told_one(key)


@endpoint("POST", f"{ONE}/revoke", "keys:write", "Stop a key for good", answer=KeyTold)
def revoke_key(key_id: UUID) -> KeyTold:
    key = keys.one(key_id)
    services.revoke(current.session, key=key, person_id=None, now=current.now)
    return keys.told_one(key)


@endpoint("POST", "/keys/revoke", "keys:write", "Stop several keys for good", body=KeysAsked, answer=KeysTold)
def revoke_keys(body: KeysAsked) -> KeysTold:
    """All of them or none: one that is not the organisation's stops the others from being revoked."""
    found = queries.keys_by_id(current.session, current.organisation, body.ids)
    missing = [str(key_id) for key_id in body.ids if key_id not in found]
    if missing:
        raise NotFound(f"There is no key {missing[0]} in this organisation. None was revoked.")
    live = [key for key in found.values() if not key.is_revoked]
    for key in live:
        services.revoke(current.session, key=key, person_id=None, now=current.now)
    return KeysTold(revoked=keys.told(live))


@endpoint(
    "GET", f"{ONE}/activity", "keys:read", "What a key was refused, and from where it was used", answer=KeyActivity
)
def get_key_activity(key_id: UUID) -> KeyActivity:
    key, session, settings = keys.one(key_id), current.session, current.settings
    tries = by_key.refused_of(session, current.organisation, key.id, since=current.now - REFUSED)
    words = {
        reason: attempts.explain(
            reason,
            path="that address",
            keys_url=f"{settings.portal_url}/keys/",
            gateway_url=settings.gateway_url,
            operator=settings.operator,
        )
        for reason, _ in tries
    }
    return KeyActivity(
        refused=[
            RefusedTold(reason=reason, title=words[reason].title, what_to_do=words[reason].what_to_do, tries=count)
            for reason, count in tries
        ],
        seen=[
            SightingTold(address=one.address, client=one.client, first_at=one.first_at, last_at=one.last_at)
            for one in seen.sightings_of(session, key.id, limit=pages.SIGHTINGS)
        ],
    )


def _secret(earlier: pages.Secret) -> SecretTold:
    secret, last = earlier.secret, earlier.last
    return SecretTold(
        id=secret.id,
        hint=secret.hint,
        works=earlier.works,
        replaced_at=secret.replaced_at,
        retires_at=secret.retires_at,
        quiet_hours=secret.quiet_hours,
        ended_at=secret.ended_at,
        calls_today=earlier.calls,
        last_used_at=last.last_at if last is not None else None,
        last_address=last.address if last is not None else "",
        last_client=last.client if last is not None else "",
    )
