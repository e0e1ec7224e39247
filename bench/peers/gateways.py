"""How each peer is started in front of an upstream, with one key, and how it is called."""

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench import calls, fetch, machine
from bench.peers import environments
from bench.problems import Unmeasurable
from bench.processes import Process, running
from bench.wrk import Request

PROGRAMS = Path(__file__).with_name("programs")
START_TIMEOUT_S = 120.0
COMMAND_TIMEOUT_S = 60.0
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": calls.HANDSHAKE,
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}

Started = AbstractContextManager[tuple[Process, Request]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer is started. core: None leaves it to the system."""

    upstream_url: str
    folder: Path
    core: int | None


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway as the tables name it. lock: of its environment. start: from the Python of that."""

    name: str
    package: str
    lock: str
    start: Callable[[str, Path, Place], Started]

    @property
    def version(self) -> str:
        return environments.version(self.lock, self.package)

    def started(self, place: Place) -> Started:
        """It and the call to make. Raises Unmeasurable when it cannot be installed or does not start."""
        return self.start(self.name, environments.python(self.lock, self.package), place)


@contextmanager
def _fastmcp(mode: str, name: str, python: Path, place: Place) -> Iterator[tuple[Process, Request]]:
    """mode: as programs/fastmcp_proxy.py has them."""
    port, key = machine.free_port(), secrets.token_urlsafe(32)
    command = [str(python), "-P", str(PROGRAMS / "fastmcp_proxy.py"), mode, str(port), place.upstream_url]
    settings = {"KEY": key, "FASTMCP_CHECK_FOR_UPDATES": "off"}
    with _running(name, command, place, settings, lambda: fetch.listens(port)) as process:
        yield process, in_session(f"http://127.0.0.1:{port}/mcp", key, "echo")


@contextmanager
def _contextforge(is_stateful: bool, name: str, python: Path, place: Place) -> Iterator[tuple[Process, Request]]:
    port = machine.free_port()
    address = f"http://127.0.0.1:{port}"
    settings = _contextforge_settings(place.folder, is_stateful=is_stateful)
    command = [str(python.with_name("mcpgateway")), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    with _running(name, command, place, settings, lambda: fetch.answers(f"{address}/health")) as process:
        key = _contextforge_key(python, settings)
        _contextforge_register(address, key, place.upstream_url)
        url, tool = f"{address}/mcp/", "bench-echo"
        yield (
            process,
            in_session(url, key, tool) if is_stateful else calls.request(url, key, calls.HANDSHAKE, tool=tool),
        )


def _contextforge_settings(folder: Path, *, is_stateful: bool) -> dict[str, str]:
    """Its defaults, but for what its safety asks for, rates that would refuse the load, and caches in memory."""
    password = f"{secrets.token_urlsafe(24)}aA1!"
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'contextforge.db'}",
        "CACHE_TYPE": "memory",
        "ENVIRONMENT": "production",
        "AUTH_REQUIRED": "true",
        "JWT_SECRET_KEY": secrets.token_urlsafe(40),
        "AUTH_ENCRYPTION_SECRET": secrets.token_urlsafe(40),
        "BASIC_AUTH_PASSWORD": password,
        "PLATFORM_ADMIN_EMAIL": "bench@example.com",
        "PLATFORM_ADMIN_PASSWORD": password,
        "DEFAULT_USER_PASSWORD": password,
        "MCPGATEWAY_UI_ENABLED": "false",
        "MCPGATEWAY_ADMIN_API_ENABLED": "false",
        "RATE_LIMITING_ENABLED": "false",
        "TOOL_RATE_LIMIT": "1000000000",
        "SSRF_ALLOW_LOCALHOST": "true",  # where the upstream listens
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "LOG_LEVEL": "ERROR",
        "USE_STATEFUL_SESSIONS": str(is_stateful).lower(),
    }


def _contextforge_key(python: Path, settings: Mapping[str, str]) -> str:
    """A token of its administrator, made by its own command."""
    command = [
        str(python),
        "-m",
        "mcpgateway.utils.create_jwt_token",
        "--username",
        "bench@example.com",
        "--exp",
        "600",
    ]
    environment = {**os.environ, **settings}
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, timeout=COMMAND_TIMEOUT_S
        )
    except (subprocess.SubprocessError, OSError):
        raise Unmeasurable("ContextForge made no token.") from None
    return done.stdout.strip().splitlines()[-1]


def _contextforge_register(address: str, key: str, upstream_url: str) -> None:
    message = json.dumps({"name": "bench", "url": upstream_url, "transport": "STREAMABLEHTTP"})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = fetch.send(f"{address}/gateways", headers, message)
    if answer.status not in {200, 201}:
        raise Unmeasurable(f"ContextForge does not take the upstream: {answer.status} {answer.body[:300]!r}")


@contextmanager
def _litellm(name: str, python: Path, place: Place) -> Iterator[tuple[Process, Request]]:
    """Its master key is its one key; without a database, even where one is set for others, it checks that in memory."""
    port, key = machine.free_port(), f"sk-{secrets.token_urlsafe(32)}"
    address = f"http://127.0.0.1:{port}"
    server = {"url": place.upstream_url, "transport": "http", "auth_type": "none", "allow_all_keys": True}
    config = {"general_settings": {"master_key": key}, "mcp_servers": {"bench": server}}
    file = place.folder / "litellm.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")  # YAML has room for JSON
    command = [
        "env",
        "-u",
        "DATABASE_URL",
        str(python.with_name("litellm")),
        "--config",
        str(file),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--num_workers", "1", "--telemetry", "False"]
    settings = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with _running(name, command, place, settings, lambda: fetch.answers(f"{address}/health/liveliness")) as process:
        yield process, in_session(f"{address}/bench/mcp", key, "echo")


PEERS = (
    Peer("FastMCP", "fastmcp", "fastmcp", partial(_fastmcp, "default")),
    Peer("FastMCP, one client", "fastmcp", "fastmcp", partial(_fastmcp, "shared")),
    Peer("ContextForge", "mcp-contextforge-gateway", "contextforge", partial(_contextforge, False)),
    Peer("ContextForge, sessions", "mcp-contextforge-gateway", "contextforge", partial(_contextforge, True)),
    Peer("LiteLLM", "litellm", "litellm", _litellm),
)


def in_session(url: str, key: str, tool: str) -> Request:
    """The call in a session that is opened now, which all callers share. Raises Unmeasurable when none is opened."""
    request = calls.request(url, key, calls.HANDSHAKE, tool=tool)
    try:
        opened = fetch.send(url, request.headers, json.dumps(INITIALIZE))
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        accepted = fetch.send(url, {**request.headers, **session}, json.dumps(INITIALIZED))
    except (OSError, KeyError) as problem:
        raise Unmeasurable(f"It opens no session: {problem!r}") from None
    if (opened.status, accepted.status) != (200, 202):
        raise Unmeasurable(f"It opens no session: {opened.status}, {accepted.status}")
    return replace(request, headers={**request.headers, **session})


def _running(
    name: str, command: list[str], place: Place, settings: Mapping[str, str], is_ready: Callable[[], bool]
) -> AbstractContextManager[Process]:
    return running(
        name,
        command,
        folder=place.folder,
        environment={**settings, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"},
        cwd=place.folder,
        core=place.core,
        is_ready=is_ready,
        start_timeout_s=START_TIMEOUT_S,
    )
