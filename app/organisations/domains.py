"""Proving that a domain is the organisation's, by a DNS record, and looking again each day.

Only what is proven lets anybody in: a provider vouches for addresses at its organisation's own domains alone, and a
domain is one organisation's at a time. Looking is the caller's (core/dns_txt.py): nothing here waits for others.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.core import audit, crypto, mail
from app.core.errors import Conflict, Invalid, LimitReached, NotFound
from app.organisations import queries
from app.organisations.models import Organisation
from app.organisations.provider_models import Domain

MOST = 20
EVERY = timedelta(days=1)
PATIENCE = timedelta(days=3)
"""A record that is missing for so long proves nothing any more: longer than a mishap at a name server."""
PAGE = 50
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,240}}$){_LABEL}(?:\.{_LABEL})+")
_SHARED = (
    "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com gmx.net proton.me protonmail.com "
    "aol.com web.de qq.com 163.com mail.ru yandex.ru"
)
"""Nobody's own; whoever could prove one would do more than sign people in here."""


def of_address(email: str) -> str:
    """The domain of an e-mail address, in small letters; "" for what is none."""
    local, _, domain = email.strip().rpartition("@")
    return domain.lower().rstrip(".") if local else ""


def add(session: Session, *, organisation: Organisation, name: str, person_id: UUID, now: datetime) -> Domain:
    """Begin to prove it. Raises Invalid for what is no domain, Conflict for one that is listed already or another's."""
    name = name.strip().lower().rstrip(".").removeprefix("@")
    if _NAME.fullmatch(name) is None or name.rpartition(".")[2].isdigit():
        raise Invalid("Give the domain of your addresses, such as example.com.")
    if name in _SHARED.split():
        raise Invalid(f"{name} is used by everybody. Give a domain that is your organisation’s alone.")
    known = of(session, organisation)
    if any(one.name == name for one in known):
        raise Conflict(f"{name} is listed already.")
    if len(known) >= MOST:
        raise LimitReached(f"There are {MOST} domains already. Remove one first.")
    domain = Domain(organisation_id=organisation.id, name=name, token=crypto.random_token(), created_at=now)
    session.add(domain)
    _tell(session, domain, "sso.domain_added", person_id=person_id, now=now)
    return domain


def prove(session: Session, *, domain: Domain, found: Sequence[str], person_id: UUID | None, now: datetime) -> bool:
    """Whether the records that were found prove it; from then on it is the organisation's alone.

    Raises Conflict where another organisation has proven it.
    """
    domain.checked_at = now
    session.add(domain)
    if domain.record not in (one.strip() for one in found):
        return False
    domain.missing_since = None
    if domain.proven_at is None:
        taken = f"Another organisation here has proven {domain.name}. Whoever runs this gateway can settle whose it is."
        if whose(session, domain.name) is not None:
            raise Conflict(taken)
        domain.proven_at = now
        try:
            session.flush()
        except IntegrityError:  # at the same moment; the caller rolls back
            raise Conflict(taken) from None
        _tell(session, domain, "sso.domain_proven", person_id=person_id, now=now)
    session.flush()
    return True


def remove(session: Session, *, domain: Domain, person_id: UUID, now: datetime) -> None:
    """It proves nothing any more: nobody with such an address comes in by the organisation's provider."""
    _tell(session, domain, "sso.domain_removed", person_id=person_id, now=now)
    session.delete(domain)
    session.flush()


def due(session: Session, *, now: datetime) -> list[Domain]:
    """Proven ones that nobody has looked at for EVERY, the longest ago first; at most a page."""
    statement = (
        select(Domain)
        .where(col(Domain.proven_at).is_not(None), col(Domain.checked_at) <= now - EVERY)
        .order_by(col(Domain.checked_at))
        .limit(PAGE)
    )
    return list(session.exec(statement))


def look_again(session: Session, *, domain: Domain, found: Sequence[str] | None, now: datetime) -> None:
    """What the daily look has found; None when nobody answered, which proves nothing against it.

    After PATIENCE without its record it is not proven any more, and whoever sets sign-in up gets mail.
    """
    if found is None:
        domain.checked_at = now - EVERY + timedelta(hours=1)
        session.add(domain)
        return
    if prove(session, domain=domain, found=found, person_id=None, now=now):
        return
    domain.missing_since = domain.missing_since or now
    if now - domain.missing_since >= PATIENCE:
        domain.proven_at, domain.missing_since = None, None
        _tell(session, domain, "sso.domain_lapsed", person_id=None, now=now)
        _write(session, domain, now=now)
    session.add(domain)
    session.flush()


def of(session: Session, organisation: Organisation) -> list[Domain]:
    """By name."""
    statement = select(Domain).where(Domain.organisation_id == organisation.id).order_by(col(Domain.name))
    return list(session.exec(statement))


def one(session: Session, organisation: Organisation, domain_id: UUID) -> Domain:
    """Raises NotFound for another organisation's as for none."""
    found = session.get(Domain, domain_id)
    if found is None or found.organisation_id != organisation.id:
        raise NotFound("There is no such domain in this organisation.")
    return found


def whose(session: Session, name: str) -> UUID | None:
    """The organisation that has proven it."""
    return session.exec(
        select(Domain.organisation_id).where(Domain.name == name, col(Domain.proven_at).is_not(None))
    ).first()


def proven_names(session: Session, organisation_id: UUID) -> list[str]:
    """By name."""
    statement = select(Domain.name).where(Domain.organisation_id == organisation_id, col(Domain.proven_at).is_not(None))
    return list(session.exec(statement.order_by(col(Domain.name))))


def _write(session: Session, domain: Domain, *, now: datetime) -> None:
    organisation = session.get_one(Organisation, domain.organisation_id)
    for address in queries.addresses_with(session, organisation.id, "sso:write"):
        mail.queue(
            session,
            to=address,
            template="domain_lapsed",
            context={
                "organisation": organisation.name,
                "domain": domain.name,
                "name": domain.record_name,
                "record": domain.record,
                "path": "/organisation/sign-in/",
            },
            key=f"domain:{domain.id}:{now.isoformat()}",
            organisation_id=organisation.id,
            now=now,
        )


def _tell(session: Session, domain: Domain, action: str, *, person_id: UUID | None, now: datetime) -> None:
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=domain.organisation_id,
        person_id=person_id,
        subject_id=domain.id,
        details={"domain": domain.name},
    )
    session.flush()
