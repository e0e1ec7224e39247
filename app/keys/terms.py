"""The terms of a key: what it reaches, from where, until when. Checked here, kept by services.py."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_
from sqlmodel import Session, col, select

from app.core import moments
from app.core.errors import Invalid
from app.integrations import queries as integrations
from app.integrations.models import Installation, Integration
from app.keys import networks, scopes
from app.keys.models import Key
from app.organisations.models import Organisation

SCOPES = 200
NETWORKS = 100
"""At most so many on one key: every gateway holds them in memory."""


@dataclass(frozen=True, slots=True)
class Terms:
    """scopes: None for everything, now and later. networks: none for anywhere. expires_at: aware; None for never."""

    scopes: tuple[str, ...] | None = None
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None


def terms_of(key: Key) -> Terms:
    """What holds for `key` now."""
    return Terms(None if key.scopes is None else tuple(key.scopes), tuple(key.networks), key.expires_at)


def checked(session: Session, terms: Terms, *, organisation: Organisation, now: datetime) -> Terms:
    """The terms as they are kept: sorted, each thing once. Raises Invalid in words for what cannot be meant."""
    if terms.expires_at is not None and terms.expires_at <= now:
        raise Invalid(f"{in_words(terms.expires_at)} is over. Choose a later moment for the key to expire.")
    return replace(terms, scopes=_scopes(session, terms.scopes, organisation), networks=_networks(terms.networks))


def alike(terms: Terms) -> Terms:
    """The terms with each thing once and sorted, so that two that mean the same are the same. Networks that cannot be
    read stay as they are.
    """
    reach = None if terms.scopes is None else tuple(scopes.plain(terms.scopes))
    return replace(terms, scopes=reach, networks=tuple(sorted(map(_plain_or_not, terms.networks))))


def in_words(moment: datetime | None) -> str:
    """“2027-01-31 00:00 UTC”, or “Never”."""
    return "Never" if moment is None else moments.words(moment)


def _plain_or_not(text: str) -> str:
    try:
        return networks.plain(text)
    except ValueError:
        return text


def _networks(texts: Iterable[str]) -> tuple[str, ...]:
    try:
        found = sorted({networks.plain(text) for text in texts})
    except ValueError as problem:
        raise Invalid(str(problem)) from None
    if len(found) > NETWORKS:
        raise Invalid(f"A key can have {NETWORKS} networks at most. Write them as fewer, larger ranges.")
    return tuple(found)


def _scopes(session: Session, texts: Iterable[str] | None, organisation: Organisation) -> tuple[str, ...] | None:
    if texts is None:
        return None
    found = scopes.plain(texts)
    if not found:
        raise Invalid("Such a key would reach nothing. Name an integration, or leave scopes out for everything.")
    if len(found) > SCOPES:
        raise Invalid(f"A key can have {SCOPES} scopes at most. Name whole integrations instead of their tools.")
    for text in found:
        _check_scope(session, text, organisation)
    return tuple(found)


def _check_scope(session: Session, text: str, organisation: Organisation) -> None:
    slug, tool = scopes.parts(text)
    if not slug or ("/" in text and not tool) or len(tool) > 128 or not tool.isprintable():
        raise Invalid(f"“{text}” is not a scope. Write “sampler” for an integration or “sampler/greet” for one tool.")
    if tool == "*":
        raise Invalid(f"“{text}” is not a scope. Write “{slug}” for all of it.")
    integration = session.exec(select(Integration).where(Integration.slug == slug, _may_use(organisation))).first()
    if integration is None:
        raise Invalid(f"“{organisation.name}” has no integration called “{slug}” that a key could reach.")
    if tool:
        integrations.check_tool(session, integration, tool)


def _may_use(organisation: Organisation) -> ColumnElement[bool]:
    installed = exists().where(
        col(Installation.integration_id) == col(Integration.id),
        col(Installation.organisation_id) == organisation.id,
    )
    return or_(col(Integration.is_open), installed)
