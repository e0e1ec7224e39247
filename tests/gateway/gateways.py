"""A gateway in this process, called as a server would call it, but without one in between."""

import asyncio
import hashlib
import json
import re
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlmodel import Session

from app.core.config import Settings
from app.gateway import caller
from app.gateway.app import Gateway
from app.gateway.incoming import Incoming
from app.gateway.reply import Reply
from app.metering.models import Attempt, UsageEvent, UsageHour
from tests.waiting import PATIENCE_S

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "greet", "arguments": {"name": "Ada"}}}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "prompts/list"}
"""What is free and passed on. (tools/list is free too, and answered by the gateway itself.)"""
RESULT = {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "Hello, Ada"}], "isError": False}}

RECEIPT = re.compile(rb'"_meta":\{"postern/receipt":"[^"]*"\},?')

PATIENT = {
    "policy_max_age_s": PATIENCE_S,
    "ledger_timeout_s": PATIENCE_S,
    "body_timeout_s": PATIENCE_S,
    "connect_timeout_s": PATIENCE_S,
    "answer_timeout_s": 10 * PATIENCE_S,
    "idle_timeout_s": 10 * PATIENCE_S,
}
"""Settings of a gateway that gives nothing up because a machine is busy; integrations may be silent for longer than a
test waits. A test of a limit sets that one.
"""


@dataclass
class Answer:
    """What a caller received. pieces: the body as it came; is_complete: whether it ended as it should."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    is_complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def passed(self) -> bytes:
        """The body as the integration sent it: without the receipt that the gateway put into it."""
        return RECEIPT.sub(b"", self.body)

    @property
    def receipt(self) -> str | None:
        """The id in the header, which stands alone or before the rest of a receipt."""
        found = self.header("postern-receipt")
        return found and found.partition(".")[0]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    def header(self, name: str) -> str | None:
        found = [value for given, value in self.headers if given == name]
        assert len(found) < 2, f"{name} came twice"
        return found[0] if found else None


class Request:
    """A request under way: `answer` fills up as the gateway sends. The gateway's Source and Outlet, for want of a wire.

    messages: of the body, as {"body": …, "more_body": …}.
    """

    def __init__(self, gateway, incoming, messages):
        self.answer = Answer()
        self._caller = caller.Caller(asyncio.get_running_loop(), self)
        self._reply = Reply(self, incoming.request_id)
        self._is_gone = False
        for message in messages:
            self.send_body(message["body"], more=message["more_body"])
        over = asyncio.Event()
        self._work = gateway.begin(incoming, self._caller, self._reply, over.set)
        self.task = asyncio.create_task(self._until(over))

    async def _until(self, over):
        try:
            await over.wait()
        except asyncio.CancelledError:
            self._work.cancel()
            raise

    def send_body(self, body, *, more=False):
        """Another piece of the body."""
        if body:
            self._caller.feed(body)
        if not more:
            self._caller.end()

    def hang_up(self):
        self._is_gone = True
        self._caller.leave()

    async def finished(self) -> Answer:
        await self.task
        return self.answer

    # What the gateway asks of a connection

    def hold(self):
        """Nothing is on its way here that could be held."""

    def go_on(self):
        """Nor is anything waiting."""

    def start(self, status, headers, *, is_followed=False):
        if not self._is_gone:
            self.answer.status = status
            self.answer.headers = [(name.decode(), value.decode("latin-1")) for name, value in headers]

    def send(self, data):
        if not self._is_gone:
            self.answer.pieces.append(data)

    def finish(self, data):
        self.send(data)
        self.answer.is_complete = not self._is_gone

    def whole(self, status, headers, body):
        self.start(status, headers)
        self.finish(body)

    def room(self):
        return None


class Caller:
    """Calls `gateway` with `secret` unless told otherwise."""

    def __init__(self, gateway: Gateway, secret: str, engine):
        self.gateway = gateway
        self.secret = secret
        self.engine = engine

    def start(self, message=CALL, *, path="/mcp/sampler", method="POST", headers=None, body=None, raw=None, query=b""):
        """headers: instead of the usual ones; body: instead of message; raw: pieces of a body instead of either."""
        if headers is None:
            headers = self.usual()
        if body is None:
            body = json.dumps(message).encode() if method == "POST" else b""
        lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        messages = raw if raw is not None else [{"body": body, "more_body": False}]
        return Request(self.gateway, Incoming(method, path, query, lines, "192.0.2.7"), messages)

    async def call(self, message=CALL, **more) -> Answer:
        return await self.start(message, **more).finished()

    def usual(self, *more):
        return [
            ("Host", "gateway.example"),
            ("Authorization", f"Bearer {self.secret}"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            *more,
        ]

    async def policy_gets_old(self):
        """Come back when the gateway's policy is too old to be trusted; to be called once its database fails."""
        feed = self.gateway.parts.feed
        assert not await feed.catch_up(timeout_s=PATIENCE_S)  # so that no look is under way that could make it young
        feed._fresh_at -= PATIENT["policy_max_age_s"]

    def session(self, upstreams_own: str, slug="sampler") -> str:
        """What this caller gets as the id of an integration's session."""
        parts = self.gateway.parts
        key_id = parts.policy.live[hashlib.sha256(self.secret.encode()).digest()].key_id
        integration_id = parts.policy.destinations[slug].route.integration_id
        return parts.sessions.bound(upstreams_own.encode(), key_id=key_id, integration_id=integration_id).decode()

    @property
    def events(self) -> list[UsageEvent]:
        return self._all(UsageEvent)

    @property
    def hours(self) -> list[UsageHour]:
        return self._all(UsageHour)

    @property
    def attempts(self) -> list[Attempt]:
        return self._all(Attempt)

    def _all(self, table):
        with Session(self.engine) as session:
            return list(session.scalars(select(table)))


@asynccontextmanager
async def open_gateway(
    engine, session, make, *, upstream_url="http://127.0.0.1:9/mcp", slug="sampler", tools=("greet", "slow"), **settings
):
    """A caller of a started gateway with one key and one integration."""
    secrets = []
    make.key(secret=secrets)
    make.integration(slug, upstream_url=upstream_url, tools=tools)
    session.commit()
    chosen = {
        "environment": "development",
        "gateway_url": "http://gateway.example",
        "portal_url": "http://portal.example",
        **PATIENT,
    }
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Settings(**{**chosen, "spool_dir": folder, **settings}), engine)
        await gateway.start()
        try:
            yield Caller(gateway, secrets[0], engine)
        finally:
            await gateway.stop()
