"""Seats of an organisation at the moment: how many there are, how many are taken, and what mends it when all are."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.organisations import inviting
from app.organisations.models import Organisation
from app.plans import queries as plans
from app.plans import seats


@dataclass(frozen=True, slots=True)
class Seats:
    """most: 0 for as many as one likes. promised: by open invitations by mail. plan: its slug, "" for none.
    can_add: whether the plan sells more.
    """

    most: int
    taken: int
    promised: int
    plan: str
    can_add: bool

    @property
    def is_full(self) -> bool:
        """Whether nobody more can be invited."""
        return bool(self.most) and self.taken + self.promised >= self.most


def of(session: Session, organisation: Organisation, *, now: datetime) -> Seats:
    """As its plan of this moment says."""
    taken = seats.members(session, organisation)
    promised = inviting.count_waiting(session, organisation, now=now)
    standing = plans.standing(session, organisation.id, at=now)
    if standing is None:
        return Seats(0, taken, promised, "", can_add=False)
    held, said = standing.subscription, standing.offer.document
    most = held.seats if held is not None else said.seats_included
    return Seats(most, taken, promised, standing.offer.plan.slug, can_add=said.seats_most > most)
