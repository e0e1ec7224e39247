"""Talking to an MCP server in a test with the official client, from start to finish within one call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult

from tests.waiting import PATIENCE_S

Said = TypeVar("Said")

ERAS = ("legacy", "2026-07-28")


def talk(url: str, era: str, conversation: Callable[[Client], Awaitable[Said]]) -> Said:
    """What `conversation` returns when given a client of `era` connected to `url`."""

    async def connected() -> Said:
        async with asyncio.timeout(PATIENCE_S), Client(url, mode=era) as client:
            return await conversation(client)

    return asyncio.run(connected())


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Come back when `check` says so; the conversation's own timeout is the deadline."""
    while not await check():
        await asyncio.sleep(0.02)


async def refusal(client: Client, tool: str, arguments: dict[str, object]) -> MCPError:
    """The protocol error that calling `tool` ends in."""
    with pytest.raises(MCPError) as refused:
        await client.call_tool(tool, arguments)
    return refused.value


async def sleepers(client: Client) -> int:
    """How many calls of the sampler's `sleep` are running."""
    return int((await client.read_resource("sampler://sleepers", cache_mode="bypass")).contents[0].text)


async def cancelled_sleep(client: Client) -> int:
    """Call `sleep`, cancel the call once it runs; how many sleep after that (it waits for 0)."""

    call = await sleeping_call(client)
    call.cancel()
    await until(lambda: _are_asleep(client, 0))
    return await sleepers(client)


async def sleeping_call(client: Client) -> asyncio.Task[CallToolResult]:
    """A call of `sleep` that is running at the server and would take long."""
    call = asyncio.create_task(client.call_tool("sleep", {"seconds": 30}))
    await until(lambda: _are_asleep(client, 1))
    return call


async def _are_asleep(client: Client, count: int) -> bool:
    return await sleepers(client) == count
