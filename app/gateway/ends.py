"""How a request ends that did not end well: refused, left by its caller, or met by a mistake of ours."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

from app.gateway import errors
from app.gateway.caller import Caller, CallerLeft
from app.gateway.errors import Refused
from app.gateway.incoming import Incoming
from app.gateway.refusals import Refusals
from app.gateway.reply import Reply

log = logging.getLogger(__name__)


class Ends:
    """One per gateway."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    async def guarded(self, rest: Awaitable[None], incoming: Incoming, caller: Caller, reply: Reply) -> None:
        """Await what answers a request. Raises nothing."""
        try:
            await rest
        except Refused as refused:
            await self.refuse(refused, incoming, caller, reply)
        except CallerLeft:
            log.debug("request.abandoned")
        except Exception:  # noqa: BLE001  (it is logged there)
            await self.apologise(incoming, reply)

    async def refuse(self, refused: Refused, incoming: Incoming, caller: Caller, reply: Reply) -> None:
        """Say why."""
        try:
            await self._refusals.answer(refused, incoming, caller, reply)
        except CallerLeft:
            log.debug("request.abandoned")

    def apologise(self, incoming: Incoming, reply: Reply) -> Coroutine[Any, Any, None]:
        """To be called while a mistake of ours is being handled; what it gives is to be awaited."""
        log.exception("gateway.bug", extra={"path": incoming.path[:200]})
        return asyncio.sleep(0) if reply.is_started else reply.whole(500, errors.apology(incoming.request_id))
