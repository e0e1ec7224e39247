"""Returning what dead gateways had reserved: for the worker, so that it happens also when no gateway is left."""

from datetime import timedelta

from sqlmodel import Session

from app.core import clock
from app.limits import leases
from app.limits.lifeline import Watch


class Undertaker:
    """Watches from one run to the next: keep one, and run it every few seconds."""

    def __init__(self) -> None:
        self._watch: Watch | None = None

    def run(self, session: Session, *, dead_after_s: float) -> int:
        """Return the leases of the dead, each in a transaction of its own; forget old empty ones. Gives how many."""
        self._watch = self._watch or Watch(dead_after_s=dead_after_s)
        returned = 0
        for process_id, seen_at in self._watch.dead(leases.processes(session.connection())).items():
            session.commit()
            returned += leases.retire(session.connection(), process_id, seen_at=seen_at) or 0
        session.commit()
        return returned + leases.forget(session.connection(), before=clock.now() - timedelta(days=40))
