"""Integrations that speak one era only, as scripts: what they answer is up to a test, how they begin is not."""

import asyncio
import json
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlmodel import Session

from app.core import changes, clock
from app.integrations.models import Integration
from tests.gateway.upstreams import Request, answer

META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
HANDSHAKE = "2025-11-25"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HELLO = {"content": [{"type": "text", "text": "Hello, Ada"}], "isError": False}


def modern(method="tools/call", *, name="greet", arguments=None, message_id=7, capabilities=None, **params):
    """A request of 2026-07-28."""
    meta = {META + "protocolVersion": MODERN, META + "clientCapabilities": capabilities or {}}
    if method == "tools/call":
        params = {"name": name, "arguments": arguments or {"name": "Ada"}, **params}
    return {"jsonrpc": "2.0", "id": message_id, "method": method, "params": {**params, "_meta": meta}}


def modern_headers(caller, message):
    """The headers that go with it."""
    named = message["params"].get("name", message["params"].get("uri"))
    return caller.usual(
        ("MCP-Protocol-Version", MODERN),
        ("Mcp-Method", message["method"]),
        *([("Mcp-Name", named)] if named else []),
    )


async def ask_modern(caller, message, **more):
    return await caller.call(message, headers=modern_headers(caller, message), **more)


def event(message) -> bytes:
    return b"event: message\ndata: " + json.dumps(message).encode() + b"\n\n"


def events_of(body: bytes) -> list:
    """The messages in a stream of events."""
    lines = [line for line in body.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line[6:]) for line in lines]


def response(request: Request, result) -> bytes:
    return answer(json.dumps({"jsonrpc": "2.0", "id": request.message["id"], "result": result}).encode())


def stream_head() -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@dataclass
class OldServer:
    """Of the handshake era: wants a session. on_call(server, request, writer) answers what is not about the session.

    asked_back: for what the server asks the client: the responses that came.
    """

    on_call: object = None
    sessions: int = 0
    ended: int = 0
    is_forgetful: bool = False
    asked_back: asyncio.Queue = field(default_factory=asyncio.Queue)

    async def __call__(self, request, reader, writer):
        if request.method == "DELETE":
            self.ended += 1
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        message = request.message
        if message.get("method") == "initialize":
            self.sessions += 1
            said = {"protocolVersion": HANDSHAKE, "capabilities": {"tools": {}}, "serverInfo": {"name": "old"}}
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": said}).encode()
            writer.write(answer(body, more=f"Mcp-Session-Id: old-{self.sessions}\r\n"))
            return
        session = request.header("mcp-session-id")
        if session != f"old-{self.sessions}" or self.is_forgetful:
            self.is_forgetful = False
            self.sessions += 1 if session == f"old-{self.sessions}" else 0
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        elif "method" not in message:
            self.asked_back.put_nowait(message)
            writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        elif "id" not in message:
            writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        elif self.on_call is not None:
            await self.on_call(self, request, writer)
        else:
            writer.write(response(request, HELLO))


def speaks(caller, *versions, slug="sampler", server=None):
    """Let the gateway believe that an integration speaks only `versions`."""
    with Session(caller.engine) as session:
        found = session.scalars(select(Integration).where(Integration.slug == slug)).one()
        found.protocol_versions = list(versions)
        found.server = server or {"capabilities": {"tools": {"listChanged": True}}, "serverInfo": {"name": slug}}
        session.add(found)
        changes.record(session, kind="tool", subject_id=found.id, now=clock.now())
        session.commit()


async def knows(caller, *versions, **more):
    """The same, and come back when the gateway knows it."""
    speaks(caller, *versions, **more)
    assert await caller.gateway.parts.feed.catch_up(timeout_s=60)
