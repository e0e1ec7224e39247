"""What is left behind by whatever happens to an integration's tools: audit rows, decisions, and news for gateways."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import audit, changes
from app.integrations import queries
from app.integrations.models import Integration


@dataclass(frozen=True, slots=True)
class Trail:
    """Of one act. person_id: who acted; None when it was the command line or a job."""

    session: Session
    integration: Integration
    now: datetime
    person_id: UUID | None = None

    def note(self, action: str, tool: str, *, digest: str = "") -> None:
        """Write it down for whoever asks later. digest: of the definition that it is about."""
        audit.record(
            self.session,
            action=action,
            now=self.now,
            person_id=self.person_id,
            subject_id=self.integration.id,
            details={"slug": self.integration.slug, "tool": tool, "digest": digest},
        )

    def close(self, tool: str, decision: str) -> bool:
        """Decide about all open changes of a tool; gives whether there were any."""
        self.session.flush()
        undecided = queries.undecided(self.session, integration_id=self.integration.id, tool=tool)
        for change in undecided:
            change.decision, change.decided_at, change.decided_by_id = decision, self.now, self.person_id
            self.session.add(change)
        return bool(undecided)

    def tell_gateways(self) -> None:
        """What they serve has changed."""
        self.session.flush()
        changes.record(self.session, kind="tool", subject_id=self.integration.id, now=self.now)
