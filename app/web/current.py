"""What the request in hand knows, typed: `current.session`, `current.settings`, `current.now`.

`accounts` and `organisations` add who is asking (`current.person`, `current.organisation`): views import `current` from
the guards they stand behind, so that asking for more than a guard has established does not type-check.
"""

from datetime import datetime
from typing import cast

from flask import current_app, g
from sqlmodel import Session

from app.core import clock, logs
from app.core.config import Settings
from app.web import database

EXTENSION = "postern.settings"


class Current:
    """Reads the request's context; holds nothing itself."""

    @property
    def settings(self) -> Settings:
        """The settings that this portal was made with."""
        return cast(Settings, current_app.extensions[EXTENSION])

    @property
    def session(self) -> Session:
        """The request's database session, opened at first use; committed after the view if the answer is below 400."""
        return database.session()

    @property
    def now(self) -> datetime:
        """When this request arrived, aware UTC: the same however often it is asked for."""
        if "now" not in g:
            g.now = clock.now()
        return cast(datetime, g.now)

    @property
    def request_id(self) -> str:
        """The reference that stands in the log, in the answer's header and on error pages."""
        return logs.current_request_id() or ""


current = Current()
