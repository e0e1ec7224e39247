"""What stands on the stage: the full server, and a gateway in front of it, each a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from app.core import clock, config, db
from app.integrations import approvals, queries, refreshing, snippets
from app.integrations import services as integrations
from app.integrations.models import Integration
from app.integrations.trail import Trail
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
        return snippets.key_address(self.gateway.url, slug)


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


def register(make: Factory, slug: str, url: str, *, moves_to: str = "") -> Integration:
    """The one place where these tests put a server behind the gateway: looked at and approved as an operator would.

    moves_to: another address that it has once its tools are known.
    """
    session, now = make.session, make.now
    integration = integrations.add(session, slug=slug, name=slug.title(), summary="", upstream_url=url, now=now)
    looked = refreshing.refresh(session, integration, refreshing.means(config.load()), clock=clock.now)
    assert looked.error == ""
    approvals.approve(Trail(session, integration, now), queries.tools_of(session, integration))
    if moves_to:
        integrations.move(session, integration=integration, upstream_url=moves_to, now=now)
    session.commit()
    return integration
