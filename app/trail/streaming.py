"""The audit log as a stream of webhooks: the worker tells endpoints of each entry once, in the order of its chain.

Places in the chain are given one after the other (metering/audit_chain.py), so “everything after the place that was
looked at last” misses nothing, however late an entry was committed. The key of the delivery keeps it to one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.core.audit import AuditEntry
from app.metering.proof_models import AuditLink
from app.organisations.models import Organisation
from app.trail import queries, telling
from app.webhooks import queries as webhooks
from app.webhooks import services
from app.webhooks.models import WebhookEndpoint

PAGE = 500
_STEP = timedelta(microseconds=1)


class Told(NamedTuple):
    """told: how many messages were made. has_more: whether there is more to look at; the caller commits first."""

    told: int
    has_more: bool


def carry_on(session: Session, *, now: datetime, itself: str) -> Told:
    """A page of the chain for each place where endpoints are, which is one for most. now: later for each page,
    which keeps messages in order. itself: what we are called.
    """
    head = session.execute(select(func.max(AuditLink.seq))).scalar() or 0
    endpoints = webhooks.followers(session)
    for endpoint in endpoints:
        if endpoint.audit_place is None:
            endpoint.audit_place = _beginning(session, endpoint, head)
            session.add(endpoint)
    behind = sorted((one for one in endpoints if _place(one) < head), key=_place)
    told, has_more = 0, False
    for place, group in groupby(behind, _place):
        links = _links(session, place)
        told += _tell(session, list(group), links, now=now, itself=itself)
        has_more = has_more or links[-1].seq < head
    session.flush()
    return Told(told, has_more)


def _tell(
    session: Session, endpoints: list[WebhookEndpoint], links: list[AuditLink], *, now: datetime, itself: str
) -> int:
    whose = {one.organisation_id for one in endpoints}
    entries = {one.id: one for one in _entries(session, links) if one.organisation_id in whose}
    names = queries.names(session, list(entries.values()))
    slugs = _slugs(session, whose)
    told = 0
    found = ((number, link, entries[link.entry_id]) for number, link in enumerate(links) if link.entry_id in entries)
    for number, link, entry in found:
        for endpoint in endpoints:
            if endpoint.organisation_id != entry.organisation_id or not _is_wanted(endpoint, entry):
                continue
            said = {
                "organisation": slugs[entry.organisation_id],
                **telling.as_json(entry, link, names=names, itself=itself),
            }
            told += services.tell_of_entry(
                session,
                endpoint=endpoint,
                data=said,
                key=f"audit:{entry.id}",
                at=entry.at,
                due_at=now + number * _STEP,
            )
    for endpoint in endpoints:
        endpoint.audit_place = links[-1].seq
        session.add(endpoint)
    return told


def _is_wanted(endpoint: WebhookEndpoint, entry: AuditEntry) -> bool:
    """What is older than the wish was only sealed after it."""
    return endpoint.audit_since is not None and entry.at >= endpoint.audit_since


def _place(endpoint: WebhookEndpoint) -> int:
    return endpoint.audit_place or 0


def _beginning(session: Session, endpoint: WebhookEndpoint, head: int) -> int:
    """The place before the first entry that it is to be told of."""
    statement = (
        select(func.min(AuditLink.seq))
        .join(AuditEntry, col(AuditEntry.id) == col(AuditLink.entry_id))
        .where(col(AuditEntry.organisation_id) == endpoint.organisation_id, col(AuditEntry.at) >= endpoint.audit_since)
    )
    first = session.execute(statement).scalar()
    return head if first is None else int(first) - 1


def _links(session: Session, after: int) -> list[AuditLink]:
    statement = select(AuditLink).where(col(AuditLink.seq) > after).order_by(col(AuditLink.seq)).limit(PAGE)
    return list(session.execute(statement).scalars())


def _entries(session: Session, links: list[AuditLink]) -> Iterable[AuditEntry]:
    statement = select(AuditEntry).where(col(AuditEntry.id).in_([one.entry_id for one in links]))
    return session.execute(statement).scalars()


def _slugs(session: Session, organisation_ids: set[UUID]) -> dict[UUID | None, str]:
    statement = select(Organisation).where(col(Organisation.id).in_(organisation_ids))
    return {one.id: one.slug for one in session.execute(statement).scalars()}
