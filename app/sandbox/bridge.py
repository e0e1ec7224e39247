"""A bridge: any MCP server that talks over stdio, offered over streamable HTTP to clients of both eras.

`python -m app.sandbox.bridge --port 8304 -- mcp-server-time` serves it at http://127.0.0.1:8304/mcp. Tools, prompts,
resources and completions pass through as they are, with progress and cancelling; the server's own requests to clients
(sampling, elicitation, roots) and its logging don't. A server that dies is started again.
"""

import argparse
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskStatus
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server import Server, ServerRequestContext
from mcp.shared.message import SessionMessage
from mcp.types import CONNECTION_CLOSED, INTERNAL_ERROR, Request, RequestParams
from pydantic import RootModel

from app.sandbox import serving

START_S = 20  # for the server to answer its first request
CALL_S = 120  # for the server to answer any other
COMEBACK_S = 10  # for a request to wait until a server that died is back
PAUSE_S, LONGEST_PAUSE_S = 0.2, 5  # before starting it again; doubles each time
FORWARDED = {  # by the capability that the server must have
    "tools": ("tools/list", "tools/call"),
    "prompts": ("prompts/list", "prompts/get"),
    "resources": ("resources/list", "resources/templates/list", "resources/read"),
    "completions": ("completion/complete",),
}

RESERVED = "io.modelcontextprotocol/"

log = logging.getLogger(__name__)


class _Anything(RootModel[dict[str, Any]]):
    """A result that is passed on and not looked into."""


class Child:
    """The server behind the bridge: a process, one session with it, and both again whenever it ends."""

    def __init__(self, command: str, arguments: list[str]) -> None:
        self._parameters = StdioServerParameters(command=command, args=arguments)
        self._client: Client | None = None
        self._back = anyio.Event()

    @property
    def is_well(self) -> bool:
        return self._client is not None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Client]:
        """Yields its first session, for its name and capabilities. Raises what keeps it from starting at all."""
        async with anyio.create_task_group() as group:
            yield await group.start(self._keep_running)
            group.cancel_scope.cancel()

    async def ask(self, method: str, params: dict[str, Any], context: ServerRequestContext) -> dict[str, Any]:
        """Its result, as it is. Raises MCPError with its error, or ours when it is gone."""
        client = await self._present_client()
        wants_progress = "progressToken" in ((context.params or {}).get("_meta") or {})
        try:
            result = await client.session.send_request(
                Request[dict[str, Any], str](method=method, params=params),
                _Anything,
                request_read_timeout_seconds=CALL_S,
                progress_callback=context.session.report_progress if wants_progress else None,
            )
        except MCPError as problem:
            if problem.code == CONNECTION_CLOSED:
                raise MCPError(
                    INTERNAL_ERROR, "The server ended before it answered; it is being started again."
                ) from None
            raise
        return result.root

    async def _present_client(self) -> Client:
        with anyio.move_on_after(COMEBACK_S):
            while self._client is None:
                await self._back.wait()
        if self._client is None:
            raise MCPError(INTERNAL_ERROR, "The server has ended and doesn't start; see the bridge's log.")
        return self._client

    async def _keep_running(self, *, task_status: TaskStatus[Client]) -> None:
        await self._run_once(task_status)
        pause_s = PAUSE_S
        while True:
            log.warning("bridge.server_ended", extra={"command": self._parameters.command, "pause_s": pause_s})
            await anyio.sleep(pause_s)
            try:
                await self._run_once()
                pause_s = PAUSE_S
            except (OSError, MCPError, TimeoutError) as problem:
                log.error("bridge.server_does_not_start", extra={"problem": str(problem)})
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _run_once(self, task_status: TaskStatus[Client] = anyio.TASK_STATUS_IGNORED) -> None:
        ended = anyio.Event()
        async with Client(_watched(self._parameters, ended), read_timeout_seconds=START_S, cache=None) as client:
            self._client = client
            self._back.set()
            task_status.started(client)
            try:
                await ended.wait()
            finally:
                self._client = None
                self._back = anyio.Event()


def forward(server: Server, child: Child, client: Client) -> None:
    """Make `server` answer as `client`'s peer does, under its name, with what it can do."""

    async def handler(context: ServerRequestContext, _: RequestParams) -> dict[str, Any]:
        params = dict(context.params or {})
        params["_meta"] = _for_the_child(params.get("_meta") or {})
        return await child.ask(context.method, params, context)

    if client.server_info is not None:
        server.name, server.version = client.server_info.name, client.server_info.version
        server.title, server.description = client.server_info.title, client.server_info.description
    server.instructions = client.instructions
    for capability, methods in FORWARDED.items():
        if getattr(client.server_capabilities, capability) is not None:
            for method in methods:
                server.add_request_handler(method, RequestParams, handler)


def main() -> None:
    """Serve until a signal says stop."""
    parser = argparse.ArgumentParser(
        prog="python -m app.sandbox.bridge", description="Serve a stdio MCP server by HTTP."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("command", help="the server's command, after --")
    parser.add_argument("arguments", nargs="*", help="its arguments")
    options = parser.parse_args()

    serving.set_up_logs()
    child, server = Child(options.command, options.arguments), Server("bridge")

    @asynccontextmanager
    async def beside() -> AsyncIterator[None]:
        async with child.running() as client:
            forward(server, child, client)
            yield

    serving.serve(serving.app(server, lambda: child.is_well, beside), options.port)


def _for_the_child(meta: dict[str, Any]) -> dict[str, Any]:
    """`_meta` without what belongs to the client's own connection; the session with the child fills in its own."""
    return {name: value for name, value in meta.items() if name != "progressToken" and not name.startswith(RESERVED)}


@asynccontextmanager
async def _watched(parameters: StdioServerParameters, ended: anyio.Event) -> AsyncIterator[tuple[Any, Any]]:
    """The SDK's transport to a process started for it; sets `ended` when the process says no more."""
    sender, receiver = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    async with stdio_client(parameters) as (messages, write), anyio.create_task_group() as group:

        async def pump() -> None:
            async with sender, messages:
                async for message in messages:
                    await sender.send(message)
            ended.set()

        group.start_soon(pump)
        yield receiver, write
        group.cancel_scope.cancel()


if __name__ == "__main__":
    main()
