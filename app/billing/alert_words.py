"""Warnings in words, and whom they go to."""

from datetime import datetime

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.billing import customers
from app.billing.watching import FREE_UNITS, Watched
from app.core.mail import Words
from app.limits import models, wording
from app.organisations import roles
from app.organisations.models import Membership, Organisation

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
    until = f"until {_moment(one.ends_at)}"
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
        "since": _moment(one.begins_at),
        "until": _moment(one.ends_at),
        "consequence": consequence(one, threshold),
        "path": wording.PAGE,
    }


def recipients(session: Session, organisation: Organisation, *, mode: str) -> list[str]:
    """Where bills go, and everybody who may change caps; each address once."""
    account = customers.account_of(session, organisation.id, mode)
    found = [account.email] if account is not None else []
    wanted = [role for role in roles.PERMISSIONS if roles.may(role, "billing:write")]
    statement = (
        select(Person.email)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.organisation_id == organisation.id, col(Membership.role).in_(wanted))
        .order_by(col(Membership.joined_at), col(Person.id))
    )
    found += [email for email in session.exec(statement) if email]
    return list({email.casefold(): email for email in reversed(found) if email}.values())[::-1]


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
