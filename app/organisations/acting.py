"""Who asks for a change in an organisation: one of its members, or a program with one of its admin keys."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """person_id: None for a program. name: for whoever reads of it. role: of roles.py, what they may do there."""

    person_id: UUID | None
    name: str
    role: str
