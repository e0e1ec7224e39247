"""Seats: how many people an organisation has, against how many its plan has places for."""

from sqlalchemy import func
from sqlmodel import Session, select

from app.core.errors import Conflict
from app.organisations.models import Membership, Organisation
from app.plans.choosing import Choice


def members(session: Session, organisation: Organisation) -> int:
    """How many people belong to it."""
    statement = select(func.count()).select_from(Membership).where(Membership.organisation_id == organisation.id)
    return int(session.exec(statement).one())


def check(session: Session, organisation: Organisation, choice: Choice) -> None:
    """Raises Conflict, in words, where more people belong to it than the choice has seats for; 0 seats hold anybody."""
    found, most = members(session, organisation), choice.seats
    if most and found > most:
        places = f"{most} seat{'' if most == 1 else 's'}"
        advice = (
            "Choose more seats, or remove somebody first."
            if choice.offer.document.seats_most >= found
            else "Remove somebody first, or choose a plan with more seats."
        )
        raise Conflict(
            f"{found} people belong to “{organisation.name}”, and “{choice.offer.document.name}” would have {places}. "
            f"{advice}"
        )
