"""Keys for the gateway: the list, making, changing and deleting them; by the same services as the console."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from app.api import cursors, paying
from app.api import queries as lists
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.key_schemas import KeyAsked, KeyChanged, KeyFilters, KeyIssued, KeyPage, KeyTold, OwnerAsked
from app.core.errors import Invalid
from app.keyring import listing, making, own_limits
from app.keyring.own_limits import Own
from app.keys import owners, queries, services, terms
from app.keys.models import Key
from app.keys.owners import Owner
from app.keys.services import Issued
from app.keys.terms import Terms
from app.plans import periods

ONE = "/keys/<uuid:key_id>"


@endpoint("GET", "/keys", "keys:read", "List keys", query=KeyFilters, answer=KeyPage)
def list_keys(query: KeyFilters) -> KeyPage:
    if query.member_id is not None and query.is_service is not None:
        raise Invalid("A key is a member’s or a service’s. Ask for member_id or for is_service.")
    found = lists.keys_after(
        current.session,
        current.organisation,
        listing.conditions(_asked(query), current.now),
        after=cursors.read(query.cursor),
        limit=query.limit + 1,
    )
    shown, following = cursors.cut(found, query.limit, lambda key: (key.created_at, key.id))
    return KeyPage(items=told(shown), next_cursor=following)


@endpoint("POST", "/keys", "keys:write", "Make a key", body=KeyAsked, answer=KeyIssued, status=201)
def create_key(body: KeyAsked) -> KeyIssued:
    issued = making.make(
        current.session,
        organisation=current.organisation,
        name=body.name,
        brand=current.settings.key_brand,
        environment=body.environment,
        on=Terms(None if body.scopes is None else tuple(body.scopes), tuple(body.networks), body.expires_at),
        owner=_owner(body.owner),
        per_minute=body.calls_per_minute,
        spend=_spend(body),
        currency=paying.currency(),
        person_id=None,
        now=current.now,
    )
    return told_once(issued)


@endpoint("GET", ONE, "keys:read", "One key", answer=KeyTold)
def get_key(key_id: UUID) -> KeyTold:
    return told_one(one(key_id))


@endpoint("PATCH", ONE, "keys:write", "Change a key", body=KeyChanged, answer=KeyTold)
def change_key(key_id: UUID, body: KeyChanged) -> KeyTold:
    """What is as it is asked for already is left alone, so that asking twice does no harm."""
    key = one(key_id)
    known = own_limits.own_of(current.session, [key.id])[key.id]
    making.change(
        current.session,
        organisation=current.organisation,
        key=key,
        name=body.name if body.name is not None else key.name,
        to=_terms(body, of=key),
        owner=_owner(body.owner) if body.owner is not None else owners.owner_of(key),
        per_minute=body.calls_per_minute if "calls_per_minute" in body.model_fields_set else known.per_minute,
        spend=_spend(body),
        currency=paying.currency(),
        person_id=None,
        now=current.now,
    )
    return told_one(key)


@endpoint("DELETE", ONE, "keys:write", "Delete a key that is revoked or expired", status=204)
def delete_key(key_id: UUID) -> None:
    services.delete(current.session, key=one(key_id), person_id=None, now=current.now)


def one(key_id: UUID) -> Key:
    """The organisation's key in the address. Raises NotFound."""
    return queries.key_of(current.session, current.organisation, key_id)


def told(keys: Sequence[Key]) -> list[KeyTold]:
    """As the API tells of them, in one query more."""
    own = own_limits.own_of(current.session, [key.id for key in keys])
    return [_told(key, own[key.id]) for key in keys]


def told_one(key: Key) -> KeyTold:
    """The same of one."""
    [found] = told([key])
    return found


def told_once(issued: Issued) -> KeyIssued:
    """With the secret."""
    return KeyIssued(key=told_one(issued.key), secret=issued.secret)


def _asked(query: KeyFilters) -> listing.Asked:
    """As the page of keys is asked."""
    owner = str(query.member_id) if query.member_id is not None else ""
    return listing.Asked(
        q=query.text.strip(),
        state=query.state or "",
        environment=query.environment or "",
        owner=listing.SERVICES if query.is_service else owner,
    )


def _owner(asked: OwnerAsked) -> Owner:
    if asked.member_id is not None and asked.service:
        raise Invalid("A key belongs to a member or to a service. Give one of them.")
    return Owner(asked.member_id, asked.service)


def _terms(body: KeyChanged, *, of: Key) -> Terms:
    """Those that the key has, but for what was asked for."""
    asked, found = body.model_fields_set, terms.terms_of(of)
    if "scopes" in asked:
        found = replace(found, scopes=None if body.scopes is None else tuple(body.scopes))
    if body.networks is not None:
        found = replace(found, networks=tuple(body.networks))
    return replace(found, expires_at=body.expires_at) if "expires_at" in asked else found


def _spend(body: KeyAsked | KeyChanged) -> dict[str, int | None]:
    """Caps that were asked for, by period."""
    said = {periods.DAY: "cap_day_nanos", periods.MONTH: "cap_month_nanos"}
    return {period: getattr(body, name) for period, name in said.items() if name in body.model_fields_set}


def _told(key: Key, own: Own) -> KeyTold:
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
        calls_per_minute=own.per_minute,
        cap_day_nanos=own.spend.get(periods.DAY),
        cap_month_nanos=own.spend.get(periods.MONTH),
        expires_at=key.expires_at,
        created_at=key.created_at,
        rotated_at=key.rotated_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
        deleted_at=key.deleted_at,
        disabled_reason=key.disabled_reason,
        disabled_note=key.disabled_note,
    )
