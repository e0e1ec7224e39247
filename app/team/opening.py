"""What every new organisation begins with, whoever makes it."""

from datetime import datetime

from sqlmodel import Session

from app.limits import entitlements
from app.organisations.models import Organisation
from app.plans import queries as plans
from app.plans import succession


def equip(session: Session, *, organisation: Organisation, now: datetime) -> None:
    """The default plan with its limits, if there is one already; else the worker sees to it once there is."""
    usual = plans.default(session, at=now)
    if usual is not None:
        succession.enrol_one(session, organisation=organisation, usual=usual, now=now)
        entitlements.apply(session, organisation=organisation, now=now)
