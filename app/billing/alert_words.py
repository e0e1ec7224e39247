"""Warnings in words, and whom they go to."""

from sqlmodel import Session

from app.billing import customers
from app.billing.watching import FREE_UNITS, Watched
from app.core import moments
from app.core.mail import Words
from app.limits import models, wording
from app.organisations import queries as organisations
from app.organisations.models import Organisation
from app.plans import amounts

_BEYOND = {
    models.STOP: "calls that would go beyond it are refused",
    models.SLOW: f"calls beyond it slow down to {models.SLOW_PER_MINUTE} a minute",
    models.NOTIFY: "calls go on, because it only notifies",
}


def sentence(one: Watched, threshold: int) -> str:
    """“80 % of the cap of $50.00 a month for all calls is used.”"""
    what = f"{thing(one)} for {one.whose}"[:200]
    return f"{what[:1].upper()}{what[1:]} is used up." if threshold >= 100 else f"{threshold} % of {what} is used."


def thing(one: Watched) -> str:
    """“the cap of $50.00 a month”."""
    name = "cap" if one.is_cap else "allowance"
    return f"the {name} of {one.most_shown} a {one.period}"


def consequence(one: Watched, threshold: int) -> str:
    """What happens to calls at the limit, in a whole sentence."""
    until = f"until {moments.words(one.ends_at)}"
    if one.measure == FREE_UNITS:
        return f"What comes beyond it {until} is charged by your plan’s prices."
    said = _BEYOND[one.rule.action if one.rule is not None else models.STOP]
    when = "From now on" if threshold >= 100 else "Once it is used up,"
    return f"{when} {said}, {until}."


def letter(organisation: Organisation, one: Watched, threshold: int) -> dict[str, Words]:
    """What the template limit_alert is filled with."""
    return {
        "title": sentence(one, threshold).rstrip("."),
        "organisation": organisation.name,
        "used": one.used_shown,
        "most": one.most_shown,
        "percent": one.percent,
        "whose": one.whose,
        "since": moments.words(one.begins_at),
        "until": moments.words(one.ends_at),
        "consequence": consequence(one, threshold),
        "path": wording.PAGE,
    }


def message(organisation: Organisation, one: Watched, threshold: int) -> dict[str, object]:
    """The same for webhooks. most, used: decimal text of the currency for money, else whole numbers."""
    rule = one.rule
    selects = (rule.key_id, rule.integration_id, rule.tool) if rule is not None else (None, None, "")
    key_id, integration_id, tool = selects
    return {
        "organisation": organisation.slug,
        "threshold_percent": threshold,
        "words": sentence(one, threshold),
        "measure": one.measure.replace(" ", "_"),
        "period": one.period,
        "period_begins_at": one.begins_at.isoformat().replace("+00:00", "Z"),
        "period_ends_at": one.ends_at.isoformat().replace("+00:00", "Z"),
        "most": amounts.written(one.most, currency=one.currency) if one.is_cap else one.most,
        "used": amounts.written(max(0, one.used), currency=one.currency) if one.is_cap else one.used,
        "currency": one.currency if one.is_cap else None,
        "key_id": str(key_id) if key_id is not None else None,
        "integration_id": str(integration_id) if integration_id is not None else None,
        "tool": tool or None,
        "set_by": rule.set_by if rule is not None else "plan",
        "action": rule.action if rule is not None else None,
    }


def recipients(session: Session, organisation: Organisation, *, mode: str) -> list[str]:
    """Where bills go, and everybody who may change caps; each address once."""
    account = customers.account_of(session, organisation.id, mode)
    found = [account.email] if account is not None else []
    found += organisations.addresses_with(session, organisation.id, "billing:write")
    return list({email.casefold(): email for email in reversed(found) if email}.values())[::-1]
