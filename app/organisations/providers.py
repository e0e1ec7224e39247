"""An organisation's own identity provider: connecting one, requiring it, and whom it may let in.

A provider vouches for addresses at domains that its organisation has proven, and for nobody else. An identity is
(issuer, subject), never an address (docs/adr/0024).
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlmodel import Session, col, select

from app.accounts.models import Identity, Person
from app.accounts.providers import OF_ORGANISATIONS
from app.accounts.services import Claims
from app.core import audit
from app.core.errors import Conflict, Invalid, NotAllowed, NotFound
from app.core.net import Guard
from app.core.vault import Vault
from app.organisations import domains, roles
from app.organisations.models import Organisation
from app.organisations.provider_models import Domain, OwnProvider

KIND = OF_ORGANISATIONS
"""What identities of such providers carry as the name of their provider."""
DEFAULT_ROLES = (roles.DEVELOPER, roles.BILLING, roles.VIEWER)
"""What somebody may be who comes in for the first time: whoever is to run the organisation is chosen by a person."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What is asked for. client_secret: "" to keep the one that is there."""

    issuer: str
    client_id: str
    client_secret: str
    label: str
    default_role: str


def place_of(provider_id: UUID) -> str:
    """What its secret is sealed for."""
    return f"sso.secret:{provider_id}"


def put(
    session: Session,
    *,
    organisation: Organisation,
    to: Connection,
    guard: Guard,
    safe: Vault,
    person_id: UUID,
    now: datetime,
) -> OwnProvider:
    """Connect it, or change how. Raises Invalid for what cannot be meant, and Conflict for another issuer while members
    have to come in by this one: nobody knows yet whether that lets them in.
    """
    issuer = _checked_issuer(to.issuer, guard)
    label, client_id = " ".join(to.label.split())[:60], to.client_id.strip()
    if not client_id or len(client_id) > 255:
        raise Invalid("Give the client id that your provider has for this gateway.")
    if to.default_role not in DEFAULT_ROLES:
        raise Invalid(f"Who comes in for the first time is one of {', '.join(DEFAULT_ROLES)}.")
    found = of(session, organisation.id)
    if found is not None and found.issuer != issuer and found.is_required:
        raise Conflict(
            "Members have to sign in by this issuer. Make it optional, change it, test it, and require it again."
        )
    if found is not None and found.issuer != issuer and not to.client_secret:
        raise Invalid("Another issuer has another secret. Give it, too.")
    if found is None:
        if not to.client_secret:
            raise Invalid("Give the client secret that your provider has for this gateway.")
        found = OwnProvider(
            id=uuid4(), organisation_id=organisation.id, issuer=issuer, client_id=client_id, client_secret="",
            label=label, default_role=to.default_role, created_at=now, changed_at=now,
        )  # fmt: skip
    found.issuer, found.client_id, found.default_role, found.changed_at = issuer, client_id, to.default_role, now
    found.label = label or urlsplit(issuer).hostname or issuer[:60]
    found.checked_at, found.problem = None, ""
    if to.client_secret:
        found.client_secret = safe.seal(to.client_secret.strip(), place=place_of(found.id))
    session.add(found)
    _tell(session, found, "sso.connected", {"issuer": issuer}, person_id=person_id, now=now)
    return found


def remove(session: Session, *, provider: OwnProvider, person_id: UUID, now: datetime) -> None:
    """Nobody comes in by it any more; members stay, and whoever came in by it is out at their next page."""
    _tell(session, provider, "sso.disconnected", {"issuer": provider.issuer}, person_id=person_id, now=now)
    organisation = session.get_one(Organisation, provider.organisation_id)
    organisation.requires_sso = False
    session.add(organisation)
    session.delete(provider)
    session.flush()


def require(session: Session, *, provider: OwnProvider, is_required: bool, person_id: UUID, now: datetime) -> None:
    """Members with an address at a proven domain come in by it alone from now on, or need not any more.

    Raises Conflict before a domain is proven, while it was never seen to work, or if it is so already.
    """
    if provider.is_required == is_required:
        raise Conflict("It is so already.")
    if is_required and not domains.proven_names(session, provider.organisation_id):
        raise Conflict("Prove a domain first: it says who has to come in this way.")
    if is_required and (provider.checked_at is None or provider.problem):
        raise Conflict("Test the provider first, so that nobody is shut out by a mistake.")
    organisation = session.get_one(Organisation, provider.organisation_id)
    provider.is_required = organisation.requires_sso = is_required
    session.add(provider)
    session.add(organisation)
    action = "sso.required" if is_required else "sso.made_optional"
    _tell(session, provider, action, {}, person_id=person_id, now=now)


