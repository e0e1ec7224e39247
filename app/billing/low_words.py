"""What is said of credit that runs low or is used up, by mail and to webhooks."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.billing import alert_words, alerts
from app.core import mail
from app.organisations.models import Organisation
from app.plans import amounts
from app.webhooks import services as webhooks
from app.webhooks.models import CREDIT_LOW, CREDIT_USED_UP

TEMPLATE = "credit_low"
PATH = "/billing/wallet/"


@dataclass(frozen=True, slots=True)
class Said:
    """left, bought (the last time): nano-minor-units. is_gift: whether that was given, since nothing was ever bought.

    is_automatic: whether that top-up is on. key: of this time.
    """

    organisation: Organisation
    currency: str
    left: int
    bought: int
    is_gift: bool
    is_used_up: bool
    is_automatic: bool
    key: str


def sentence(left: int, currency: str, *, is_used_up: bool) -> str:
    """“Credit is running low: $1.50 are left.”"""
    if is_used_up:
        return "Credit is used up."
    return f"Credit is running low: {amounts.shown(left, currency=currency)} are left."


def tell(session: Session, said: Said, *, mode: str, now: datetime) -> int:
    """Queue it all; gives 1. Whoever wants no warnings by mail gets none of these either."""
    kind = CREDIT_USED_UP if said.is_used_up else CREDIT_LOW
    organisation, key = said.organisation, f"{kind}:{said.key}"
    webhooks.tell(session, organisation_id=organisation.id, kind=kind, data=_message(said), key=key, now=now)
    _, by_mail = alerts.setting_of(session, organisation.id)
    for address in alert_words.recipients(session, organisation, mode=mode) if by_mail else []:
        mail.queue(
            session,
            to=address,
            template=TEMPLATE,
            context=_letter(said),
            key=key,
            now=now,
            organisation_id=organisation.id,
        )
    return 1


def _letter(said: Said) -> dict[str, mail.Words]:
    name = said.organisation.name
    return {
        "title": f"Credit of {name} {'is used up' if said.is_used_up else 'is running low'}",
        "organisation": name,
        "left": amounts.shown(said.left, currency=said.currency),
        "bought": amounts.shown(said.bought, currency=said.currency),
        "was": "given" if said.is_gift else "bought",
        "consequence": _consequence(said),
        "path": PATH,
    }


def _consequence(said: Said) -> str:
    if not said.is_used_up:
        return "When it is used up, calls that cost something are refused until there is more."
    refused = "Calls that cost more than is left are refused; they pass again within seconds of there being more."
    if said.is_automatic:
        return f"{refused} Automatic top-up is on: the page says whether it buys more."
    return refused


def _message(said: Said) -> dict[str, object]:
    return {
        "organisation": said.organisation.slug,
        "words": sentence(said.left, said.currency, is_used_up=said.is_used_up),
        "left": amounts.written(said.left, currency=said.currency),
        "bought_last": amounts.written(said.bought, currency=said.currency),
        "currency": said.currency,
    }
