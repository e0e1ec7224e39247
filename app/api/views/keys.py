"""Keys for the gateway: by the same services as the console."""

from dataclasses import replace
from uuid import UUID

from app.api import cursors
from app.api import queries as lists
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.schemas import (
    DisablingAsked,
    KeyAsked,
    KeyChanged,
    KeyFilters,
    KeyIssued,
    KeyPage,
    KeyTold,
    OwnerAsked,
    RotationAsked,
)
from app.core.errors import Invalid
from app.keys import owners, queries, rotation, services, terms
from app.keys.models import Key
from app.keys.owners import Owner
from app.keys.rotation import Overlap
from app.keys.services import Issued
from app.keys.terms import Terms

ONE = "/keys/<uuid:key_id>"


@endpoint("GET", "/keys", "keys:read", "List keys", query=KeyFilters, answer=KeyPage)
def list_keys(query: KeyFilters) -> KeyPage:
    found = lists.keys_after(
        current.session,
        current.organisation,
        after=cursors.read(query.cursor),
        limit=query.limit + 1,
        now=current.now,
        state=query.state,
        environment=query.environment,
        member_id=query.member_id,
    )
    shown, following = cursors.cut(found, query.limit, lambda key: (key.created_at, key.id))
    return KeyPage(items=[_told(key) for key in shown], next_cursor=following)


@endpoint("POST", "/keys", "keys:write", "Make a key", body=KeyAsked, answer=KeyIssued, status=201)
def create_key(body: KeyAsked) -> KeyIssued:
    issued = services.issue(
        current.session,
        organisation=current.organisation,
        name=body.name,
        brand=current.settings.key_brand,
        environment=body.environment,
        on=Terms(None if body.scopes is None else tuple(body.scopes), tuple(body.networks), body.expires_at),
        owner=_owner(body.owner),
        person_id=None,
        now=current.now,
    )
    return _issued(issued)


@endpoint("GET", ONE, "keys:read", "One key", answer=KeyTold)
def get_key(key_id: UUID) -> KeyTold:
    return _told(_key(key_id))


@endpoint("PATCH", ONE, "keys:write", "Change a key", body=KeyChanged, answer=KeyTold)
def change_key(key_id: UUID, body: KeyChanged) -> KeyTold:
    """What is as it is asked for already is left alone, so that asking twice does no harm."""
    key, asked = _key(key_id), body.model_fields_set
    if body.name is not None and body.name != key.name:
        services.rename(current.session, key=key, name=body.name, person_id=None, now=current.now)
    if body.owner is not None and _owner(body.owner) != owners.owner_of(key):
        services.hand_over(current.session, key=key, to=_owner(body.owner), person_id=None, now=current.now)
    before = terms.terms_of(key)
    after = before
    if "scopes" in asked:
        after = replace(after, scopes=None if body.scopes is None else tuple(body.scopes))
    if body.networks is not None:
        after = replace(after, networks=tuple(body.networks))
    if "expires_at" in asked:
        after = replace(after, expires_at=body.expires_at)
    if after != before:
        services.change(current.session, key=key, to=after, person_id=None, now=current.now)
    return _told(key)


@endpoint("DELETE", ONE, "keys:write", "Delete a key that is revoked or expired", status=204)
def delete_key(key_id: UUID) -> None:
    services.delete(current.session, key=_key(key_id), person_id=None, now=current.now)


@endpoint("POST", f"{ONE}/rotate", "keys:write", "Give a key a new secret", body=RotationAsked, answer=KeyIssued)
def rotate_key(key_id: UUID, body: RotationAsked) -> KeyIssued:
    key = _key(key_id)
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
    return _issued(issued)


@endpoint("POST", f"{ONE}/disable", "keys:write", "Switch a key off", body=DisablingAsked, answer=KeyTold)
def disable_key(key_id: UUID, body: DisablingAsked) -> KeyTold:
    key = _key(key_id)
    services.disable(current.session, key=key, note=body.note, person_id=None, now=current.now)
    return _told(key)


@endpoint("POST", f"{ONE}/enable", "keys:write", "Switch a key on again", answer=KeyTold)
def enable_key(key_id: UUID) -> KeyTold:
    key = _key(key_id)
    services.enable(current.session, key=key, person_id=None, now=current.now)
    return _told(key)


@endpoint("POST", f"{ONE}/revoke", "keys:write", "Stop a key for good", answer=KeyTold)
def revoke_key(key_id: UUID) -> KeyTold:
    key = _key(key_id)
    services.revoke(current.session, key=key, person_id=None, now=current.now)
    return _told(key)


def _key(key_id: UUID) -> Key:
    return queries.key_of(current.session, current.organisation, key_id)


def _owner(asked: OwnerAsked) -> Owner:
    if asked.member_id is not None and asked.service:
        raise Invalid("A key belongs to a member or to a service. Give one of them.")
    return Owner(asked.member_id, asked.service)


def _issued(issued: Issued) -> KeyIssued:
    return KeyIssued(key=_told(issued.key), secret=issued.secret)


def _told(key: Key) -> KeyTold:
    return KeyTold(
        id=key.id,
        name=key.name,
        environment=key.environment,
        state=key.state_at(current.now),
        hint=key.hint,
        member_id=key.owner_id,
        service=key.service,
        scopes=key.scopes,
        networks=key.networks,
        expires_at=key.expires_at,
        created_at=key.created_at,
        rotated_at=key.rotated_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
        deleted_at=key.deleted_at,
        disabled_reason=key.disabled_reason,
        disabled_note=key.disabled_note,
    )
