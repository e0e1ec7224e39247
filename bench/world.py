"""What the measured processes find: a migrated SQLite database, somebody's organisation, keys, usage, and settings."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, text
from sqlmodel import Session

from app.accounts.models import BrowserSession
from app.core import clock, crypto, db, migrate
from app.organisations import services as organisations
from bench import machine
from tests.factories import Factory

SLUG = "bench"
KEYS = 20
PER_ORGANISATION = 100
DAYS = 30
TOOLS = ("echo", "search", "summarise", "translate", "stream", "slow", "large")
PORTAL_HOST = "portal.example"
COOKIE = "__Host-postern_session"


@dataclass(frozen=True, slots=True)
class World:
    """engine: to look at what was written. environment: the settings. key: the secret of one of the keys; keys: of
    all that are that person's.

    cookie: what a browser that is signed in sends.
    """

    engine: Engine
    environment: dict[str, str]
    gateway_port: int
    portal_port: int
    keys: tuple[str, ...]
    cookie: str

    @property
    def key(self) -> str:
        return self.keys[0]

    def events(self) -> dict[str, int]:
        """How many usage events the ledger holds, by status."""
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT status, count(*) AS events FROM usage_event GROUP BY status"))
            return {row.status: row.events for row in rows}


def create(
    folder: Path, *, upstream_url: str, database_url: str = "", keys: int = KEYS, has_calls: bool = True
) -> World:
    """A world in `folder`, with the integration `SLUG` at `upstream_url`. database_url: else a SQLite file there.

    has_calls: False for a ledger that somebody else fills.
    """
    database_url = database_url or f"sqlite:///{folder / 'postern.db'}"
    engine = db.create(database_url)
    migrate.upgrade(engine)
    token = crypto.random_token()
    with Session(engine, expire_on_commit=False) as session:
        found = _fill(session, upstream_url=upstream_url, token=token, keys=keys, has_calls=has_calls)
        session.commit()
    gateway_port, portal_port = machine.free_port(), machine.free_port()
    return World(
        engine=engine,
        environment=_settings(folder, database_url, gateway_port=gateway_port, portal_port=portal_port),
        gateway_port=gateway_port,
        portal_port=portal_port,
        keys=found,
        cookie=f"{COOKIE}={token}",
    )


def _fill(session: Session, *, upstream_url: str, token: str, keys: int, has_calls: bool) -> tuple[str, ...]:
    """About `keys` keys, 20 of them one person's, who has 30 days of usage; answers the secrets of those."""
    now = clock.now()
    make = Factory(session, now)
    person = make.person(is_operator=True)
    organisation = organisations.create_personal(session, person=person, now=now)
    integration = make.integration(SLUG, upstream_url=upstream_url, tools=TOOLS)
    found: list[str] = []
    made = [make.key(organisation, name=f"Program {n}", person_id=person.id, secret=found) for n in range(KEYS)]
    for _ in range(0, keys - KEYS, PER_ORGANISATION):
        other = make.organisation()
        for n in range(PER_ORGANISATION):
            make.key(other, name=f"Program {n}")
    for hour in range(DAYS * 24 if has_calls else 0):
        status = "tool_error" if hour % 17 == 0 else "ok"
        at = now - timedelta(hours=hour)
        make.call(made[hour % 3], integration, at=at, tool=TOOLS[hour % 4], status=status)
    data: dict[str, object] = {"_user_id": str(person.id), "_fresh": True}
    digest = crypto.digest(token)
    session.add(BrowserSession(token_digest=digest, person_id=person.id, data=data, created_at=now, last_seen_at=now))
    return tuple(found)


def _settings(folder: Path, database_url: str, *, gateway_port: int, portal_port: int) -> dict[str, str]:
    """As in production, where nothing is reloaded and everything is checked; one core, so one process each."""
    provider = (
        '[{"name": "local", "label": "Example", "client_id": "bench", "client_secret": "bench", '
        '"discovery_url": "https://identity.example/.well-known/openid-configuration"}]'
    )
    return {
        "POSTERN_ENVIRONMENT": "production",
        "POSTERN_SECRET_KEY": secrets.token_urlsafe(32),
        "POSTERN_ENCRYPTION_KEYS": f'["{secrets.token_urlsafe(32)}"]',
        "POSTERN_DATA_DIR": str(folder),
        "POSTERN_DATABASE_URL": database_url,
        "POSTERN_PORTAL_URL": f"https://{PORTAL_HOST}",
        "POSTERN_GATEWAY_URL": "https://gateway.example",
        "POSTERN_OIDC_PROVIDERS": provider,
        "POSTERN_PRIVATE_NETWORKS": '["127.0.0.0/8"]',  # where its integration listens
        "POSTERN_KEY_CALLS_PER_MINUTE": "1000000000",  # counted like any other limit, and never reached
        "POSTERN_GATEWAY_PORT": str(gateway_port),
        "POSTERN_PORTAL_PORT": str(portal_port),
        "POSTERN_GATEWAY_METRICS_PORT": str(machine.free_port()),
        "POSTERN_PORTAL_METRICS_PORT": str(machine.free_port()),
        "POSTERN_PORTAL_WORKERS": "1",
    }
