"""What stands on the stage: the full server, and a gateway in front of it, each a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from app.core import clock, db
from app.integrations.models import Integration
from app.keys.models import Key
from tests import databases
from tests.factories import Factory
from tests.gateway.processes import GatewayProcess, gateway_process
from tests.sandbox.processes import free_port, running

SLUG = "full"


@dataclass(frozen=True)
class Stage:
    """upstream: the full server's own address. url: the same through the gateway, for whoever has `secret`."""

    upstream: str
    gateway: GatewayProcess
    secret: str
    make: Factory
    key: Key

    @property
    def url(self) -> str:
        return self.url_of(SLUG)

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.gateway.port}"

    def url_of(self, slug: str) -> str:
        return f"{self.gateway.url}/mcp/{slug}"


@contextmanager
def full_server(folder: Path) -> Iterator[str]:
    """The address of a running full server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        "tests.conformance.full_server", str(port), ready_url=f"{url}/healthz", log=folder / f"full-server-{port}.log"
    ):
        yield f"{url}/mcp"


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A full server with a running gateway in front of it and one key, on a SQLite database of their own."""
    database_url = f"sqlite:///{databases.sqlite_template(folder)}"
    engine = db.create(database_url)
    with full_server(folder) as upstream, Session(engine, expire_on_commit=False) as session:
        make = Factory(session, clock.now())
        secrets: list[str] = []
        key = make.key(secret=secrets)
        register(make, SLUG, upstream)
        with gateway_process(database_url, folder, log_level="WARNING") as gateway:
            yield Stage(upstream, gateway, secrets[0], make, key)
    engine.dispose()


def register(make: Factory, slug: str, url: str) -> Integration:
    """The one place where these tests put a server behind the gateway, with all it has open to every key."""
    integration = make.integration(slug, upstream_url=url)
    make.session.commit()
    return integration
