"""What kinds of mail there are, and who does not want which.

Each template of templates/emails/ is of one kind (tests/core/test_mail_kinds.py). A kind can be refused by whoever
reads the mailbox: on their account's page, or by the link in each such mail, without signing in (RFC 8058). Mail about
security cannot. What is refused belongs to the address, since mail goes to addresses that are nobody's account, too.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Column, delete
from sqlmodel import Field, Session, SQLModel, col, select

from app.core import vault
from app.core.config import Settings
from app.core.db import UtcDateTime
from app.core.errors import NotFound
from app.core.vault import CannotOpen

PLACE = "mail.refusing"


class Kind(NamedTuple):
    """title: for a list of kinds. words: what it is about. can_be_refused: save for security, always."""

    title: str
    words: str
    can_be_refused: bool = True


SECURITY = "security"
KINDS = {
    "limits": Kind("Limits and credit", "A share of a cap or of free units is used; credit runs low or is used up."),
    "payments": Kind(
        "Invoices and payments", "An invoice is unpaid; credit was bought automatically, or could not be."
    ),
    "plans": Kind("Your plan", "What your plan costs or allows will change, or does not change after all."),
    "unusual": Kind(
        "Unusual use", "Far more calls than usual, or many that fail; a key used by somebody new, or no longer at all."
    ),
    "tools": Kind("Tools that changed", "Tools of an integration that you use are not what was approved."),
    "keys": Kind("Keys that end", "A key expires soon, or an earlier secret of one ends while it is still used."),
    "organisations": Kind("Organisations", "You are invited; an organisation changes hands, closes or is deleted."),
    SECURITY: Kind(
        "Security", "Leaked keys, your own sign-in provider, and what was asked for by hand.", can_be_refused=False
    ),
}
TEMPLATES = {
    "bill_unpaid": "payments",
    "credit_low": "limits",
    "domain_lapsed": SECURITY,
    "invitation": "organisations",
    "key_ending": "keys",
    "key_leaked": SECURITY,
    "limit_alert": "limits",
    "organisation_closing": "organisations",
    "organisation_deleted": "organisations",
    "organisation_transferred": "organisations",
    "plan_changes": "plans",
    "plan_stays": "plans",
    "test": SECURITY,
    "tools_changed": "tools",
    "top_up_at_most": "payments",
    "top_up_made": "payments",
    "top_up_stopped": "payments",
    "unusual_use": "unusual",
}
"""By name of the template. A new one gets its line here."""


class MailRefusal(SQLModel, table=True):
    """That nobody reads mail of this kind at this address. address: in small letters."""

    __tablename__ = "mail_refusal"

    address: str = Field(max_length=254, primary_key=True)
    kind: str = Field(max_length=20, primary_key=True)
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


def kind_of(template: str) -> str:
    """Of a template; what is not in the table is sent to everybody."""
    return TEMPLATES.get(template, SECURITY)


def refused(session: Session, address: str) -> set[str]:
    """The kinds that are not sent there."""
    return set(session.exec(select(MailRefusal.kind).where(MailRefusal.address == address.lower())))


def is_refused(session: Session, address: str, template: str) -> bool:
    """Whether nobody wants it there."""
    kind = kind_of(template)
    return KINDS[kind].can_be_refused and kind in refused(session, address)


def refuse(session: Session, address: str, kind: str, *, now: datetime) -> bool:
    """Send no more mail of this kind there; gives False if it was so already. Raises NotFound for a kind that is not
    there, or that cannot be refused.
    """
    _check(kind)
    if session.get(MailRefusal, (address.lower(), kind)) is not None:
        return False
    session.add(MailRefusal(address=address.lower(), kind=kind, since=now))
    session.flush()
    return True


def choose(session: Session, address: str, wanted: Collection[str], *, now: datetime) -> None:
    """Of all kinds that can be refused, send `wanted` there and no other."""
    accepted = [kind for kind in wanted if kind in KINDS]
    session.execute(
        delete(MailRefusal).where(col(MailRefusal.address) == address.lower(), col(MailRefusal.kind).in_(accepted))
    )
    for kind, about in KINDS.items():
        if about.can_be_refused and kind not in accepted:
            refuse(session, address, kind, now=now)


def refusal_url(settings: Settings, address: str, template: str) -> str:
    """Where mail of this kind is refused for this address without signing in; "" for what cannot be."""
    kind = kind_of(template)
    if not KINDS[kind].can_be_refused:
        return ""
    token = vault.from_settings(settings).seal(f"{kind} {address}", place=PLACE).rstrip("=")
    return f"{settings.portal_url.rstrip('/')}/mail/off/{token}"


def opened(settings: Settings, token: str) -> tuple[str, str]:
    """(kind, address) of such a link. Raises NotFound for one that we did not make."""
    try:
        padding = "=" * (-len(token.rpartition(".")[2]) % 4)
        kind, _, address = vault.from_settings(settings).open(token + padding, place=PLACE).partition(" ")
    except (CannotOpen, ValueError):
        raise NotFound("This link is not whole, or too old. Sign in and choose on the page of your mail.") from None
    _check(kind)
    return kind, address


def _check(kind: str) -> None:
    if kind not in KINDS or not KINDS[kind].can_be_refused:
        raise NotFound("There is no such kind of mail that could be turned off.")
