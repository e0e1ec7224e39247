"""What a look at use has found, before anybody is told."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Found:
    """As models.UseAlert."""

    organisation_id: UUID
    rule: str
    key: str
    words: str
    began_at: datetime
    about: str = ""
    key_id: UUID | None = None
    place: str = ""
    is_told: bool = True
