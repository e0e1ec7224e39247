"""What only the handshake era has: subscriptions by request, a log level, and streams that can be taken up again."""

from typing import Any

from mcp.server import Server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.types import (
    EmptyResult,
    JSONRPCMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)


def add_to(server: Server[Any]) -> None:
    """The requests that the SDK does not answer by itself."""

    async def settled(*_: object) -> EmptyResult:
        return EmptyResult()

    server.add_request_handler("resources/subscribe", SubscribeRequestParams, settled)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, settled)
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, settled)


class Events(EventStore):
    """All events of this process, oldest first; an event’s id is its place."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep one; message None: only its id was sent, so that there is one to come back with."""
        self._kept.append((stream_id, message))
        return str(len(self._kept))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send what came later on the same stream, and say which stream that was."""
        place = int(last_event_id)
        stream_id = self._kept[place - 1][0]
        for number, (stream, message) in enumerate(self._kept[place:], place + 1):
            if stream == stream_id and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream_id
