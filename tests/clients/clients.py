"""The clients there are, and how each is sent on its visits."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.clients import environments
from tests.clients.situations import Visit
from tests.conformance import node

LONGEST_S = 180
LEGACY, AUTO, MODERN = "legacy", "auto", "2026-07-28"
PROGRAMS = Path(__file__).parent / "programs"
INSPECTOR = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"


@dataclass(frozen=True)
class Called:
    """What came of calling a tool. said: what a user is shown. progress: notifications seen; None if it shows none."""

    is_ok: bool
    said: str
    progress: int | None = None


@dataclass(frozen=True)
class Seen:
    """What came of a visit. refused: what a user is shown if it came to nothing. version: "" if it does not tell."""

    version: str = ""
    tools: int = 0
    calls: dict[str, Called] = field(default_factory=dict)
    refused: str = ""

    @property
    def said(self) -> str:
        """All that a user is shown."""
        return " ".join([self.refused, *(call.said for call in self.calls.values())]).strip()


@dataclass(frozen=True)
class Client:
    """mode: how it chooses the era. speaks: the revision that comes of it here. pays: goes on visits, by name.

    is_extra: left to `make clients`, because another mode of the same client says as much and time is short.
    """

    name: str
    mode: str
    speaks: str
    pays: Callable[[str, dict[str, Visit]], dict[str, Seen]]
    is_extra: bool = False

    def visit(self, visits: dict[str, Visit]) -> dict[str, Seen]:
        """What came of each. Raises NotInstallable where the client cannot be had."""
        return self.pays(self.mode, visits)

    def __str__(self) -> str:
        return f"{self.name}, {self.mode}"


def _python_sdk(mode: str, visits: dict[str, Visit]) -> dict[str, Seen]:
    return _run([sys.executable, PROGRAMS / "python_sdk.py"], mode, visits)


def _python_sdk_1(mode: str, visits: dict[str, Visit]) -> dict[str, Seen]:
    return _run([environments.python("mcp-1"), PROGRAMS / "python_sdk_1.py"], mode, visits)


def _fastmcp(mode: str, visits: dict[str, Visit]) -> dict[str, Seen]:
    return _run([environments.python("fastmcp"), PROGRAMS / "fastmcp_client.py"], mode, visits)


def _typescript(mode: str, visits: dict[str, Visit]) -> dict[str, Seen]:
    return _run([node.NODE, environments.node_program("typescript.mjs")], mode, visits)


def _typescript_1(mode: str, visits: dict[str, Visit]) -> dict[str, Seen]:
    return _run([node.NODE, environments.node_program("typescript_1.mjs")], mode, visits)


def _inspector(mode: str, visits: dict[str, Visit]) -> dict[str, Seen]:
    """It is a command line, run once for the list and once for each call."""
    with tempfile.TemporaryDirectory(prefix="postern-inspector-") as home:
        return {name: _inspected(mode, visit, home) for name, visit in visits.items()}


CLIENTS = (
    Client("Python SDK 2.3", LEGACY, "2025-11-25", _python_sdk),
    Client("Python SDK 2.3", AUTO, MODERN, _python_sdk),
    Client("Python SDK 2.3", MODERN, MODERN, _python_sdk, is_extra=True),
    Client("Python SDK 1.30", LEGACY, "2025-11-25", _python_sdk_1),
    Client("FastMCP 4.1", LEGACY, "2025-11-25", _fastmcp, is_extra=True),
    Client("FastMCP 4.1", AUTO, MODERN, _fastmcp),
    Client("FastMCP 4.1", MODERN, MODERN, _fastmcp, is_extra=True),
    Client("TypeScript SDK 2.4", LEGACY, "2025-11-25", _typescript),
    Client("TypeScript SDK 2.4", AUTO, MODERN, _typescript),
    Client("TypeScript SDK 2.4", MODERN, MODERN, _typescript, is_extra=True),
    Client("TypeScript SDK 1.32", LEGACY, "2025-11-25", _typescript_1),
    Client("Inspector 2.12", LEGACY, "", _inspector),
    Client("Inspector 2.12", AUTO, "", _inspector, is_extra=True),
)


def _run(program: list[object], mode: str, visits: dict[str, Visit]) -> dict[str, Seen]:
    plan = {"mode": mode, "visits": [{"name": name, **asdict(visit)} for name, visit in visits.items()]}
    done = subprocess.run(
        [*map(str, program), json.dumps(plan)],
        env=node.environment() | {"PYTHONPATH": ""},
        check=False,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    if done.returncode:
        raise RuntimeError(f"{program[-1]} broke down:\n{done.stdout}{done.stderr}")
    return {name: _seen(found) for name, found in json.loads(done.stdout).items()}


def _seen(found: dict) -> Seen:
    calls = {name: Called(**call) for name, call in found.get("calls", {}).items()}
    return Seen(found.get("version", ""), found.get("tools", 0), calls, found.get("refused", ""))


def _inspected(mode: str, visit: Visit, home: str) -> Seen:
    era = "modern" if mode == MODERN else mode

    def run(*arguments: str) -> tuple[dict, str]:
        command = [node.NODE, environments.node_folder() / INSPECTOR, "--cli", visit.url, "--transport", "http"]
        command += ["--header", f"Authorization: Bearer {visit.key}", "--protocol-era", era, "--stored-auth-only"]
        done = subprocess.run(
            [*map(str, command), "--format", "json", *arguments],
            env=node.environment() | {"HOME": home, "USERPROFILE": home},
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
        return json.loads(done.stdout or "{}").get("result", {}), done.stderr.strip()

    listed, complaint = run("--method", "tools/list")
    if "tools" not in listed:
        return Seen(refused=complaint)
    calls = {}
    for tool in visit.calls:
        result, complaint = run("--method", "tools/call", "--tool-name", tool)
        said = " ".join(part["text"] for part in result.get("content", []) if part["type"] == "text")
        calls[tool] = Called("content" in result and not result.get("isError"), said or complaint)
    return Seen(tools=len(listed["tools"]), calls=calls)