def of(session: Session, organisation_id: UUID) -> OwnProvider | None:
    """The one of an organisation."""
    return session.exec(select(OwnProvider).where(OwnProvider.organisation_id == organisation_id)).first()


def by_id(session: Session, provider_id: UUID) -> tuple[OwnProvider, Organisation]:
    """Raises NotFound, also for that of an organisation that is gone."""
    provider = session.get(OwnProvider, provider_id)
    organisation = session.get(Organisation, provider.organisation_id) if provider is not None else None
    if provider is None or organisation is None or organisation.deleted_at is not None:
        raise NotFound("There is no such way to sign in.")
    return provider, organisation


def for_address(session: Session, email: str) -> tuple[OwnProvider, Organisation]:
    """The provider of whoever has proven the address's domain. Raises Invalid for no address, NotFound for none."""
    domain = domains.of_address(email)
    if not domain:
        raise Invalid("Give your whole e-mail address, such as sam@example.com.")
    organisation_id = domains.whose(session, domain)
    provider = of(session, organisation_id) if organisation_id is not None else None
    if provider is None:
        raise NotFound(f"No organisation here signs people of {domain[:80]} in by itself. Choose another way.")
    return by_id(session, provider.id)


def check_claims(session: Session, provider: OwnProvider, claims: Claims) -> None:
    """Raises NotAllowed where the provider says more than its organisation has proven."""
    if claims.is_email_doubted:
        raise NotAllowed(
            f"{provider.label} says that your e-mail address was never confirmed. Confirm it there, then try again."
        )
    email = claims.email or ""
    domain = domains.of_address(email)
    if not domain:
        raise NotAllowed(
            f"{provider.label} does not say what your e-mail address is. Its administrator can allow that."
        )
    if domains.whose(session, domain) != provider.organisation_id:
        raise NotAllowed(
            f"{provider.label} says that you are {email}, but {domain} is no domain that its organisation has proven."
        )


def must_use(session: Session, provider: OwnProvider, person: Person) -> bool:
    """Whether this member has to come in by it: an address at a proven domain, or an account there."""
    if person.email and domains.whose(session, domains.of_address(person.email)) == provider.organisation_id:
        return True
    return has_account(session, provider, person)


def has_account(session: Session, provider: OwnProvider, person: Person) -> bool:
    """Whether they have come in by it before, or linked an account there.

    An identity has the issuer as the provider itself writes it, which may end with “/” where what was typed does not.
    """
    issuer = provider.issuer.rstrip("/")
    statement = select(Identity.id).where(
        Identity.person_id == person.id,
        col(Identity.issuer).in_((issuer, f"{issuer}/")),
        col(Identity.provider) == KIND,
    )
    return session.exec(statement.limit(1)).first() is not None


def forget(session: Session, organisation: Organisation) -> None:
    """All of it goes, with an organisation that is deleted."""
    provider = of(session, organisation.id)
    if provider is not None:
        session.delete(provider)
    for domain in session.exec(select(Domain).where(Domain.organisation_id == organisation.id)).all():
        session.delete(domain)
    organisation.requires_sso = False
    session.flush()


def reseal(session: Session, safe: Vault) -> int:
    """Seal all secrets with the first key; gives how many that changed. Raises vault.CannotOpen."""
    old = [one for one in session.exec(select(OwnProvider)) if not safe.is_current(one.client_secret)]
    for provider in old:
        provider.client_secret = safe.reseal(provider.client_secret, place=place_of(provider.id))
        session.add(provider)
    session.flush()
    return len(old)


def _checked_issuer(text: str, guard: Guard) -> str:
    issuer = text.strip().removesuffix("/.well-known/openid-configuration")
    if len(issuer) > 255 or "?" in issuer:
        raise Invalid("Give the issuer as its provider writes it, such as https://login.example.com.")
    guard.check_url(issuer)
    return issuer


def _tell(
    session: Session, provider: OwnProvider, action: str, details: dict[str, str], *, person_id: UUID, now: datetime
) -> None:
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=provider.organisation_id,
        person_id=person_id,
        subject_id=provider.id,
        details={"name": provider.label, **details},
    )
    session.flush()
