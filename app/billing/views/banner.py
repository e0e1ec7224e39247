"""What stands above the pages of the console while something about paying is wrong, and the one thing that mends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import g, url_for

from app.billing import automatic, forms, invoices, used_up
from app.billing.models import PAST_DUE, PAUSED, UNPAID, BillingAccount
from app.billing.views.console import account
from app.organisations.guards import current
from app.plans import owing
from app.plans import queries as plans

WORDS = {
    PAST_DUE: ("Your last invoice could not be collected", "It is tried again over the next days."),
    UNPAID: ("An invoice is unpaid", "It was tried several times, and is not tried again by itself."),
    PAUSED: ("Your subscription is paused", "{way}"),
}
RESUMES = "Resume the plan, and it is charged to {card}."
GIVES_CARD = "There is no card that it could be paid with. Give one, then resume the plan."
STOPPED = "Calls of tools that have a price are stopped until it is paid; then they pass again within seconds."
STOPPED_BY_PAUSE = "Calls of tools that have a price are stopped until then."
USED_UP = {
    used_up.CREDIT: (
        "Your credit is used up", "Calls are refused until there is more.", "billing.wallet", "Buy credit",
    ),
    used_up.CAP: (
        "Your cap is reached", "You allow {limit}; calls that would go beyond that are refused.", "limits.index",
        "See all caps",
    ),
    used_up.PLAN: (
        "Your plan’s allowance is used up", "It allows {limit}; calls beyond that are refused.", "billing.plan",
        "See other plans",
    ),
    used_up.FREE: (
        "A call was refused because it costs something",
        "Your plan never bills, so only what costs nothing passes.",
        "billing.plan",
        "See other plans",
    ),
    used_up.OTHERS: (
        "A limit is reached", "Whoever runs this gateway allows {limit}; calls beyond that are refused.",
        "limits.index", "See all limits",
    ),
}  # fmt: skip
"""By whose it is: title, words, where it is mended and what the button says."""
LOOKS_BACK = 5
NAMED = 3
"""Of further caps that are reached; the button leads to all of them."""


@dataclass(frozen=True, slots=True)
class Banner:
    """bill_url: the open bill at Stripe, "" for none that is known; then a card is asked for. visit: for the form.
    link: address and words of what mends it instead, for what has nothing to do with a bill. resumes: whether a paused
    plan can go on.
    """

    title: str
    text: str
    bill_url: str
    is_danger: bool
    may_act: bool
    visit: str
    link: tuple[str, str] | None = None
    resumes: bool = False


def banner() -> Banner | None:
    """For the organisation whose page this is; None when all is well. A few look-ups by key on most pages."""
    if "place" not in g:
        return None
    found = account(current.session)
    if found is None:
        return _used_up(None)
    if found.state not in WORDS:
        return _top_up_stopped(found.mode) or _used_up(found)
    recent = invoices.of(current.session, current.organisation.id, found.mode, limit=LOOKS_BACK)
    bill = next((one.page_url for one in recent if one.state == "open"), "")
    title, text = WORDS[found.state]
    is_paused = found.state == PAUSED
    text = text.format(way=RESUMES.format(card=found.card) if found.card else GIVES_CARD)
    stops_at = _stops_at()
    is_stopped = stops_at is not None and stops_at <= current.now
    if is_stopped:
        text = f"{text} {STOPPED_BY_PAUSE if is_paused else STOPPED}"
    elif stops_at is not None:
        text = (
            f"{text} Until {stops_at.day} {stops_at:%B} your calls go on; then those of tools that have a price stop."
        )
    is_danger = is_stopped or found.state != PAST_DUE
    may, visit = current.may("billing:write"), str(forms.new_visit())
    return Banner(title, text, "" if is_paused else bill, is_danger, may, visit, resumes=is_paused and bool(found.card))


def _top_up_stopped(mode: str) -> Banner | None:
    auto = automatic.of(current.session, current.organisation.id, mode)
    if auto is None or not auto.is_on or not auto.stopped_why:
        return None
    text = f"This came back: “{auto.stopped_why}” Nothing was charged, and it is not tried again with that card. "
    text += "Give another, and it goes on by itself."
    title = "Automatic top-up has stopped"
    return Banner(title, text, "", True, current.may("billing:write"), str(forms.new_visit()))


def _used_up(payer: BillingAccount | None) -> Banner | None:
    currency = payer.currency if payer is not None else current.settings.currency
    found = used_up.used_up(current.session, current.organisation, currency=currency, now=current.now)
    if found is None:
        return None
    title, text, endpoint, words = USED_UP[found.whose]
    text = text.format(limit=found.words)
    if found.others:
        text = f"{text} {_too(found.others)}"
    if found.until is not None:
        text = f"{text} A new period begins on {found.until.day} {found.until:%B}, 00:00 UTC."
    link = (url_for(endpoint), words)
    return Banner(title, text, "", False, current.may("billing:write"), str(forms.new_visit()), link)


def _too(others: Sequence[str]) -> str:
    """“Reached, too: $5.00 a day for the key “ci”, $9.00 a month and 2 more.”"""
    more = len(others) - NAMED
    return f"Reached, too: {', '.join(others[:NAMED])}{f' and {more} more' if more > 0 else ''}."


def _stops_at() -> datetime | None:
    held = plans.subscription_at(current.session, current.organisation.id, current.now)
    return owing.stops_at(held, grace=current.settings.grace) if held is not None else None
