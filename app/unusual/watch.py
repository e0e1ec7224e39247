"""The worker's part: looks at everybody's use once a minute, tells what is unusual, and ends what is over."""

import logging
from datetime import datetime, timedelta

from sqlmodel import Session

from app.core import clock
from app.core.config import Settings
from app.unusual import places, queries, rules, services, silence, telling
from app.unusual.countries import Countries
from app.unusual.hours import Hours

log = logging.getLogger(__name__)

EVERY_S = 60.0
SILENCE_EVERY = timedelta(minutes=10)
PLACES_OPEN = timedelta(days=7)
"""A new place waits so long for somebody to look at it, and is no news afterwards."""
USUAL_AGAIN = "An hour went as usual."
NO_NEWS = "A week has gone by."


class Watch:
    """Remembers what is usual this hour; however many workers watch, each alert is told once."""

    def __init__(self) -> None:
        self._hours = Hours()
        self._silence_at: datetime | None = None
        self._countries: Countries | None = None

    def run(self, session: Session, settings: Settings, now: datetime) -> int:
        """Each rule in a transaction of its own; gives how many alerts were told."""
        if settings.geoip_db is not None and self._countries is None:
            self._countries = Countries(settings.geoip_db)
        told = 0
        for look in (self._look_at_hours, self._look_at_places, self._look_at_silence):
            try:
                told += look(session, now)
                session.commit()
            except Exception:  # one that surprises us must not keep the others from being told
                log.exception("use_alerts.failed", extra={"rule": look.__name__})
                session.rollback()
        return told

    def _look_at_hours(self, session: Session, now: datetime) -> int:
        found = self._hours.look(session, queries.choices(session), now=now)
        this_hour = clock.hour_of(now)
        for alert in queries.open_ones(session, rules.RATE, rules.ERRORS):
            if (alert.organisation_id, alert.rule) not in found and clock.hour_of(alert.began_at) < this_hour:
                services.end(session, alert, why=USUAL_AGAIN, now=now)
        return sum(telling.tell(session, one, now=now) for one in found.values())

    def _look_at_places(self, session: Session, now: datetime) -> int:
        for alert in queries.open_ones(session, *rules.PLACES):
            if alert.at <= now - PLACES_OPEN:
                services.end(session, alert, why=NO_NEWS, now=now)
        readers: dict[str, places.Read] = {rules.CLIENT: places.by_client}
        if self._countries is not None and self._countries.is_open():
            readers[rules.COUNTRY] = self._countries.of
        found = places.look(session, queries.choices(session), readers, now=now)
        return sum(telling.tell(session, one, now=now) for one in found)

    def _look_at_silence(self, session: Session, now: datetime) -> int:
        for alert, key in queries.open_silences(session):
            if why := silence.why_over(key, alert, now=now):
                services.end(session, alert, why=why, now=now)
        if self._silence_at is not None and now - self._silence_at < SILENCE_EVERY:
            return 0
        found = silence.look(session, queries.choices(session), now=now)
        told = sum(telling.tell(session, one, now=now) for one in found)
        self._silence_at = now
        return told
